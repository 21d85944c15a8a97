// A stream's past laid out on one axis of time. Pure: from what the API tells to what is drawn.

export interface Span {
  from: number;
  to: number;
}

export interface ConditionSpan extends Span {
  kind: string;
  severity: string;
  text: string;
  /** It lasts still. */
  open: boolean;
}

export interface ShownCondition {
  kind: string;
  severity: string;
  since: string;
  raised_at?: string;
  cleared_at?: string | null;
  evidence?: { text?: string };
}

export type ShownEvent = { seq: number; at: string } & (
  | { type: "condition_raised" | "condition_cleared"; condition: ShownCondition }
  | { type: "health_changed"; from: string; to: string }
  | { type: "source_changed"; from: number; to: number; reason: string }
);

export interface ShownStep {
  at: string;
  seconds: { up: number; degraded: number; down: number; unknown: number; paused: number };
  outages: number;
  bitrate?: number | null;
  bytes: number;
  continuity_errors: number;
  errors: number;
  looks: number;
}

/** The conditions of a period. What was raised before it has only its end there, what lasts only its begin. */
export function conditionSpans(
  events: readonly ShownEvent[],
  lasting: readonly ShownCondition[],
  period: Span,
): ConditionSpan[] {
  const spans = new Map<string, ConditionSpan>();
  const add = (condition: ShownCondition, to: number, open: boolean): void => {
    const from = Date.parse(condition.since);
    if (to <= period.from || from >= period.to) return;
    const key = `${condition.kind} ${condition.since}`;
    const known = spans.get(key);
    if (known && !known.open) return;
    spans.set(key, {
      kind: condition.kind,
      severity: condition.severity,
      text: condition.evidence?.text ?? "",
      from: Math.max(from, period.from),
      to: Math.min(to, period.to),
      open,
    });
  };
  for (const event of events) {
    if (event.type === "condition_cleared") {
      add(event.condition, Date.parse(event.condition.cleared_at ?? event.at), false);
    }
  }
  for (const condition of lasting) add(condition, period.to, true);
  for (const event of events) {
    // Raised, and no end is known: it ended in what is not kept, or lasts.
    if (event.type !== "condition_raised") continue;
    const ended = [...spans.values()].some(
      (span) => span.kind === event.condition.kind && span.to >= Date.parse(event.at),
    );
    if (!ended) add(event.condition, Date.parse(event.at), false);
  }
  return [...spans.values()].sort((a, b) => a.from - b.from);
}

/** One lane for each kind, the gravest first; spans of a kind never overlap. */
export function lanes(spans: readonly ConditionSpan[]): { kind: string; spans: ConditionSpan[] }[] {
  const byKind = new Map<string, ConditionSpan[]>();
  for (const span of spans) {
    const lane = byKind.get(span.kind);
    if (lane) lane.push(span);
    else byKind.set(span.kind, [span]);
  }
  const grave = (lane: ConditionSpan[]): number => Math.max(...lane.map((span) => severityRank(span.severity)));
  return [...byKind.entries()]
    .map(([kind, all]) => ({ kind, spans: all }))
    .sort((a, b) => grave(b.spans) - grave(a.spans) || a.kind.localeCompare(b.kind));
}

export function severityRank(severity: string): number {
  return { info: 1, warning: 2, critical: 3 }[severity] ?? 0;
}

/** The share of the known time in which media came; `null` when nothing is known. */
export function uptime(steps: readonly ShownStep[]): number | null {
  let [there, known] = [0, 0];
  for (const { seconds } of steps) {
    there += seconds.up + seconds.degraded;
    known += seconds.up + seconds.degraded + seconds.down;
  }
  return known === 0 ? null : there / known;
}

/** The worst of a step, and how much of it: what its strip shows. */
export function worst(step: ShownStep): "up" | "degraded" | "down" | "unknown" | "paused" {
  const { seconds } = step;
  if (seconds.down > 0) return "down";
  if (seconds.degraded > 0) return "degraded";
  if (seconds.up > 0) return "up";
  return seconds.paused > seconds.unknown ? "paused" : "unknown";
}

/** Neighbouring steps of one kind as one span: few rectangles instead of hundreds. */
export function healthSpans(steps: readonly ShownStep[], stepMs: number, end: number): (Span & { state: string })[] {
  const spans: (Span & { state: string })[] = [];
  for (const step of steps) {
    const from = Date.parse(step.at);
    const to = Math.min(from + stepMs, end);
    const state = worst(step);
    const last = spans.at(-1);
    if (last && last.state === state && last.to >= from) last.to = to;
    else spans.push({ from, to, state });
  }
  return spans;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TICKS = [MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY];

/** Times to mark on an axis, at full hours and days of the zone `offset` (minutes, as `getTimezoneOffset`). */
export function ticks(period: Span, most: number, offset: number): number[] {
  const length = period.to - period.from;
  const step = TICKS.find((one) => length / one <= most) ?? 2 * DAY;
  const shift = offset * MINUTE;
  const first = Math.ceil((period.from - shift) / step) * step + shift;
  const marks: number[] = [];
  for (let at = first; at <= period.to; at += step) marks.push(at);
  return marks;
}

/** A round number not below the largest value: where an axis of values ends. */
export function ceiling(values: readonly number[]): number {
  const most = Math.max(0, ...values);
  if (most === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 2.5, 5, 10].find((one) => one * power >= most) ?? 10) * power;
}

/** The index of the step that holds a time. */
export function stepAt(steps: readonly ShownStep[], at: number): number {
  let [low, high] = [0, steps.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (Date.parse(steps[middle]?.at ?? "") <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
