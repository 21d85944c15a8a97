// An alert rule as its form edits it, and back.

import { number, present, text } from "../edit/numbers";
import { EMPTY_SELECTOR, selectorDraft, selectorOf, type SelectorForm, type ShownSelector } from "./selector";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

export interface SpanForm {
  key: number;
  days: string[];
  from: string;
  to: string;
}

export interface StepForm {
  key: number;
  /** Minutes. */
  after: string;
  receivers: string[];
}

export interface RuleForm {
  id: string;
  name: string;
  enabled: boolean;
  selector: SelectorForm;
  receivers: string[];
  always: boolean;
  zone: string;
  weekly: SpanForm[];
  escalate: StepForm[];
  recovery: boolean;
}

export interface ShownRule {
  id: string;
  name: string;
  enabled: boolean;
  match?: ShownSelector;
  receivers: string[];
  hours?: { zone: string; weekly: { days?: string[]; from: string; to: string }[] } | null;
  escalate?: { after_ms: number; receivers: string[] }[];
  recovery: boolean;
  built_in?: boolean;
}

let lastKey = 0;
function nextKey(): number {
  lastKey += 1;
  return lastKey;
}

export function emptySpan(): SpanForm {
  return { key: nextKey(), days: ["mon", "tue", "wed", "thu", "fri"], from: "08:00", to: "18:00" };
}

export function emptyStep(): StepForm {
  return { key: nextKey(), after: "15", receivers: [] };
}

export function emptyRule(zone: string): RuleForm {
  return {
    id: "",
    name: "",
    enabled: true,
    selector: { ...EMPTY_SELECTOR },
    receivers: [],
    always: true,
    zone,
    weekly: [emptySpan()],
    escalate: [],
    recovery: true,
  };
}

export function ruleOf(shown: ShownRule, zone: string): RuleForm {
  return {
    id: shown.id,
    name: shown.name,
    enabled: shown.enabled,
    selector: selectorOf(shown.match),
    receivers: [...shown.receivers],
    always: shown.hours == null,
    zone: shown.hours?.zone ?? zone,
    weekly: shown.hours
      ? shown.hours.weekly.map((span) => ({
          key: nextKey(),
          // No days stand for all of them.
          days: span.days?.length ? [...span.days] : [...DAYS],
          from: span.from,
          to: span.to,
        }))
      : [emptySpan()],
    escalate: (shown.escalate ?? []).map((step) => ({
      key: nextKey(),
      after: String(step.after_ms / 60_000),
      receivers: [...step.receivers],
    })),
    recovery: shown.recovery,
  };
}

export function ruleDraft(form: RuleForm): Record<string, unknown> {
  return present({
    id: text(form.id),
    name: text(form.name),
    enabled: form.enabled,
    match: selectorDraft(form.selector),
    receivers: form.receivers,
    hours: form.always
      ? undefined
      : {
          zone: form.zone.trim(),
          weekly: form.weekly.map((span) => ({
            days: DAYS.filter((day) => span.days.includes(day)),
            from: span.from,
            to: span.to,
          })),
        },
    escalate: form.escalate.length > 0 ? form.escalate.map(stepDraft) : undefined,
    recovery: form.recovery,
  });
}

function stepDraft(step: StepForm): Record<string, unknown> {
  const after = number(step.after);
  return present({
    after_ms: typeof after === "number" ? Math.round(after * 60_000) : after,
    receivers: step.receivers,
  });
}

/** When a rule tells: "always", or "mon to fri 08:00 to 18:00 (Europe/Berlin)". */
export function hoursWords(hours: ShownRule["hours"]): string {
  if (hours == null) return "always";
  const spans = hours.weekly.map((span) => `${daysWords(span.days ?? [])} ${span.from} to ${span.to}`);
  return `${spans.join(", ")} (${hours.zone})`;
}

/** "mon to fri", "sat, sun", "every day". */
export function daysWords(days: readonly string[]): string {
  const at = DAYS.flatMap((day, index) => (days.includes(day) ? [index] : []));
  if (at.length === 0 || at.length === DAYS.length) return "every day";
  const [first, last] = [at[0] as number, at.at(-1) as number];
  if (at.length > 2 && last - first === at.length - 1) return `${DAYS[first]} to ${DAYS[last]}`;
  return at.map((index) => DAYS[index]).join(", ");
}
