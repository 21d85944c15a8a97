import { describe, expect, test } from "vitest";
import type { SessionRow } from "../src/live/types";
import { moved, shapeOf } from "../src/multiview/shape";
import { MOST, multiviewPath, parseIds, toggled } from "../src/multiview/picked";
import { beside, pause, previewUrl, qualities, readMultivariant } from "../src/player/choice";
import { Gate } from "../src/player/gate";
import { action } from "../src/player/keys";
import { reason } from "../src/player/reasons";
import { audioTracks, trackName } from "../src/player/tracks";
import { likelySession, waitingFor } from "../src/player/waiting";

describe("what is asked for", () => {
  test("URLs name only what was chosen", () => {
    expect(previewUrl("news", { quality: "", audio: "" })).toBe("/streams/preview/news/index.m3u8");
    expect(previewUrl("news", { quality: "low", audio: "de" }, 8000)).toBe("/streams/preview/news/index.m3u8?quality=low&audio=de&timeout=8000");
    const profiles = [{ name: "low", height: 480 }, { name: "own", height: 800 }];
    const names = (chosen: string): readonly string[] => qualities(chosen, profiles).map(([name]) => name);
    expect(names("low")).toEqual(["", "source", "own", "low"]);
    expect(names("gone")).toEqual(["", "source", "own", "low", "gone"]);
    expect(qualities("", profiles)[2]?.[1]).toBe("Own, 800 lines at most");
  });
  test("the playlist tells rendition and session", () => {
    const text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.video/index.m3u8?session=01AB&sig=x\n";
    expect(readMultivariant(text)).toEqual({ uri: "low.video/index.m3u8?session=01AB&sig=x", rendition: "low.video", session: "01AB" });
    expect(readMultivariant("#EXTM3U\n")).toBeNull();
  });
  test("tries again as the server says, else ever later", () => {
    expect(pause(3, 7)).toBe(7);
    expect([1, 2, 3, 4, 9].map((failures) => pause(failures, null))).toEqual([3, 6, 12, 24, 30]);
    expect(pause(1, 0)).toBe(1);
    expect(pause(1, 900)).toBe(60);
  });
  test("channels go round", () => {
    expect(beside(["a", "b", "c"], "c", 1)).toBe("a");
    expect(beside(["a", "b", "c"], "a", -1)).toBe("c");
    expect(beside(["a"], "x", 1)).toBe("a");
    expect(beside([], "x", 1)).toBeNull();
  });
});

describe("keys", () => {
  const key = (name: string, more = {}) => ({ key: name, ctrlKey: false, metaKey: false, altKey: false, ...more });
  test("do what the list says, but not where somebody writes or chooses", () => {
    expect(action(key("i"), null)).toBe("stats");
    expect(action(key("I"), null)).toBe("stats");
    expect(action(key("PageDown"), { tagName: "BODY" })).toBe("next");
    expect(action(key("f", { ctrlKey: true }), null)).toBeNull();
    expect(action(key("m"), { tagName: "INPUT", type: "text" })).toBeNull();
    expect(action(key("ArrowUp"), { tagName: "SELECT" })).toBeNull();
    expect(action(key("ArrowUp"), { tagName: "INPUT", type: "range" })).toBeNull();
    expect(action(key("m"), { tagName: "INPUT", type: "range" })).toBe("mute");
    expect(action(key("x"), null)).toBeNull();
  });
});

describe("why there is no picture", () => {
  test("stage and cause in words", () => {
    expect(reason("connect", "refused")).toBe("Failed at connecting to the host: the connection was refused.");
    expect(reason("new_stage", undefined)).toBe("Failed at new stage.");
    expect(reason(undefined, undefined)).toBeNull();
  });
  const session = (more: Partial<SessionRow>): SessionRow => ({ id: "s", stream: "a", address: "::1", user_agent: "me", format: "hls", since: "2026-11-22T12:00:00Z", quality: null, pipeline: null, queue_position: null, ...more });
  test("the queue with the place in it, and why it stands", () => {
    const pool = { running: 3, slots: 3, queued: 2, hold: "memory" as const, suspended: 0, pressure: "normal" as const };
    expect(waitingFor(session({ pipeline: "queued", queue_position: 2 }), null, pool)).toEqual(["Place 2 in the queue for a transcode", "It goes on when there is room: memory is short."]);
    expect(waitingFor(null, { state: "waiting", queue: { account: "p", position: 1 } }, null)[0]).toBe("Place 1 in the queue for a connection");
    expect(waitingFor(null, null, null)).toEqual(["Asking for the stream"]);
  });
  test("sources that failed say how", () => {
    const source = { index: 0, state: "cooling" as const, attempts: 2, failures: 2, failure: { stage: "dns" as const, cause: "unreachable" as const, message: "x" } };
    expect(waitingFor(null, { state: "down", source_states: [source] }, null)[1]).toContain("Source 1: Failed at looking up the name");
  });
  test("its session is the newest of this browser", () => {
    const all = [session({ id: "1" }), session({ id: "2", since: "2026-11-22T12:00:05Z" }), session({ id: "3", since: "2026-11-22T12:00:09Z", user_agent: "other" }), session({ id: "4", stream: "b" })];
    expect(likelySession(all, "a", "me")?.id).toBe("2");
    expect(likelySession(all, "c", "me")).toBeNull();
  });
});

