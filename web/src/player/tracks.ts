// Finds the audio tracks of MPEG-TS in its tables (ISO/IEC 13818-1, 2.4.4): a browser plays one and tells nothing of others.

const PACKET = 188;
const SYNC = 0x47;

export interface AudioTrack {
  readonly pid: number;
  /** ISO 639-2; null when it is not told. */
  readonly language: string | null;
  readonly codec: string;
}

const STREAM_TYPES: Record<number, string> = { 0x03: "MP2", 0x04: "MP2", 0x0f: "AAC", 0x11: "AAC (LATM)", 0x81: "AC-3", 0x87: "E-AC-3" };
/** Descriptors that tell what private data (0x06) is (ETSI EN 300 468). */
const DESCRIPTORS: Record<number, string> = { 0x6a: "AC-3", 0x7a: "E-AC-3", 0x7b: "DTS", 0x7c: "AAC" };
const REGISTERED: Record<string, string> = { "AC-3": "AC-3", EAC3: "E-AC-3", Opus: "Opus" };

/** The first section of a table that begins in a packet of this PID, if the packet has it whole. */
function section(data: Uint8Array, pid: number): Uint8Array | null {
  for (let at = 0; at + PACKET <= data.length; at += PACKET) {
    const [sync, high = 0, low = 0, flags = 0] = data.subarray(at, at + 4);
    if (sync !== SYNC) return null;
    if ((((high & 0x1f) << 8) | low) !== pid || (high & 0x40) === 0) continue;
    const start = at + 4 + ((flags & 0x20) !== 0 ? 1 + (data[at + 4] ?? 0) : 0);
    const begin = start + 1 + (data[start] ?? 0);
    const length = (((data[begin + 1] ?? 0) & 0x0f) << 8) | (data[begin + 2] ?? 0);
    if (begin + 3 + length <= at + PACKET) return data.subarray(begin, begin + 3 + length);
  }
  return null;
}

function describe(type: number, descriptors: Uint8Array): { codec: string | null; language: string | null } {
  let codec = STREAM_TYPES[type] ?? null;
  let language: string | null = null;
  for (let at = 0; at + 2 <= descriptors.length; ) {
    const [tag = 0, length = 0] = descriptors.subarray(at, at + 2);
    const body = descriptors.subarray(at + 2, at + 2 + length);
    if (tag === 0x0a && body.length >= 3) {
      const text = String.fromCharCode(...body.subarray(0, 3)).toLowerCase();
      if (/^[a-z]{3}$/.test(text) && text !== "und") language = text;
    }
    if (type === 0x06 && tag === 0x05) codec ??= REGISTERED[String.fromCharCode(...body.subarray(0, 4))] ?? null;
    if (type === 0x06) codec ??= DESCRIPTORS[tag] ?? null;
    at += 2 + length;
  }
  return { codec, language };
}

/** The audio tracks of the first programme, in their order; null when the tables are not there. */
export function audioTracks(data: Uint8Array): AudioTrack[] | null {
  const pat = section(data, 0);
  if (!pat) return null;
  let map: number | null = null;
  for (let at = 8; at + 4 <= pat.length - 4 && map === null; at += 4) {
    const programme = ((pat[at] ?? 0) << 8) | (pat[at + 1] ?? 0);
    if (programme !== 0) map = (((pat[at + 2] ?? 0) & 0x1f) << 8) | (pat[at + 3] ?? 0);
  }
  const pmt = map === null ? null : section(data, map);
  if (!pmt) return null;
  const tracks: AudioTrack[] = [];
  const info = (((pmt[10] ?? 0) & 0x0f) << 8) | (pmt[11] ?? 0);
  for (let at = 12 + info; at + 5 <= pmt.length - 4; ) {
    const pid = (((pmt[at + 1] ?? 0) & 0x1f) << 8) | (pmt[at + 2] ?? 0);
    const length = (((pmt[at + 3] ?? 0) & 0x0f) << 8) | (pmt[at + 4] ?? 0);
    const { codec, language } = describe(pmt[at] ?? 0, pmt.subarray(at + 5, at + 5 + length));
    if (codec !== null) tracks.push({ pid, language, codec });
    at += 5 + length;
  }
  return tracks;
}

const LANGUAGES = typeof Intl === "undefined" ? null : new Intl.DisplayNames(undefined, { type: "language" });

/** `German, AC-3` */
export function trackName(track: AudioTrack, index: number): string {
  let language = track.language;
  try {
    language = language === null ? null : (LANGUAGES?.of(language) ?? language);
  } catch {
    // No code of a language: it is shown as it came.
  }
  return `${language ?? `Track ${index + 1}`}, ${track.codec}`;
}
