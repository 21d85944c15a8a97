import { describe, expect, test } from "vitest";
import type { StreamRow } from "../src/live/types";
import { FOOT, GAP, HEADER, layOut, neighbour, visible } from "../src/wall/layout";
import { arrange, groupsOf, matchesText, sameOrder, type View } from "../src/wall/order";
import { sparkPath } from "../src/wall/spark";
import { Thumbnails } from "../src/wall/thumbnails";

const row = (id: string, more: Partial<StreamRow> = {}): StreamRow => ({
  id,
  name: id.toUpperCase(),
  group: null,
  state: "idle",
  health: "up",
  since: "2026-11-22T12:00:00Z",
  conditions: [],
  failure: null,
  source: null,
  viewers: 0,
  thumbnail: null,
  bitrate: null,
  ...more,
});
const condition = (kind: "black" | "down" | "continuity", severity: "critical" | "warning", since: string) => ({ kind, severity, since });
const ALL: View = { text: "", statuses: [], group: null, sort: "trouble", grouped: false };
const ids = (rows: StreamRow[], view: Partial<View>): string[] => arrange(rows, { ...ALL, ...view }).sections.flatMap((one) => one.ids);

describe("order", () => {
  const rows = [
    row("fine2", { viewers: 3 }),
    row("off", { state: "disabled", health: null }),
    row("warned", { health: "degraded", conditions: [condition("continuity", "warning", "2026-11-22T12:09:00Z")] }),
    row("black-old", { health: "degraded", conditions: [condition("black", "critical", "2026-11-22T11:00:00Z")] }),
    row("black-new", { health: "degraded", conditions: [condition("black", "critical", "2026-11-22T12:05:00Z")] }),
    row("gone", { health: "down", conditions: [condition("down", "critical", "2026-11-22T10:00:00Z")] }),
    row("fine1", { bitrate: 5 }),
    row("new", { health: "unknown" }),
    row("fails", { health: null, state: "down" }),
  ];

  test("trouble comes first, the newest of it above; what is off comes last", () => {
    expect(ids(rows, {})).toEqual(["gone", "fails", "black-new", "black-old", "warned", "new", "fine1", "fine2", "off"]);
  });

  test("other orders", () => {
    expect(ids(rows, { sort: "viewers" })[0]).toBe("fine2");
    expect(ids(rows, { sort: "bitrate" })[0]).toBe("fine1");
    expect(ids([row("a10"), row("a9")], { sort: "name" })).toEqual(["a9", "a10"]);
  });

  test("counts are of all that text and group let through, whatever statuses are shown", () => {
    const found = arrange(rows, { ...ALL, statuses: ["down"] });
    expect(found.shown).toBe(2);
    expect(found.counts).toMatchObject({ down: 2, degraded: 3, unknown: 1, up: 2, disabled: 1 });
    expect(arrange(rows, { ...ALL, text: "fine" }).counts.down).toBe(0);
  });

  test("text is looked for word by word in name, id, group and conditions", () => {
    const one = row("news", { name: "BBC One", group: "UK", conditions: [condition("black", "critical", "")] });
    expect(matchesText(one, "one uk")).toBe(true);
    expect(matchesText(one, "BLACK")).toBe(true);
    expect(matchesText(one, "one two")).toBe(false);
    expect(matchesText(one, "  ")).toBe(true);
  });

  test("groups: by their worst stream, or by name with those of none last", () => {
    const mixed = [row("a", { group: "Z" }), row("b"), row("c", { group: "M", health: "down" }), row("d", { group: "M" })];
    const names = (view: Partial<View>) => arrange(mixed, { ...ALL, grouped: true, ...view }).sections.map((one) => one.name);
    expect(names({})).toEqual(["M", "Z", null]);
    expect(names({ sort: "viewers" })).toEqual(["M", "Z", null]);
    expect(ids(mixed, { group: "M" })).toEqual(["c", "d"]);
    expect(groupsOf(mixed)).toEqual(["M", "Z"]);
  });

  test("the same order is known as such", () => {
    const one = arrange(rows, ALL).sections;
    expect(sameOrder(one, arrange(rows, ALL).sections)).toBe(true);
    expect(sameOrder(one, arrange(rows.slice(1), ALL).sections)).toBe(false);
  });
});

