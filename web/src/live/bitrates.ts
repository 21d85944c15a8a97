// The last hour of each stream's bitrate, a value a minute: what sparklines show.

import { signal } from "@preact/signals";

/** Values that are kept, and how long each lasts. */
export const LENGTH = 60;
export const STEP = 60_000;

interface Ring {
  /** The minute of the newest value, since 1970. */
  minute: number;
  /** Newest last. */
  values: (number | null)[];
}

/** What `GET /api/v1/reports/bitrates` tells. */
export interface BitrateReport {
  from: string;
  step: number;
  streams: Record<string, (number | null)[]>;
}

export class Bitrates {
  readonly #rings = new Map<string, Ring>();
  readonly #seeds = signal(0);

  /** A bitrate from this time on. Live updates tell it when it changes, so that it lasts until the next. */
  add(id: string, at: number, bitrate: number | null): void {
    const ring = this.#ring(id, Math.floor(at / STEP));
    ring.values[ring.values.length - 1] = bitrate;
  }

  /** What the server remembers, under what was seen here. */
  seed(report: BitrateReport): void {
    const from = Date.parse(report.from);
    for (const [id, values] of Object.entries(report.streams)) {
      const last = Math.floor((from + (values.length - 1) * report.step * 1000) / STEP);
      const ring = this.#ring(id, last);
      values.forEach((value, index) => {
        const minute = Math.floor((from + index * report.step * 1000) / STEP);
        const at = ring.values.length - 1 - (ring.minute - minute);
        if (at >= 0 && at < ring.values.length && value !== null) ring.values[at] = value;
      });
    }
    this.#seeds.value += 1;
  }

  /**
   * The values until this time, newest last; what is not known is null. An array of its own each time: who is given the same
   * one again is not drawn anew.
   */
  values(id: string, now: number): readonly (number | null)[] {
    // Who shows them shows what the server remembers as soon as that is known.
    void this.#seeds.value;
    return this.#rings.has(id) ? this.#ring(id, Math.floor(now / STEP)).values.slice() : [];
  }

  forget(id: string): void {
    this.#rings.delete(id);
  }

  /** The ring, brought forward to this minute: what was last told lasts. */
  #ring(id: string, minute: number): Ring {
    let ring = this.#rings.get(id);
    if (!ring) {
      ring = { minute, values: new Array<number | null>(LENGTH).fill(null) };
      this.#rings.set(id, ring);
    }
    const behind = Math.min(minute - ring.minute, LENGTH);
    const last = ring.values[LENGTH - 1] ?? null;
    for (let step = 0; step < behind; step += 1) {
      ring.values.shift();
      ring.values.push(last);
    }
    ring.minute = Math.max(ring.minute, minute);
    return ring;
  }
}
