#!/usr/bin/env bash
# Installs what is missing from the system, by apt on Debian and Ubuntu.
#
#   scripts/setup.sh run    what building and running need
#   scripts/setup.sh test   what the tests need on top
#
# Does nothing, and needs no rights, when everything is there. Reads no input.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

readonly GSTREAMER_MIN=1.22
readonly RUST_MIN=1.92
readonly NODE_MIN=18

# Packages that have no command to be recognised by.
readonly RUN_PACKAGES=(
    ca-certificates libc6-dev libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
    gstreamer1.0-plugins-ugly gstreamer1.0-libav tzdata
)
# command:package. A command that came from elsewhere than apt is as good.
readonly RUN_COMMANDS=(gcc:gcc pkg-config:pkg-config node:nodejs npm:npm)
readonly TEST_COMMANDS=(
    ffmpeg:ffmpeg ffprobe:ffmpeg gst-launch-1.0:gstreamer1.0-tools mpv:mpv nginx:nginx-light openssl:openssl
    prometheus:prometheus promtool:prometheus prometheus-alertmanager:prometheus-alertmanager
    haproxy:haproxy nix-instantiate:nix-bin systemd-analyze:systemd
    chromium:chromium
    curl:curl slowhttptest:slowhttptest cvlc:vlc-bin tsplay:tstools ip:iproute2 unshare:util-linux setpriv:util-linux
)
# package:service. The tests start daemons of their own; those of the system are not wanted for it.
readonly UNWANTED_SERVICES=(nginx-light:nginx prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager haproxy:haproxy)
# VLC plays nothing without its plugins; nginx finds its modules where Debian puts them; gst-rtsp-server comes from Python,
# and so do a WebSocket client that compresses and the check of the manifests.
readonly TEST_PACKAGES=(python3-jsonschema python3-yaml vlc-plugin-base libnginx-mod-rtmp libnginx-mod-stream python3-gi gir1.2-gst-rtsp-server-1.0
    python3-websockets)
# Only fetching the clips needs these.
readonly FETCH_COMMANDS=(python3:python3 pip3:python3-pip)

say() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# Daemons such as nginx live where the PATH of a user does not look.
has_command() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null; }
has_package() { [[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]; }
has_gstreamer() { pkg-config --atleast-version="$GSTREAMER_MIN" gstreamer-1.0 gstreamer-app-1.0 gstreamer-video-1.0; }

# Whether $1 <= $2 as versions.
no_newer() { [[ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" == "$1" ]]; }

check_rust() {
    command -v cargo >/dev/null || fail "Rust is missing: install $RUST_MIN or newer with rustup (https://rustup.rs)"
    local version
    version="$(rustc --version | cut -d ' ' -f 2)"
    no_newer "$RUST_MIN" "${version%%-*}" || fail "Rust $version is too old: $RUST_MIN or newer is needed (rustup update)"
}

missing_commands() {
    local entry
    for entry in "$@"; do
        has_command "${entry%%:*}" || printf '%s\n' "${entry#*:}"
    done
}

missing_packages() {
    local package
    for package in "$@"; do
        has_package "$package" || printf '%s\n' "$package"
    done
}

as_root() {
    if [[ "$(id -u)" == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        # Ask for a password only where there is somebody to type it.
        if [[ -t 1 ]]; then sudo "$@"; else sudo -n "$@"; fi
    else
        fail "root is needed to install packages: become root, install sudo, or run: apt-get install --no-install-recommends ${missing[*]}"
    fi
}

# Disables the services of packages that were installed just now, if there is a service manager at all.
disable_services() {
    [[ -d /run/systemd/system ]] || return 0
    local entry
    for entry in "${UNWANTED_SERVICES[@]}"; do
        if [[ " ${missing[*]} " == *" ${entry%%:*} "* ]]; then
            as_root systemctl disable --now "${entry#*:}" </dev/null || say "could not disable the service ${entry#*:}"
        fi
    done
}

main() {
    local what="${1:-run}"
    local -a commands=("${RUN_COMMANDS[@]}") packages=("${RUN_PACKAGES[@]}")
    case "$what" in
        run) ;;
        test)
            commands+=("${TEST_COMMANDS[@]}")
            packages+=("${TEST_PACKAGES[@]}")
            scripts/media.sh --have-clips || commands+=("${FETCH_COMMANDS[@]}")
            ;;
        *) fail "usage: scripts/setup.sh run|test" ;;
    esac
    check_rust

    missing=()
    if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
        mapfile -t missing < <(
            { missing_commands "${commands[@]}"; missing_packages "${packages[@]}"; } | sort -u
        )
    else
        mapfile -t missing < <(missing_commands "${commands[@]}" | sort -u)
        if ((${#missing[@]})) || ! has_gstreamer; then
            fail "this is neither Debian nor Ubuntu: install by hand GStreamer $GSTREAMER_MIN or newer with its development files," \
                "its base, good, bad, ugly and libav plugins, and what else Debian calls: ${missing[*]:-(nothing)}"
        fi
    fi

    if ((${#missing[@]})); then
        say "installing ${missing[*]}"
        as_root apt-get update -qq </dev/null
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
        disable_services
    fi
    local node
    node="$(node --version)"
    no_newer "$NODE_MIN" "${node#v}" || fail "node $node is too old to build the page: $NODE_MIN or newer is needed (Debian 12, Ubuntu 24.04)"
    has_gstreamer || fail "GStreamer $(pkg-config --modversion gstreamer-1.0) is too old: $GSTREAMER_MIN or newer is needed (Debian 12, Ubuntu 23.04)"
}

missing=()
main "$@"
