import { describe, expect, it } from "vitest";
import { bodyOf, shown, summary, type ImportReport } from "../src/import/input";
import { forEach, outcome } from "../src/streams/bulk";

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
