// Durations: the API has whole milliseconds, people have seconds. What is no number is sent as it was typed, so that the
// server says beside the field what it takes: there is one place that knows the limits.

/** Milliseconds as seconds in a field; empty when absent. */
export function secondsText(ms: number | undefined): string {
  return ms === undefined ? "" : String(ms / 1000);
}

/** Seconds of a field as milliseconds; `undefined` when it is empty. */
export function milliseconds(text: string): number | string | undefined {
  const value = number(text);
  return typeof value === "number" ? Math.round(value * 1000) : value;
}

/** The number of a field; `undefined` when it is empty. */
export function number(text: string): number | string | undefined {
  const trimmed = text.trim().replace(",", ".");
  if (trimmed === "") return undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : trimmed;
}

/** The text of a field; `undefined` when it is blank. */
export function text(value: string): string | undefined {
  const trimmed = value.trim();
  return trimmed === "" ? undefined : trimmed;
}

/** An object without what is absent. */
export function present(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
