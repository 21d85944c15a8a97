// Which streams the wall shows, and in what order.

import type { StreamRow } from "../live/types";
import { SEVERITY_RANK, type Status, STATUSES, statusOf, worst } from "../ui/words";

export type Sort = "trouble" | "name" | "viewers" | "bitrate";
export const SORTS: readonly (readonly [Sort, string])[] = [
  ["trouble", "Trouble first"],
  ["name", "Name"],
  ["viewers", "Most viewers"],
  ["bitrate", "Highest bitrate"],
];

export interface View {
  text: string;
  /** Only these; none is all. */
  statuses: readonly Status[];
  group: string | null;
  sort: Sort;
  grouped: boolean;
}

export interface Section {
  /** The group; null when streams are not shown by group, or have none. */
  readonly name: string | null;
  readonly ids: readonly string[];
}

export interface Arranged {
  readonly sections: readonly Section[];
  readonly shown: number;
  /** How many are how, of all that the other filters let through. */
  readonly counts: Readonly<Record<Status, number>>;
}

const COLLATOR = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const STATUS_RANK = Object.fromEntries(STATUSES.map((status, rank) => [status, rank])) as Record<Status, number>;

/** What a stream is sorted by: the keys are made once for each, not once for each comparison. */
interface Keyed {
  row: StreamRow;
  status: Status;
  severity: number;
  since: number;
}

function keyed(row: StreamRow): Keyed {
  const found = worst(row.conditions);
  const status = statusOf(row);
  // What has just gone wrong stands above what has been wrong for days. Those that are well stay where they are.
  const since = status === "down" || status === "degraded" ? Date.parse(found?.since ?? row.since ?? "") || 0 : 0;
  return { row, status, severity: found ? SEVERITY_RANK[found.severity] : 0, since };
}

const byName = (a: Keyed, b: Keyed): number => COLLATOR.compare(a.row.name, b.row.name) || (a.row.id < b.row.id ? -1 : 1);

const COMPARE: Record<Sort, (a: Keyed, b: Keyed) => number> = {
  trouble: (a, b) => STATUS_RANK[a.status] - STATUS_RANK[b.status] || b.severity - a.severity || b.since - a.since || byName(a, b),
  name: byName,
  viewers: (a, b) => b.row.viewers - a.row.viewers || byName(a, b),
  bitrate: (a, b) => (b.row.bitrate ?? -1) - (a.row.bitrate ?? -1) || byName(a, b),
};

/** Whether each word of the text is somewhere in the name, the id, the group or the conditions. */
export function matchesText(row: StreamRow, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return true;
  const all = `${row.name} ${row.id} ${row.group ?? ""} ${row.conditions.map((one) => one.kind).join(" ")}`.toLowerCase();
  return words.every((word) => all.includes(word));
}

/** Filters, counts, sorts and groups. */
export function arrange(rows: Iterable<StreamRow>, view: View): Arranged {
  const counts = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;
  const found: Keyed[] = [];
  for (const row of rows) {
    if (view.group !== null && (row.group ?? "") !== view.group) continue;
    if (!matchesText(row, view.text)) continue;
    const key = keyed(row);
    counts[key.status] += 1;
    if (view.statuses.length === 0 || view.statuses.includes(key.status)) found.push(key);
  }
  found.sort(COMPARE[view.sort]);
  if (!view.grouped) return { sections: [{ name: null, ids: found.map((key) => key.row.id) }], shown: found.length, counts };
  const groups = new Map<string, string[]>();
  for (const key of found) {
    const name = key.row.group ?? "";
    const ids = groups.get(name);
    if (ids) ids.push(key.row.id);
    else groups.set(name, [key.row.id]);
  }
  // Sorted by trouble, the group with the worst stream comes first; else groups are looked for by name.
  const sections = [...groups].map(([name, ids]) => ({ name: name === "" ? null : name, ids }));
  if (view.sort !== "trouble") sections.sort((a, b) => (a.name === null ? 1 : b.name === null ? -1 : COLLATOR.compare(a.name, b.name)));
  return { sections, shown: found.length, counts };
}

/** Whether two arrangements show the same streams at the same places. */
export function sameOrder(a: readonly Section[], b: readonly Section[]): boolean {
  return (
    a.length === b.length &&
    a.every((section, at) => {
      const other = b[at];
      return other !== undefined && section.name === other.name && section.ids.length === other.ids.length && section.ids.every((id, index) => id === other.ids[index]);
    })
  );
}

/** The groups there are, by name. */
export function groupsOf(rows: Iterable<StreamRow>): string[] {
  const names = new Set<string>();
  for (const row of rows) if (row.group !== null && row.group !== "") names.add(row.group);
  return [...names].sort(COLLATOR.compare);
}
