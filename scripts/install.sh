#!/usr/bin/env bash
# Installs what `make build` has built, or removes it: make install, make uninstall.
#
#   PREFIX      /usr/local           program, documents, dashboards, pipelines without GPL
#   SYSCONFDIR  /etc                 sightglass/sightglass.toml, never overwritten
#   UNITDIR     /etc/systemd/system  units; /usr/lib/systemd/system with PREFIX=/usr
#   DESTDIR     (none)               comes before all of them: for packages
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PREFIX="${PREFIX:-/usr/local}" SYSCONFDIR="${SYSCONFDIR:-/etc}" DESTDIR="${DESTDIR:-}"
readonly UNITDIR="${UNITDIR:-/etc/systemd/system}"
readonly BIN="$DESTDIR$PREFIX/bin" SHARE="$DESTDIR$PREFIX/share/sightglass" DOC="$DESTDIR$PREFIX/share/doc/sightglass"
readonly UNITS="$DESTDIR$UNITDIR" CONFIG="$DESTDIR$SYSCONFDIR/sightglass"
readonly PROGRAM="${CARGO_TARGET_DIR:-target}/release/sightglass"

say() { printf 'install: %s\n' "$*"; }

# Of this system, not of a folder that is to become a package.
reload_systemd() {
    [[ -z "$DESTDIR" && -d /run/systemd/system ]] || return 0
    systemctl daemon-reload
}

install_all() {
    if [[ ! -x "$PROGRAM" ]]; then
        say "there is no $PROGRAM: run make build first" >&2
        exit 1
    fi
    install -D -m 755 "$PROGRAM" "$BIN/sightglass"
    install -D -m 644 -t "$DOC" LICENSE-MIT LICENSE-APACHE README.md docs/licences.md
    local folder
    for folder in prometheus/rules grafana/dashboards openh264; do
        install -D -m 644 -t "$SHARE/$folder" "deploy/$folder"/*
    done
    local unit
    for unit in sightglass.service sightglass.socket; do
        install -d "$UNITS"
        sed -e "s|/usr/local/bin|$PREFIX/bin|g" -e "s|/etc/sightglass|$SYSCONFDIR/sightglass|g" \
            "deploy/systemd/$unit" >"$UNITS/$unit"
        chmod 644 "$UNITS/$unit"
    done
    # The operator's own.
    if [[ ! -e "$CONFIG/sightglass.toml" ]]; then
        install -D -m 644 deploy/systemd/sightglass.toml "$CONFIG/sightglass.toml"
    fi
    reload_systemd
    say "done; start it: systemctl enable --now sightglass"
}

uninstall_all() {
    rm -f "$BIN/sightglass" "$UNITS/sightglass.service" "$UNITS/sightglass.socket"
    rm -rf "$SHARE" "$DOC"
    reload_systemd
    say "removed; $CONFIG and the data in /var/lib/sightglass are left"
}

case "${1:-}" in
    install) install_all ;;
    uninstall) uninstall_all ;;
    *)
        echo "usage: scripts/install.sh install|uninstall" >&2
        exit 2
        ;;
esac
