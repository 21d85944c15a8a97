// What the page of a stream asks for.

import { get, part, Problem, type Schema } from "../api/client";
import type { Course } from "./Timeline";
import { conditionSpans, type ShownCondition, type ShownEvent, type ShownStep } from "./timeline";

export type StreamView = Schema<"StreamView">;
export type SourceView = Schema<"SourceView">;

/** How far back the timeline goes. */
export const RANGES = { "1h": "1 hour", "24h": "24 hours", "7d": "7 days" } as const;
export type Range = keyof typeof RANGES;

const FROM: Record<Range, string> = { "1h": "-1h", "24h": "-24h", "7d": "-168h" };

/** A picture of the time of a condition. */
export interface Picture {
  at: string;
  condition: string;
  /** It was raised then; else it was over. */
  raised?: boolean;
  url: string;
}

interface History {
  from: string;
  to: string;
  step: number;
  items: ShownStep[];
}

/** The past of a stream: its steps, and the conditions within. */
export async function course(id: string, range: Range, lasting: readonly ShownCondition[], signal: AbortSignal): Promise<Course> {
  const from = FROM[range];
  const [history, events, shots] = await Promise.all([
    get<History>(`streams/${part(id)}/history`, { from }, signal),
    get<{ items: ShownEvent[] }>(`streams/${part(id)}/events`, { from, limit: 1000 }, signal),
    pictures(id, signal),
  ]);
  const period = { from: Date.parse(history.from), to: Math.max(Date.parse(history.to), Date.now()) };
  const times = shots.map((one) => Date.parse(one.at));
  return {
    period,
    step: history.step * 1000,
    steps: history.items,
    conditions: conditionSpans(events.items, lasting, period),
    pictures: times.filter((at) => at >= period.from && at <= period.to),
  };
}

/** Pictures that were taken when conditions were raised; none where the server keeps none. */
export async function pictures(id: string, signal: AbortSignal): Promise<Picture[]> {
  try {
    const answer = await get<Picture[] | { items: Picture[] }>(`streams/${part(id)}/pictures`, {}, signal);
    return Array.isArray(answer) ? answer : answer.items;
  } catch (error) {
    if (error instanceof Problem && (error.status === 404 || error.status === 405)) return [];
    throw error;
  }
}
