// What a time on the timeline means, in words; and how times are written on its axis, in the viewer's zone.

import type { Course } from "./Timeline";
import { stepAt, type ShownStep, type Span } from "./timeline";
import { bits, duration } from "../ui/format";
import { spaced } from "../ui/words";

const DAY = 86_400_000;

/** What was so at a time. */
export function readout(course: Course, at: number): string[] {
  const step = course.steps[stepAt(course.steps, at)];
  const told = [dateWords(at)];
  if (step) told.push(...stepWords(step));
  const lasting = course.conditions.filter((one) => one.from <= at && at <= one.to);
  for (const one of lasting) told.push(one.text ? `${spaced(one.kind)}: ${one.text}` : spaced(one.kind));
  return told;
}

function stepWords(step: ShownStep): string[] {
  const { seconds } = step;
  const told: string[] = [];
  const all = seconds.up + seconds.degraded + seconds.down + seconds.unknown + seconds.paused;
  for (const state of ["up", "degraded", "down", "unknown", "paused"] as const) {
    if (seconds[state] <= 0) continue;
    told.push(seconds[state] >= all ? state : `${state} for ${duration(seconds[state])}`);
  }
  if (step.bitrate != null) told.push(bits(step.bitrate));
  const errors = step.continuity_errors + step.errors;
  if (errors > 0) told.push(`${errors} errors, ${step.continuity_errors} of continuity`);
  return told;
}

/** A time on the axis: the hour, or the day where it begins. */
export function tickWords(at: number, period: Span): string {
  const time = new Date(at);
  const long = period.to - period.from > 2 * DAY;
  const midnight = time.getHours() === 0 && time.getMinutes() === 0;
  if (long || midnight) return time.toLocaleDateString(undefined, { weekday: "short", day: "numeric" });
  return time.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
}

/** A time in words. */
export function dateWords(at: number): string {
  return new Date(at).toLocaleString(undefined, {
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    day: "numeric",
    month: "short",
  });
}
