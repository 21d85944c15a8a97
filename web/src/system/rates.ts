// CPU of pipelines: the server tells seconds since their start, people want cores now.

export interface CpuSample {
  /** When it was asked, milliseconds. */
  at: number;
  /** CPU seconds by pipeline. */
  seconds: ReadonlyMap<string, number>;
}

/** Cores that each pipeline keeps busy; of those that are new nothing is known yet. */
export function cores(before: CpuSample | null, now: CpuSample): Map<string, number> {
  const found = new Map<string, number>();
  if (!before) return found;
  const wall = (now.at - before.at) / 1000;
  if (wall <= 0) return found;
  for (const [id, seconds] of now.seconds) {
    const old = before.seconds.get(id);
    if (old !== undefined && seconds >= old) found.set(id, (seconds - old) / wall);
  }
  return found;
}

/** How far a reading is towards its threshold, 0 to 1: for those of too much, and those of too little. */
export function nearness(reading: { value: number; threshold: number; clears_at: number }): number {
  const tooMuch = reading.threshold >= reading.clears_at;
  if (reading.threshold <= 0) return reading.value > 0 ? 1 : 0;
  const share = tooMuch ? reading.value / reading.threshold : reading.threshold / Math.max(reading.value, 1e-9);
  return Math.min(1, Math.max(0, share));
}
