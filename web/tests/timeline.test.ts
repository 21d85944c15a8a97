import { describe, expect, it } from "vitest";
import {
  ceiling,
  conditionSpans,
  healthSpans,
  lanes,
  stepAt,
  ticks,
  uptime,
  worst,
  type ShownEvent,
  type ShownStep,
} from "../src/stream/timeline";

const T = Date.parse("2026-11-22T12:00:00Z");
const at = (minutes: number): string => new Date(T + minutes * 60_000).toISOString();
const period = { from: T, to: T + 3_600_000 };

function step(minute: number, seconds: Partial<ShownStep["seconds"]>): ShownStep {
  return {
    at: at(minute),
    seconds: { up: 0, degraded: 0, down: 0, unknown: 0, paused: 0, ...seconds },
    outages: 0,
    bytes: 0,
    continuity_errors: 0,
    errors: 0,
    looks: 0,
  };
}

describe("conditions on the timeline", () => {
  const black = { kind: "black", severity: "critical", since: at(10) };
  const slow = { kind: "slow", severity: "warning", since: at(-30) };
  const events: ShownEvent[] = [
    { seq: 2, at: at(20), type: "condition_cleared", condition: { ...black, cleared_at: at(20) } },
    { seq: 1, at: at(11), type: "condition_raised", condition: black },
  ];

  it("last from when they were seen to when they were over", () => {
    const [span] = conditionSpans(events, [], period);
    expect(span).toMatchObject({ kind: "black", from: T + 600_000, to: T + 1_200_000, open: false });
  });

  it("go on to the end while they last, and begin with the period when they are older", () => {
    const spans = conditionSpans(events, [slow], period);
    expect(spans).toHaveLength(2);
    expect(spans[0]).toMatchObject({ kind: "slow", from: period.from, to: period.to, open: true });
    expect(lanes(spans).map((lane) => lane.kind)).toEqual(["black", "slow"]);
  });

  it("are left out when they were over before", () => {
    const old: ShownEvent = {
      seq: 0,
      at: at(-5),
      type: "condition_cleared",
      condition: { ...black, since: at(-20), cleared_at: at(-5) },
    };
    expect(conditionSpans([old], [], period)).toEqual([]);
  });
});

describe("steps", () => {
  it("show the worst of them", () => {
    expect(worst(step(0, { up: 59, down: 1 }))).toBe("down");
    expect(worst(step(0, { unknown: 60 }))).toBe("unknown");
    expect(worst(step(0, { paused: 60 }))).toBe("paused");
  });

  it("become few spans", () => {
    const steps = [step(0, { up: 60 }), step(1, { up: 60 }), step(2, { down: 60 })];
    expect(healthSpans(steps, 60_000, T + 170_000)).toEqual([
      { from: T, to: T + 120_000, state: "up" },
      { from: T + 120_000, to: T + 170_000, state: "down" },
    ]);
  });

  it("count only known time", () => {
    expect(uptime([step(0, { up: 30, down: 30 }), step(1, { unknown: 60 })])).toBe(0.5);
    expect(uptime([step(0, { unknown: 60 })])).toBeNull();
  });

  it("are found by time", () => {
    const steps = [step(0, {}), step(1, {}), step(2, {})];
    expect(stepAt(steps, T + 90_000)).toBe(1);
    expect(stepAt(steps, T - 1)).toBe(0);
    expect(stepAt(steps, T + 999_000)).toBe(2);
  });
});

describe("axes", () => {
  it("mark full hours of the viewer's zone", () => {
    expect(ticks({ from: T + 60_000, to: T + 3 * 3_600_000 }, 4, 0)).toEqual([
      T + 3_600_000,
      T + 2 * 3_600_000,
      T + 3 * 3_600_000,
    ]);
    const days = ticks({ from: T, to: T + 7 * 86_400_000 }, 8, -60);
    expect(new Date(days[0] as number).toISOString()).toBe("2026-11-22T23:00:00.000Z");
  });

  it("end at round numbers", () => {
    expect([0, 7, 12, 2_300_000].map((most) => ceiling([most]))).toEqual([1, 10, 20, 2_500_000]);
  });
});
