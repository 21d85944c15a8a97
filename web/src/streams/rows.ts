// Which streams a table shows, and in which order. Pure.

import type { StreamRow } from "../live/types";
import { STATUSES, statusOf } from "../ui/words";

export interface RowFilter {
  text: string;
  group: string;
  status: string;
}

export type SortKey = "name" | "group" | "status" | "bitrate" | "viewers";

/** Rows with all words of the text in name, id or group. */
export function filterRows(rows: readonly StreamRow[], filter: RowFilter): StreamRow[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return rows.filter((row) => {
    if (filter.group !== "" && row.group !== filter.group) return false;
    if (filter.status !== "" && statusOf(row) !== filter.status) return false;
    const text = `${row.name} ${row.id} ${row.group ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

const COLLATOR = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Text from A, states from the worst, numbers from the largest; `down` turns it round. Equals are in order of name. */
export function compareBy(key: SortKey, down: boolean): (a: StreamRow, b: StreamRow) => number {
  const name = (a: StreamRow, b: StreamRow): number => COLLATOR.compare(a.name || a.id, b.name || b.id) || COLLATOR.compare(a.id, b.id);
  const by: Record<SortKey, (a: StreamRow, b: StreamRow) => number> = {
    name,
    group: (a, b) => COLLATOR.compare(a.group ?? "", b.group ?? ""),
    status: (a, b) => STATUSES.indexOf(statusOf(a)) - STATUSES.indexOf(statusOf(b)),
    bitrate: (a, b) => (b.bitrate ?? -1) - (a.bitrate ?? -1),
    viewers: (a, b) => b.viewers - a.viewers,
  };
  const first = by[key] ?? name;
  return (a, b) => (down ? -1 : 1) * first(a, b) || name(a, b);
}

/** What is chosen after a box was ticked; with Shift all between it and the one before. */
export function toggled(chosen: ReadonlySet<string>, order: readonly string[], id: string, on: boolean, from: string | null): Set<string> {
  const next = new Set(chosen);
  const [a, b] = [order.indexOf(from ?? id), order.indexOf(id)];
  const span = a < 0 || b < 0 ? [id] : order.slice(Math.min(a, b), Math.max(a, b) + 1);
  for (const one of span) {
    if (on) next.add(one);
    else next.delete(one);
  }
  return next;
}
