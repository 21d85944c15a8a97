// Streams that are picked for the multiview.

import { signal } from "@preact/signals";

/** As many as a browser plays and a wall shows. */
export const MOST = 16;

export const picked = signal<readonly string[]>([]);

/** What the list of ids in a URL names: each once, and no more than there is room for. */
export function parseIds(text: string | null): string[] {
  const ids = (text ?? "").split(",").filter((id) => id !== "");
  return [...new Set(ids)].slice(0, MOST);
}

/** Adds a stream, or takes it away. What is full stays as it is. */
export function toggled(ids: readonly string[], id: string): readonly string[] {
  if (ids.includes(id)) return ids.filter((one) => one !== id);
  return ids.length < MOST ? [...ids, id] : ids;
}

export function togglePicked(id: string): void {
  picked.value = toggled(picked.value, id);
}

/** The path of the multiview of these streams. */
export const multiviewPath = (ids: readonly string[]): string =>
  ids.length === 0 ? "/ui/multiview" : `/ui/multiview?ids=${ids.map(encodeURIComponent).join(",")}`;
