// Moments and how long they last, in the viewer's zone.

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { duration, inFull, when } from "./format";

/** The time, once a second: whoever reads it is rendered then. Not for what there are hundreds of. */
export const now = signal(Date.now());
/** The time, twice a minute. */
export const slowNow = signal(Date.now());

export function startClock(): void {
  setInterval(() => {
    now.value = Date.now();
    if (now.value - slowNow.value >= 30_000) slowNow.value = now.value;
  }, 1000);
}

/** A moment; its full date is in the tip. */
export const Time = ({ at }: { at: string | number }): JSX.Element => (
  <time dateTime={new Date(at).toISOString()} title={inFull(at)}>
    {when(at, slowNow.value)}
  </time>
);

/** How long ago something was, or began. */
export const Since = ({ at, by = now }: { at: string | number; by?: typeof now }): JSX.Element => (
  <time dateTime={new Date(at).toISOString()} title={inFull(at)}>
    {duration((by.value - new Date(at).getTime()) / 1000)}
  </time>
);
