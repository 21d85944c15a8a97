#!/usr/bin/env bash
# Fuzzes what reads strangers' bytes: `fuzz.sh [TARGET...]`, all targets unless told, FUZZ_SECONDS (600) each, FUZZ_JOBS
# (1) at a time. Needs a nightly compiler and cargo-fuzz; what is found lies in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly SECONDS_EACH="${FUZZ_SECONDS:-600}" JOBS="${FUZZ_JOBS:-1}"

cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked

# Real footage and real playlists to begin from; small, because a fuzzer is only as fast as its input is short.
seed() {
    local target
    for target in "$@"; do
        mkdir -p "fuzz/corpus/$target"
        [[ ! -d "fuzz/seeds/$target" ]] || cp -n "fuzz/seeds/$target"/* "fuzz/corpus/$target/"
    done
    local clip
    for clip in bbb.ts mpeg2i.ts radio.ts two-programmes.ts codecs/hevc.ts codecs/latm.ts codecs/opus.ts; do
        # The first byte tells the target how to slice.
        { printf '\033' && head -c 24064 ".media/$clip"; } >"fuzz/corpus/ts/${clip//\//-}"
    done
    cp .media/bbb-4s/index.m3u8 fuzz/corpus/hls/bbb.m3u8
    local form
    for form in mp4 flv asf adts mp3; do
        # The first byte tells the target which container it is told, and how to slice.
        local codecs=(-c:v copy -c:a aac) told='\310'
        case "$form" in
        mp4) codecs+=(-movflags cmaf+frag_keyframe+empty_moov) told='\312' ;;
        flv) told='\313' ;;
        asf) codecs=(-c:v msmpeg4 -s 160x90 -c:a wmav2) ;;
        adts) codecs=(-vn -c:a aac) told='\314' ;;
        mp3) codecs=(-vn -c:a libmp3lame) told='\314' ;;
        esac
        ffmpeg -nostdin -v error -y -t 0.4 -i .media/codecs/h264.ts "${codecs[@]}" -f "$form" "fuzz/corpus/seed.$form" 2>/dev/null
        { printf '%b' "$told" && head -c 49152 "fuzz/corpus/seed.$form"; } >"fuzz/corpus/remux/$form"
        { printf '\000' && head -c 4096 "fuzz/corpus/seed.$form"; } >"fuzz/corpus/detect/$form"
    done
    ffmpeg -nostdin -v error -y -t 0.4 -i .media/codecs/h264.ts -c:v copy -c:a aac -f mp4 -movflags faststart fuzz/corpus/seed.mp4
    { printf '\312' && head -c 49152 fuzz/corpus/seed.mp4; } >fuzz/corpus/remux/mp4-whole
    { printf '\311' && head -c 24064 .media/codecs/h264.ts; } >fuzz/corpus/remux/ts
    # A header and a packet of data as MMS frames them, and the header alone.
    {
        printf '\033$H\010\020\0\0\0\0\0\014\010\020' && head -c 4096 fuzz/corpus/seed.asf
        printf '$D\360\003\0\0\0\0\0\0\360\003' && head -c 1000 fuzz/corpus/seed.asf
        printf '$E\004\0\0\0\0\0'
    } >fuzz/corpus/mms/framed
    { printf '\033' && head -c 8192 fuzz/corpus/seed.asf; } >fuzz/corpus/mms/header
    rm fuzz/corpus/seed.*
    { printf '\000' && head -c 4096 .media/bbb.ts; } >fuzz/corpus/detect/ts
}

run() {
    local target="$1"
    echo "fuzz: $target for $SECONDS_EACH s"
    cargo +nightly fuzz run "$target" -- -max_total_time="$SECONDS_EACH" -rss_limit_mb=1024 -timeout=10 -max_len=65536 \
        -print_final_stats=1 >"fuzz/target/$target.log" 2>&1 || {
        tail -n 40 "fuzz/target/$target.log"
        echo "fuzz: $target FOUND SOMETHING (fuzz/target/$target.log)" >&2
        return 1
    }
    # Runs, edges covered, the corpus, runs a second, and the most memory.
    grep -aE '^#[0-9]+\s+DONE|^stat::(average_exec_per_sec|peak_rss_mb)' "fuzz/target/$target.log" | sed "s/^/fuzz: $target: /"
}
export -f run
export SECONDS_EACH

mapfile -t all < <(cd fuzz/fuzz_targets && ls -- *.rs | sed 's/\.rs$//')
targets=("${@:-}")
[[ -n "${targets[0]}" ]] || targets=("${all[@]}")
seed "${all[@]}"
cargo +nightly fuzz build
printf '%s\n' "${targets[@]}" | xargs -P "$JOBS" -I{} bash -euo pipefail -c 'run {}'
