// What an import did, or would do, line by line.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { part } from "../api/client";
import { href } from "../router";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Table } from "../ui/Table";
import type { Tone } from "../ui/words";
import { shown, type ImportReport, type ImportRow } from "./input";

const ACTIONS = ["added", "changed", "skipped", "unchanged"] as const;
const TONES: Record<ImportRow["action"], Tone> = { added: "good", changed: "info", skipped: "warning", unchanged: "muted" };
const AT_ONCE = 200;

export function ReportTable({ report }: { report: ImportReport }): JSX.Element {
  const [actions, setActions] = useState<ReadonlySet<string>>(new Set(["added", "changed", "skipped"]));
  const [most, setMost] = useState(AT_ONCE);
  const rows = shown(report, actions);
  const toggle = (action: string): void => {
    const next = new Set(actions);
    if (!next.delete(action)) next.add(action);
    setActions(next);
  };
  return (
    <section class="import-report stack" aria-labelledby="report">
      <h2 id="report">{report.dry_run ? "What would happen" : "What was done"}</h2>
      <div class="row" role="group" aria-label="Lines to show">
        {ACTIONS.map((action) => (
          <Button key={action} aria-pressed={actions.has(action)} onClick={() => toggle(action)}>
            {report[action]} {action}
          </Button>
        ))}
      </div>
      {rows.length === 0 ? (
        <p class="hint">No such lines.</p>
      ) : (
        <Table<ImportRow>
          label="Lines of the playlist"
          rows={rows.slice(0, most)}
          rowKey={(row) => `${row.line} ${row.id ?? ""}`}
          columns={[
            { key: "line", title: "Line", number: true, cell: (row) => row.line },
            { key: "action", title: "What", cell: (row) => <Badge tone={TONES[row.action]}>{row.action}</Badge> },
            { key: "name", title: "Name", cell: (row) => <span class="cell-name">{row.name}</span> },
            { key: "id", title: "Stream", cell: (row) => (row.id && (!report.dry_run || row.action !== "added") ? <a href={href(`/ui/streams/${part(row.id)}`)}>{row.id}</a> : row.id) },
            { key: "reason", title: "Why", wide: true, cell: (row) => row.reason },
          ]}
        />
      )}
      {rows.length > most && <Button onClick={() => setMost(rows.length)}>Show all {rows.length}</Button>}
    </section>
  );
}
