import { describe, expect, test } from "vitest";
import { Bitrates, LENGTH, STEP } from "../src/live/bitrates";
import { SseParser } from "../src/api/sse";
import { LiveStore } from "../src/live/store";
import type { LiveDocument } from "../src/live/types";

const AT = "2026-11-22T12:00:00Z";
const snapshot = (id: string, streams: LiveDocument["streams"] = []): LiveDocument => ({ type: "snapshot", id, at: AT, streams, sessions: [], pool: { slots: 3, running: 0 }, server: { conditions: [] } });
const delta = (id: string, more: Partial<LiveDocument>): LiveDocument => ({ type: "delta", id, at: AT, ...more });

function store(): { live: LiveStore; frame: () => void; frames: () => number } {
  const runs: (() => void)[] = [];
  let frames = 0;
  const live = new LiveStore((run) => {
    frames += 1;
    runs.push(run);
  });
  return { live, frame: () => runs.splice(0).forEach((run) => run()), frames: () => frames };
}

describe("the store", () => {
  test("a delta changes its row's signal, and no other's", () => {
    const { live, frame } = store();
    live.take(snapshot("e-1", [{ id: "a", name: "A" }, { id: "b", name: "B" }]));
    frame();
    const seen = { a: 0, b: 0, ids: 0 };
    live.row("a")?.subscribe(() => (seen.a += 1));
    live.row("b")?.subscribe(() => (seen.b += 1));
    live.ids.subscribe(() => (seen.ids += 1));
    live.take(delta("e-2", { streams: [{ id: "a", viewers: 2 }] }));
    frame();
    expect(seen).toEqual({ a: 2, b: 1, ids: 1 });
    expect(live.row("a")?.peek()).toMatchObject({ id: "a", name: "A", viewers: 2 });
  });

  test("what comes between two frames shows with one", () => {
    const { live, frame, frames } = store();
    live.take(snapshot("e-1", [{ id: "a", name: "A" }]));
    live.take(delta("e-2", { streams: [{ id: "a", name: "B" }] }));
    live.take(delta("e-3", { streams: [{ id: "b", name: "C" }] }));
    expect(frames()).toBe(1);
    expect(live.ready.peek()).toBe(false);
    frame();
    expect(live.ids.peek()).toEqual(["a", "b"]);
    expect(live.row("a")?.peek().name).toBe("B");
  });

  test("laying a document over it twice does no harm; streams go", () => {
    const { live, frame } = store();
    live.take(snapshot("e-1", [{ id: "a", name: "A" }, { id: "b", name: "B" }]));
    const change = delta("e-2", { streams: [{ id: "a", viewers: 1 }], streams_removed: ["b"] });
    live.take(change);
    live.take(change);
    frame();
    expect(live.ids.peek()).toEqual(["a"]);
    expect(live.row("b")).toBeUndefined();
  });

  test("after a restart the snapshot forgets what is gone, and keeps the signals of what stays", () => {
    const { live, frame } = store();
    live.take(snapshot("e-9", [{ id: "a", name: "A", viewers: 4 }, { id: "old", name: "Old" }]));
    live.take(delta("e-10", { sessions: [{ id: "s", stream: "a" }] }));
    frame();
    const before = live.row("a");
    live.take(snapshot("f-1", [{ id: "a", name: "A", viewers: 0 }, { id: "new", name: "New" }]));
    frame();
    expect(live.row("a")).toBe(before);
    expect(before?.peek().viewers).toBe(0);
    expect([...live.ids.peek()].sort()).toEqual(["a", "new"]);
    expect(live.sessions.peek().size).toBe(0);
  });

  test("sessions come, change and end; pool and server are laid over", () => {
    const { live, frame } = store();
    live.take(snapshot("e-1"));
    live.take(delta("e-2", { sessions: [{ id: "s", stream: "a", pipeline: "queued", queue_position: 2 }], pool: { queued: 1 } }));
    live.take(delta("e-3", { sessions: [{ id: "s", queue_position: 1 }] }));
    frame();
    expect(live.sessions.peek().get("s")).toMatchObject({ stream: "a", queue_position: 1 });
    expect(live.pool.peek()).toMatchObject({ slots: 3, queued: 1 });
    live.take(delta("e-4", { sessions_removed: ["s"] }));
    frame();
    expect(live.sessions.peek().size).toBe(0);
  });
});

describe("bitrates", () => {
  const base = 1000 * STEP;
  test("one lasts until the next, and the ring is bounded", () => {
    const rates = new Bitrates();
    rates.add("a", base, 5);
    rates.add("a", base + 2 * STEP, 7);
    expect(rates.values("a", base + 3 * STEP).slice(-5)).toEqual([null, 5, 5, 7, 7]);
    expect(rates.values("a", base + 500 * STEP)).toEqual(new Array(LENGTH).fill(7));
    expect(rates.values("b", base)).toEqual([]);
  });
  test("what the server remembers fills what was not seen", () => {
    const rates = new Bitrates();
    rates.add("a", base, 9);
    rates.seed({ from: new Date(base - 3 * STEP).toISOString(), step: 60, streams: { a: [1, null, 3], b: [4, 5, 6] } });
    expect(rates.values("a", base).slice(-4)).toEqual([1, null, 3, 9]);
    expect(rates.values("b", base).slice(-4)).toEqual([4, 5, 6, 6]);
  });
  test("what was shown before is not what is changed", () => {
    const rates = new Bitrates();
    rates.add("a", base, 1);
    const shown = rates.values("a", base);
    rates.add("a", base, 2);
    expect(shown.at(-1)).toBe(1);
    expect(rates.values("a", base).at(-1)).toBe(2);
  });
});

describe("server-sent events", () => {
  test("are read in whatever pieces they come", () => {
    const text = 'retry: 2000\n\nid: e-1\ndata: {"a":1}\n\n:\nid: e-2\n\nevent: some\nid: e-3\ndata: one\ndata: two\r\n\r\n';
    for (const size of [1, 3, 7, text.length]) {
      const parser = new SseParser();
      const events = [];
      for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));
      expect(events).toEqual([{ id: "e-1", name: null, data: '{"a":1}' }, { id: "e-3", name: "some", data: "one\ntwo" }]);
    }
  });
  test("a heartbeat moves the place without an event", () => {
    const parser = new SseParser();
    expect(parser.push(":\nid: e-7\n\n")).toEqual([]);
    expect(parser.lastId).toBe("e-7");
  });
});
