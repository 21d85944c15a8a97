//! Builds inputs.

/// A box.
pub(super) fn bx(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let size = (content.len() as u32 + 8).to_be_bytes();
    [&size[..], kind, &content].concat()
}

fn be(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
}

pub(super) const SPS: [u8; 4] = [0x67, 100, 0, 31];
pub(super) const PPS: [u8; 2] = [0x68, 0xee];

fn avcc() -> Vec<u8> {
    let head = [1, 100, 0, 31, 0xff, 0xe1, 0, 4];
    bx(b"avcC", &[&head, &SPS, &[1, 0, 2], &PPS])
}

/// An `avc1` entry, or one of another code.
pub(super) fn video_entry(code: &[u8; 4]) -> Vec<u8> {
    bx(code, &[&[0; 78], &avcc()])
}

/// An `mp4a` entry: AAC-LC, 48 kHz, stereo.
pub(super) fn audio_entry() -> Vec<u8> {
    let config = [
        4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 0x11, 0x90,
    ];
    let es = [&[0, 0, 0, 0, 3, 22, 0, 1, 0][..], &config].concat();
    bx(b"mp4a", &[&[0; 28], &bx(b"esds", &[&es])])
}

/// A protected `encv` entry.
pub(super) fn encrypted_entry() -> Vec<u8> {
    let schm = bx(b"schm", &[&[0; 4], b"cbcs", &[0; 4]]);
    let sinf = bx(b"sinf", &[&bx(b"frma", &[b"avc1"]), &schm]);
    bx(b"encv", &[&[0; 78], &avcc(), &sinf])
}

/// A track of a movie: id, time scale, sample entry, edits as (duration, media time), tables.
pub(super) struct Trak<'a> {
    pub(super) id: u32,
    pub(super) scale: u32,
    pub(super) entry: Vec<u8>,
    pub(super) edits: &'a [(u32, u32)],
    pub(super) tables: Vec<u8>,
}

impl Trak<'_> {
    pub(super) fn video() -> Self {
        Self {
            id: 1,
            scale: 12_800,
            entry: video_entry(b"avc1"),
            edits: &[],
            tables: vec![],
        }
    }

    pub(super) fn audio() -> Self {
        Self {
            id: 2,
            scale: 48_000,
            entry: audio_entry(),
            ..Self::video()
        }
    }

    fn build(&self) -> Vec<u8> {
        let sound = self.entry[4..8] == *b"mp4a";
        let handler: &[u8; 4] = if sound { b"soun" } else { b"vide" };
        let edits: Vec<u8> = (self.edits.iter())
            .flat_map(|(duration, time)| be(&[*duration, *time, 0x1_0000]))
            .collect();
        let elst = bx(b"elst", &[&be(&[0, self.edits.len() as u32]), &edits]);
        // "deu" in five bits a letter
        let mdhd = [&be(&[0, 0, 0, self.scale, 0])[..], &[0x10, 0xb5, 0, 0]].concat();
        let stsd = bx(b"stsd", &[&be(&[0, 1]), &self.entry]);
        let stbl = bx(b"stbl", &[&stsd, &self.tables]);
        let hdlr = bx(b"hdlr", &[&be(&[0, 0]), handler, &[0; 13]]);
        let minf = bx(b"minf", &[&stbl]);
        let mdia = bx(b"mdia", &[&bx(b"mdhd", &[&mdhd]), &hdlr, &minf]);
        let tkhd = bx(b"tkhd", &[&be(&[0, 0, 0, self.id])]);
        bx(b"trak", &[&tkhd, &bx(b"edts", &[&elst]), &mdia])
    }
}

