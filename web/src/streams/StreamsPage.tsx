// All streams as a table, and what can be done to many of them at once.

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { live } from "../live";
import type { StreamRow } from "../live/types";
import { href, place, setQuery } from "../router";
import { mayOperate } from "../session";
import "../styles/streams.css";
import { Button } from "../ui/Button";
import { count } from "../ui/format";
import { Empty, Loading } from "../ui/Trouble";
import { STATUSES } from "../ui/words";
import { BulkBar } from "./BulkBar";
import { compareBy, filterRows, type SortKey } from "./rows";
import { StreamsTable } from "./StreamsTable";

/** Rows that are made at a time: a thousand of them at once would be slow, and nobody reads them. */
const AT_ONCE = 100;

export default function StreamsPage(): JSX.Element {
  const { query } = place.value;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [most, setMost] = useState(AT_ONCE);
  const filter = { text: query.get("text") ?? "", group: query.get("group") ?? "", status: query.get("status") ?? "" };
  const sort = (query.get("sort") ?? "name") as SortKey;
  const down = query.get("down") === "1";
  const version = live.version.value;
  const rows = useMemo((): StreamRow[] => [...live.peekRows()], [version]);
  const groups = useMemo(() => [...new Set(rows.flatMap((row) => (row.group ? [row.group] : [])))].sort((a, b) => a.localeCompare(b)), [rows]);
  const shown = filterRows(rows, filter).sort(compareBy(sort, down));
  if (!live.ready.value) return <Loading />;

  // What is gone, or not shown, is not acted on.
  const picked = shown.filter((row) => chosen.has(row.id));
  const narrow = filter.text !== "" || filter.group !== "" || filter.status !== "";
  return (
    <div class="stack">
      <div class="spread">
        <h1>Streams</h1>
        {mayOperate.value && (
          <div class="row">
            <a class="button" href={href("/ui/import")}>
              Import
            </a>
            <a class="button primary" href={href("/ui/new")}>
              Add a stream
            </a>
          </div>
        )}
      </div>
      <div class="row" role="search">
        <input type="search" aria-label="Search" placeholder="Search name, id, group" value={filter.text} onInput={(event) => setQuery({ text: event.currentTarget.value })} />
        <select aria-label="Group" value={filter.group} onChange={(event) => setQuery({ group: event.currentTarget.value })}>
          <option value="">All groups</option>
          {groups.map((group) => (
            <option key={group}>{group}</option>
          ))}
        </select>
        <select aria-label="State" value={filter.status} onChange={(event) => setQuery({ status: event.currentTarget.value })}>
          <option value="">All states</option>
          {STATUSES.map((status) => (
            <option key={status}>{status}</option>
          ))}
        </select>
        <span class="hint" role="status">
          {narrow ? `${shown.length} of ${count(rows.length, "stream")}` : count(rows.length, "stream")}
        </span>
      </div>
      {mayOperate.value && <BulkBar rows={picked} all={shown.length} clear={() => setChosen(new Set())} />}
      {shown.length === 0 ? (
        <Empty>
          {narrow ? (
            <>
              <p>No stream matches.</p>
              <Button onClick={() => setQuery({ text: null, group: null, status: null })}>Show all</Button>
            </>
          ) : (
            <>
              <p>There are no streams yet.</p>
              {mayOperate.value && <a href={href("/ui/new")}>Add one</a>}
            </>
          )}
        </Empty>
      ) : (
        <StreamsTable
          rows={shown.slice(0, most)}
          all={shown}
          sort={sort}
          down={down}
          chosen={chosen}
          choose={mayOperate.value ? setChosen : null}
        />
      )}
      {shown.length > most && (
        <div class="row">
          <Button onClick={() => setMost(most + AT_ONCE)}>Show {Math.min(AT_ONCE, shown.length - most)} more</Button>
          <Button onClick={() => setMost(shown.length)}>Show all {shown.length}</Button>
        </div>
      )}
    </div>
  );
}
