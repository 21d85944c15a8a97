#!/usr/bin/env bash
# Builds the release twice, in two copies of the repository at different places, and compares the programs bit by bit.
#
# Paths of the builder are kept out of the program (--remap-path-prefix), so that where it is built makes no difference.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly COMMIT="$(git rev-parse HEAD)"
tmp="$(mktemp -d "${TMPDIR:-/tmp}/sightglass-reproducible.XXXXXX")"
trap 'rm -rf "$tmp"' EXIT

build() {
    local folder="$tmp/$1"
    mkdir -p "$folder"
    # As it was at the start: somebody may commit meanwhile.
    git archive "$COMMIT" | tar -x -C "$folder"
    (
        cd "$folder"
        (cd web && npm ci --no-audit --no-fund --silent && npm run --silent build) </dev/null >&2
        export SIGHTGLASS_COMMIT="$COMMIT" SOURCE_DATE_EPOCH=0 CARGO_TARGET_DIR="$folder/target"
        # C code, too: jemalloc and ring.
        export CFLAGS="-ffile-prefix-map=$folder=. -ffile-prefix-map=$HOME=~"
        export RUSTFLAGS="--remap-path-prefix=$folder=. --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
        make --silent web </dev/null
        cargo build --release --locked --quiet </dev/null
    )
    sha256sum <"$folder/target/release/sightglass" | cut -d ' ' -f 1
}

echo "reproducible: building commit $COMMIT twice"
first="$(build first)"
second="$(build a/second/place)"
echo "reproducible: $first"
echo "reproducible: $second"
if [[ "$first" != "$second" ]]; then
    echo "reproducible: they differ" >&2
    cmp "$tmp/first/target/release/sightglass" "$tmp/a/second/place/target/release/sightglass" >&2 || true
    exit 1
fi
echo "reproducible: the same"