/// A movie whose own scale is 1,000.
pub(super) fn moov(traks: &[Trak<'_>]) -> Vec<u8> {
    let mvhd = bx(b"mvhd", &[&be(&[0, 0, 0, 1000, 0])]);
    let all: Vec<u8> = traks.iter().flat_map(Trak::build).collect();
    let trex: Vec<u8> = (traks.iter())
        .flat_map(|trak| bx(b"trex", &[&be(&[0, trak.id, 1, 0, 0, 0])]))
        .collect();
    bx(b"moov", &[&mvhd, &all, &bx(b"mvex", &[&trex])])
}

/// A sample of one fragment: bytes, duration, composition offset, sync.
pub(super) type Sample = (Vec<u8>, u32, i32, bool);

/// A fragment of (track, base time, samples).
pub(super) fn fragment(tracks: &[(u32, u64, Vec<Sample>)]) -> Vec<u8> {
    let build = |start: usize| {
        let mut at = start;
        let trafs: Vec<u8> = (tracks.iter())
            .flat_map(|(id, time, samples)| {
                let tfhd = bx(b"tfhd", &[&be(&[0x2_0000, *id])]);
                let tfdt = bx(b"tfdt", &[&[1, 0, 0, 0], &time.to_be_bytes()]);
                let entries: Vec<u8> = (samples.iter())
                    .flat_map(|(bytes, duration, cts, sync)| {
                        let flags = if *sync { 0 } else { 0x1_0000 };
                        be(&[*duration, bytes.len() as u32, flags, cts.cast_unsigned()])
                    })
                    .collect();
                let head = be(&[0x0100_0f01, samples.len() as u32, at as u32]);
                at += samples.iter().map(|sample| sample.0.len()).sum::<usize>();
                bx(b"traf", &[&tfhd, &tfdt, &bx(b"trun", &[&head, &entries])])
            })
            .collect();
        bx(b"moof", &[&bx(b"mfhd", &[&[0; 8]]), &trafs])
    };
    let moof = build(build(0).len() + 8);
    let samples = tracks.iter().flat_map(|track| &track.2);
    let data: Vec<u8> = samples.flat_map(|sample| sample.0.clone()).collect();
    [moof, bx(b"mdat", &[&data])].concat()
}

/// A sample of H.264: an IDR picture, or a predicted one.
pub(super) fn picture(key: bool, size: usize) -> Vec<u8> {
    let mut unit = vec![if key { 0x65 } else { 0x41 }, if key { 0x88 } else { 0x9a }];
    unit.resize(size, 0x55);
    [&(size as u32).to_be_bytes()[..], &unit].concat()
}

/// Fragments of a second: video at 25 Hz with B pictures and AAC, from `first` s on.
pub(super) fn seconds(first: u64, count: u64, video: bool, audio: bool) -> Vec<Vec<u8>> {
    (first..first + count)
        .map(|second| {
            let mut tracks = Vec::new();
            if video {
                let samples = (0..25).map(|i| {
                    // As `negative_cts_offsets` has it: the first is shown when it is decoded.
                    let cts = [0, 1024, -512, -512][i % 4];
                    (picture(i == 0, 40 + i * 7), 512, cts, i == 0)
                });
                tracks.push((1, second * 12_800, samples.collect()));
            }
            if audio {
                let from = (second * 48_000).div_ceil(1024);
                let to = ((second + 1) * 48_000).div_ceil(1024);
                let samples = (from..to).map(|i| (vec![i as u8; 20], 1024, 0, true));
                tracks.push((2, from * 1024, samples.collect()));
            }
            fragment(&tracks)
        })
        .collect()
}

/// A file with `seconds` of video and audio.
pub(super) fn fragmented(count: u64) -> Vec<u8> {
    let movie = moov(&[Trak::video(), Trak::audio()]);
    let ftyp = bx(b"ftyp", &[b"iso6", &[0; 4]]);
    [ftyp, movie, seconds(0, count, true, true).concat()].concat()
}

/// Tables for `count` samples of `size` bytes each in one chunk at `offset`.
pub(super) fn tables(count: u32, size: u32, duration: u32, offset: u32) -> Vec<u8> {
    [
        bx(b"stts", &[&be(&[0, 1, count, duration])]),
        bx(b"stsz", &[&be(&[0, size, count])]),
        bx(b"stsc", &[&be(&[0, 1, 1, count, 1])]),
        bx(b"stco", &[&be(&[0, 1, offset])]),
    ]
    .concat()
}

/// An FLV tag.
pub(super) fn tag(kind: u8, timestamp: u32, body: &[u8]) -> Vec<u8> {
    let [_, size @ ..] = (body.len() as u32).to_be_bytes();
    let [high, time @ ..] = timestamp.to_be_bytes();
    let head = [&[kind][..], &size, &time, &[high, 0, 0, 0]].concat();
    [&head[..], body, &(body.len() as u32 + 11).to_be_bytes()].concat()
}

/// The body of a tag that configures H.264.
pub(super) fn flv_avc() -> Vec<u8> {
    [&[0x17, 0, 0, 0, 0][..], &avcc()[8..]].concat()
}

/// An FLV file: H.264 at 25 Hz and AAC, `frames` pictures.
pub(super) fn flv(frames: u32) -> Vec<u8> {
    let mut out = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    out.extend(tag(18, 0, b"\x02\0\x0aonMetaData"));
    out.extend(tag(9, 0, &flv_avc()));
    out.extend(tag(8, 0, &[0xaf, 0, 0x11, 0x90]));
    for i in 0..frames {
        let head = if i % 25 == 0 { 0x17 } else { 0x27 };
        let body = [&[head, 1, 0, 0, 40][..], &picture(i % 25 == 0, 60)].concat();
        out.extend(tag(9, i * 40, &body));
        out.extend(tag(
            8,
            i * 64 / 3,
            &[&[0xaf, 1][..], &[i as u8; 20]].concat(),
        ));
    }
    out
}
