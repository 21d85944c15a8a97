import { describe, expect, it } from "vitest";
import { bodyOf, shown, summary, type ImportReport } from "../src/import/input";
import { forEach, outcome } from "../src/streams/bulk";
import { pick } from "../src/streams/export";
import type { StreamRow } from "../src/live/types";
import { compareBy, filterRows, toggled, type SortKey } from "../src/streams/rows";

describe("bulk actions", () => {
  it("do a few at a time, and note what fails", async () => {
    let [now, most] = [0, 0];
    const told: number[] = [];
    const ids = Array.from({ length: 10 }, (_, index) => `s${index}`);
    const state = await forEach(
      ids,
      async (id) => {
        now += 1;
        most = Math.max(most, now);
        await new Promise((resolve) => setTimeout(resolve, 1));
        now -= 1;
        if (id === "s3") throw new Error("gone");
      },
      (one) => told.push(one.done),
      new AbortController().signal,
      3,
    );
    expect(most).toBe(3);
    expect(told).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(state.failures).toEqual([{ id: "s3", message: "gone" }]);
    expect(outcome(state, "disabled")).toBe("9 of 10 streams disabled; 1 failed");
  });

  it("stop when they are told to", async () => {
    const stop = new AbortController();
    const state = await forEach(
      ["a", "b", "c"],
      async () => stop.abort(),
      () => {},
      stop.signal,
      1,
    );
    expect(state).toMatchObject({ done: 1, stopped: true });
    expect(outcome(state, "deleted")).toBe("1 of 3 streams deleted; stopped after 1");
  });
});

describe("an import", () => {
  it("sends an address as JSON and a playlist as it is", () => {
    const given = { text: "#EXTM3U", file: null, url: " http://h/x " };
    expect(bodyOf("text", given)).toEqual({ body: "#EXTM3U", type: "audio/x-mpegurl" });
    expect(bodyOf("url", given)).toEqual({ body: '{"url":"http://h/x"}', type: "application/json" });
    expect(bodyOf("file", given)).toBeNull();
  });

  it("is told in a sentence, and by action", () => {
    const report: ImportReport = {
      dry_run: true,
      added: 1,
      changed: 0,
      unchanged: 0,
      skipped: 1,
      rows: [
        { line: 2, name: "One", action: "added", id: "one" },
        { line: 5, name: "", action: "skipped", reason: "no address" },
      ],
    };
    expect(summary(report)).toBe("1 added, 0 changed, 0 unchanged, 1 skipped");
    expect(shown(report, new Set(["skipped"])).map((row) => row.line)).toEqual([5]);
  });
});

describe("an export", () => {
  it("has the chosen streams alone, each with all its lines", () => {
    const sources = [
      "#EXTM3U",
      '#EXTINF:-1 tvg-id="x" sightglass-id="news",News',
      "#EXTVLCOPT:http-user-agent=VLC",
      "http://h/1",
      '#EXTINF:-1 sightglass-id="sport",Sport',
      "http://h/2",
      "",
    ].join("\n");
    expect(pick(sources, new Set(["news"]))).toBe(sources.split("\n").slice(0, 4).join("\n") + "\n");
    const previews = "#EXTM3U\n#EXTINF:-1,A\nhttp://s/streams/preview/a\n#EXTINF:-1,B\nhttp://s/streams/preview/b?q=1\n";
    expect(pick(previews, new Set(["b"]))).toBe("#EXTM3U\n#EXTINF:-1,B\nhttp://s/streams/preview/b?q=1\n");
  });
});

describe("the table of streams", () => {
  const row = (id: string, more: Partial<StreamRow> = {}): StreamRow => ({
    id, name: id, group: null, state: "idle", health: "up", since: null, conditions: [], failure: null, source: null, viewers: 0, thumbnail: null, bitrate: null, ...more,
  });
  const rows = [row("b", { group: "News" }), row("a10", { health: "down" }), row("a9", { viewers: 3 })];

  it("finds by all words", () => {
    expect(filterRows(rows, { text: "news B", group: "", status: "" }).map((one) => one.id)).toEqual(["b"]);
    expect(filterRows(rows, { text: "", group: "", status: "down" }).map((one) => one.id)).toEqual(["a10"]);
  });

  it("sorts numbers in names as numbers, and the worst first", () => {
    const by = (key: SortKey, down = false): string[] => [...rows].sort(compareBy(key, down)).map((one) => one.id);
    expect(by("name")).toEqual(["a9", "a10", "b"]);
    expect(by("name", true)).toEqual(["b", "a10", "a9"]);
    expect(by("status")[0]).toBe("a10");
    expect(by("viewers")[0]).toBe("a9");
  });

  it("chooses one, or with Shift all between", () => {
    const order = ["a", "b", "c", "d"];
    expect([...toggled(new Set(["a"]), order, "c", true, "a")]).toEqual(["a", "b", "c"]);
    expect([...toggled(new Set(["a", "b"]), order, "b", false, null)]).toEqual(["a"]);
  });
});
