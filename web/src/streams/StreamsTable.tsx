// The table of streams: each row follows its own stream.

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { part } from "../api/client";
import { live } from "../live";
import type { StreamRow } from "../live/types";
import { href, setQuery } from "../router";
import { mayOperate } from "../session";
import { ConditionBadge, StatusBadge } from "../ui/Badge";
import { bits } from "../ui/format";
import { statusOf } from "../ui/words";
import { toggled, type SortKey } from "./rows";

const COLUMNS: readonly (readonly [SortKey | null, string, string])[] = [
  ["status", "State", ""],
  ["name", "Name", ""],
  ["group", "Group", ""],
  [null, "Conditions", "wide"],
  ["bitrate", "Bitrate", "number"],
  ["viewers", "Viewers", "number"],
];

interface TableProps {
  rows: readonly StreamRow[];
  /** All that match, also those that are not made yet: what "all" chooses. */
  all: readonly StreamRow[];
  sort: SortKey;
  down: boolean;
  chosen: ReadonlySet<string>;
  choose: ((chosen: ReadonlySet<string>) => void) | null;
}

export function StreamsTable({ rows, all, sort, down, chosen, choose }: TableProps): JSX.Element {
  const last = useRef<string | null>(null);
  const picked = all.filter((row) => chosen.has(row.id)).length;
  const pick = (id: string, on: boolean, shift: boolean): void => {
    const order = rows.map((row) => row.id);
    choose?.(toggled(chosen, order, id, on, shift ? last.current : null));
    last.current = id;
  };
  return (
    <div class="table-box" role="region" aria-label="Streams" tabIndex={0}>
      <table class="table streams-table">
        <thead>
          <tr>
            {choose && (
              <th scope="col">
                <input
                  type="checkbox"
                  aria-label={`Choose all ${all.length}`}
                  checked={picked === all.length}
                  ref={(box) => {
                    if (box) box.indeterminate = picked > 0 && picked < all.length;
                  }}
                  onChange={(event) => choose(new Set(event.currentTarget.checked ? all.map((row) => row.id) : []))}
                />
              </th>
            )}
            {COLUMNS.map(([key, title, shape]) => (
              <th key={title} scope="col" class={shape} aria-sort={key !== sort ? undefined : down ? "descending" : "ascending"}>
                {key === null ? (
                  title
                ) : (
                  <button type="button" class="streams-sort" onClick={() => setQuery({ sort: key === "name" ? null : key, down: key === sort && !down ? "1" : null })}>
                    {title} <span aria-hidden="true">{key !== sort ? "" : down ? "▾" : "▴"}</span>
                  </button>
                )}
              </th>
            ))}
            <th scope="col">
              <span class="sr">What can be done</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.id} id={row.id} chosen={chosen.has(row.id)} pick={choose ? pick : null} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ id, chosen, pick }: { id: string; chosen: boolean; pick: ((id: string, on: boolean, shift: boolean) => void) | null }): JSX.Element | null {
  const row = live.row(id)?.value;
  if (!row) return null;
  const path = `/ui/streams/${part(id)}`;
  const status = statusOf(row);
  return (
    <tr class={chosen ? "streams-chosen" : undefined}>
      {pick && (
        <td>
          <input
            type="checkbox"
            aria-label={`Choose ${row.name}`}
            checked={chosen}
            onClick={(event) => pick(id, event.currentTarget.checked, event.shiftKey)}
          />
        </td>
      )}
      <td>
        <StatusBadge status={status} />
      </td>
      <td class="streams-name">
        <a href={href(path)}>{row.name || id}</a>
        <span class="hint mono">{id}</span>
      </td>
      <td>{row.group}</td>
      <td class="wide">
        <span class="row">
          {row.conditions.flatMap((one) => (one.kind === status ? [] : [<ConditionBadge key={one.kind} condition={one} />]))}
        </span>
      </td>
      <td class="number">{bits(row.bitrate)}</td>
      <td class="number">{row.viewers}</td>
      <td>
        <span class="streams-links">
          <a href={href(`/ui/watch/${part(id)}`)}>Watch</a>
          {mayOperate.value && <a href={href(`${path}/edit`)}>Edit</a>}
        </span>
      </td>
    </tr>
  );
}