describe("layout", () => {
  const many = Array.from({ length: 1000 }, (_, at) => `s${at}`);
  const wall = layOut([{ name: null, ids: many }], 1600, "medium", false);

  test("tiles fill the width, and the height is that of all lines", () => {
    expect(wall.columns).toBe(7);
    expect(wall.width * 7 + GAP * 6).toBeLessThanOrEqual(1600);
    expect(wall.height).toBe(Math.round((wall.width * 9) / 16) + FOOT);
    expect(wall.lines).toHaveLength(Math.ceil(1000 / 7));
    expect(wall.total).toBe(wall.lines.length * (wall.height + GAP));
    expect(layOut([], 350, "medium", false).columns).toBe(2);
    expect(layOut([], 0, "large", false).total).toBe(0);
  });

  test("few of a thousand are visible, and those are all that are seen", () => {
    for (const top of [0, 3333, wall.total - 900]) {
      const [from, to] = visible(wall, top, 900, 0);
      expect((to - from) * 7).toBeLessThan(60);
      wall.lines.forEach((line, at) => {
        const seen = line.top + line.height > top && line.top < top + 900;
        if (seen) expect(at >= from && at < to).toBe(true);
      });
    }
  });

  test("headers stand above their groups", () => {
    const grouped = layOut([{ name: "A", ids: ["a", "b", "c"] }, { name: "B", ids: ["d"] }], 440, "medium", true);
    expect(grouped.lines.map((line) => [line.section?.name ?? null, line.ids])).toEqual([["A", []], [null, ["a", "b"]], [null, ["c"]], ["B", []], [null, ["d"]]]);
    expect(grouped.lines[1]?.top).toBe(HEADER);
    // Over a header, and from a full line to a shorter one.
    expect(neighbour(grouped, "b", "ArrowDown")?.id).toBe("c");
    expect(neighbour(grouped, "c", "ArrowDown")?.id).toBe("d");
    expect(neighbour(grouped, "d", "ArrowLeft")?.id).toBe("c");
    expect(neighbour(grouped, "a", "ArrowLeft")).toBeNull();
    expect(neighbour(grouped, "a", "End")?.id).toBe("d");
    expect(neighbour(grouped, "a", "x")).toBeNull();
  });
});

describe("sparklines", () => {
  test("a line from the left to the right, the highest value at the top", () => {
    expect(sparkPath([10, 20], 10, 12)).toBe("M0 6L10 1");
  });
  test("what is not known breaks it, and nothing known draws nothing", () => {
    expect(sparkPath([null, null], 10, 12)).toBe("");
    expect(sparkPath([10, null, 10, 10], 9, 12)).toBe("M0 1h3M6 1L9 1");
    expect(sparkPath([0, 0], 10, 12)).toBe("");
  });
});

describe("thumbnails", () => {
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

  test("three at a time, the newest wish first, and none that is given up", async () => {
    const asked: string[] = [];
    const answers: (() => void)[] = [];
    const pictures = new Thumbnails(
      (id) => {
        asked.push(id);
        return new Promise((resolve) => answers.push(() => resolve(`blob:${id}`)));
      },
      () => undefined,
    );
    const got: (string | null)[] = [];
    const drop = ["a", "b", "c", "d", "e"].map((id) => pictures.want(id, 1, (url) => got.push(url)));
    expect(asked).toEqual(["a", "b", "c"]);
    drop[3]?.();
    answers[0]?.();
    await settled();
    expect(asked).toEqual(["a", "b", "c", "e"]);
    expect(got).toEqual(["blob:a"]);
    answers.forEach((answer) => answer());
    await settled();
    expect(asked).not.toContain("d");
  });

  test("one that is kept is not asked for again until there is a newer one", async () => {
    let asked = 0;
    const pictures = new Thumbnails(async (id, version) => `${id}${(asked += 1)}-${version}`, () => undefined, 2);
    const want = (id: string, version: number): Promise<string | null> => new Promise((resolve) => pictures.want(id, version, resolve));
    expect(await want("a", 1)).toBe("a1-1");
    expect(await want("a", 1)).toBe("a1-1");
    expect(await want("a", 2)).toBe("a2-2");
    expect(pictures.peek("a")).toBe("a2-2");
    await want("b", 1);
    await want("c", 1);
    expect(pictures.peek("a")).toBeNull();
  });
});
