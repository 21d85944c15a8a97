import { PATIENCE } from "./places.mjs";

/** Long enough for anything that should take a moment. */
const SOON = 20_000;

/** Waits until something holds, and gives it back. */
export async function until(what, holds, limit = SOON) {
  const end = Date.now() + limit * PATIENCE;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${Math.round((limit * PATIENCE) / 1000)} s for ${what}`);
    await new Promise((later) => setTimeout(later, 100));
  }
}
