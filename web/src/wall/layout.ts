// Where each tile stands. Tiles are all of one size, so that what is visible can be told without asking the browser.

import type { Section } from "./order";

export type Size = "small" | "medium" | "large";
export const SIZES: readonly (readonly [Size, string])[] = [
  ["small", "Small tiles"],
  ["medium", "Medium tiles"],
  ["large", "Large tiles"],
];

const WISHED: Record<Size, number> = { small: 150, medium: 215, large: 320 };
export const GAP = 10;
export const HEADER = 34;
/** Below the picture: name, bitrate and its line. */
export const FOOT = 54;

/** A line of the wall: the header of a group, or tiles side by side. */
export interface Line {
  readonly top: number;
  readonly height: number;
  /** A header. */
  readonly section: Section | null;
  /** Tiles: ids from `start` to `end` of the section's. */
  readonly ids: readonly string[];
}

export interface Layout {
  readonly columns: number;
  readonly width: number;
  readonly height: number;
  readonly total: number;
  readonly lines: readonly Line[];
}

/** Lays out sections in this width. */
export function layOut(sections: readonly Section[], space: number, size: Size, headers: boolean): Layout {
  // Two columns at least, also on a phone: a wall of one is a list.
  const columns = Math.max(space < 300 ? 1 : 2, Math.floor((space + GAP) / (WISHED[size] + GAP)));
  const width = Math.max(1, Math.floor((space - GAP * (columns - 1)) / columns));
  const height = Math.round((width * 9) / 16) + FOOT;
  const lines: Line[] = [];
  let top = 0;
  for (const section of sections) {
    if (headers) {
      lines.push({ top, height: HEADER, section, ids: [] });
      top += HEADER;
    }
    for (let start = 0; start < section.ids.length; start += columns) {
      lines.push({ top, height, section: null, ids: section.ids.slice(start, start + columns) });
      top += height + GAP;
    }
  }
  return { columns, width, height, total: Math.max(0, top), lines };
}

/** The lines that are seen from `top` on, and some beyond: from the first to before the second. */
export function visible(layout: Layout, top: number, space: number, beyond: number): [number, number] {
  const lines = layout.lines;
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const line = lines[middle];
    if (line && line.top + line.height < top - beyond) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < lines.length && (lines[end]?.top ?? 0) <= top + space + beyond) end += 1;
  return [low, end];
}

/** The tile one comes to from another by a key; null when that leads nowhere. */
export function neighbour(layout: Layout, id: string, key: string): { id: string; line: Line } | null {
  const lines = layout.lines.filter((line) => line.ids.length > 0);
  const at = lines.findIndex((line) => line.ids.includes(id));
  const here = lines[at];
  if (!here) return null;
  const column = here.ids.indexOf(id);
  const pick = (line: Line | undefined, want: number): { id: string; line: Line } | null => {
    const found = line?.ids[Math.min(want, line.ids.length - 1)];
    return line && found !== undefined ? { id: found, line } : null;
  };
  switch (key) {
    case "ArrowLeft":
      return column > 0 ? pick(here, column - 1) : pick(lines[at - 1], Number.MAX_SAFE_INTEGER);
    case "ArrowRight":
      return column < here.ids.length - 1 ? pick(here, column + 1) : pick(lines[at + 1], 0);
    case "ArrowUp":
      return pick(lines[at - 1], column);
    case "ArrowDown":
      return pick(lines[at + 1], column);
    case "Home":
      return pick(lines[0], 0);
    case "End":
      return pick(lines[lines.length - 1], Number.MAX_SAFE_INTEGER);
    default:
      return null;
  }
}