describe("audio tracks", () => {
  const packet = (pid: number, body: number[]): number[] => {
    const bytes = [0x47, 0x40 | (pid >> 8), pid & 0xff, 0x10, 0, ...body];
    return [...bytes, ...new Array<number>(188 - bytes.length).fill(0xff)];
  };
  const section = (table: number, body: number[]): number[] => [table, 0xb0, body.length + 4, ...body, 1, 2, 3, 4];
  const pat = packet(0, section(0, [0, 1, 0xc1, 0, 0, 0, 1, 0xe0 | 0x10, 0x00]));
  const language = (text: string): number[] => [0x0a, 4, ...[...text].map((one) => one.charCodeAt(0)), 0];
  const stream = (type: number, pid: number, info: number[]): number[] => [type, 0xe0 | (pid >> 8), pid & 0xff, 0xf0, info.length, ...info];
  const pmt = packet(0x1000, section(2, [0, 1, 0xc1, 0, 0, 0xe1, 0, 0xf0, 0, ...stream(0x1b, 256, []), ...stream(0x0f, 257, language("deu")), ...stream(0x06, 258, [0x6a, 1, 0, ...language("eng")]), ...stream(0x06, 259, [0x59, 0])]));
  test("are read from the tables, with language and codec; subtitles are none", () => {
    const tracks = audioTracks(new Uint8Array([...pat, ...pmt]));
    expect(tracks).toEqual([
      { pid: 257, language: "deu", codec: "AAC" },
      { pid: 258, language: "eng", codec: "AC-3" },
    ]);
    expect(trackName({ pid: 1, language: null, codec: "MP2" }, 1)).toBe("Track 2, MP2");
  });
  test("no tables, no tracks", () => {
    expect(audioTracks(new Uint8Array(0))).toBeNull();
    expect(audioTracks(new Uint8Array(pat))).toBeNull();
    expect(audioTracks(new Uint8Array(564).fill(1))).toBeNull();
  });
});

describe("a gate", () => {
  test("lets so many through at a time, in turn, and passes over who has gone", async () => {
    const gate = new Gate(1);
    const ran: string[] = [];
    let open: () => void = () => undefined;
    const stay = new AbortController().signal;
    const first = gate.run(() => new Promise<void>((resolve) => (open = resolve)), stay);
    const gone = new AbortController();
    const second = gate.run(async () => void ran.push("second"), gone.signal).catch(() => ran.push("gone"));
    const third = gate.run(async () => void ran.push("third"), stay);
    gone.abort();
    expect(ran).toEqual([]);
    open();
    await Promise.all([first, second, third]);
    expect(ran.sort()).toEqual(["gone", "third"]);
    await gate.run(async () => void ran.push("free"), stay);
    expect(ran).toContain("free");
  });
});

describe("the multiview", () => {
  test("pictures are as large as they can be", () => {
    expect(shapeOf(4, 1600, 900)).toEqual({ columns: 2, rows: 2 });
    expect(shapeOf(16, 1600, 900)).toEqual({ columns: 4, rows: 4 });
    expect(shapeOf(2, 400, 900)).toEqual({ columns: 1, rows: 2 });
    expect(shapeOf(0, 100, 100)).toEqual({ columns: 1, rows: 1 });
  });
  test("keys move within it", () => {
    expect(moved(0, "ArrowRight", 5, 3)).toBe(1);
    expect(moved(1, "ArrowDown", 5, 3)).toBe(4);
    expect(moved(2, "ArrowDown", 5, 3)).toBeNull();
    expect(moved(0, "x", 5, 3)).toBeNull();
  });
  test("ids come from the URL once each, and no more than there is room for", () => {
    expect(parseIds("a,b,,a")).toEqual(["a", "b"]);
    expect(parseIds(null)).toEqual([]);
    const many = Array.from({ length: 20 }, (_, at) => `s${at}`);
    expect(parseIds(many.join())).toHaveLength(MOST);
    expect(toggled(many.slice(0, MOST), "x")).toHaveLength(MOST);
    expect(toggled(["a"], "a")).toEqual([]);
    expect(multiviewPath(["a", "b"])).toBe("/ui/multiview?ids=a,b");
  });
});
