// How loud this viewer likes it; kept for the next time.

const KEY = "sightglass.sound";

export interface Sound {
  volume: number;
  muted: boolean;
}

export function sound(): Sound {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Sound>;
    const volume = typeof kept.volume === "number" ? Math.min(1, Math.max(0, kept.volume)) : 1;
    return { volume, muted: kept.muted === true };
  } catch {
    return { volume: 1, muted: false };
  }
}

export function keepSound(now: Sound): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(now));
  } catch {
    // It is asked for again the next time.
  }
}
