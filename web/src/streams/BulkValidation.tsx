// A validation of many streams: the server does it, a few at a time; here is how far it is, and what it found.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, part, post, remove, type Schema } from "../api/client";
import { href } from "../router";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Table } from "../ui/Table";
import { toastProblem } from "../ui/Toast";
import { Trouble } from "../ui/Trouble";
import type { Tone } from "../ui/words";

type Detail = Schema<"ValidationDetail">;
type Report = Schema<"ValidationReport">;

const TONES: Record<string, Tone> = { passed: "good", degraded: "warning", failed: "critical" };
/** What needs somebody comes first. */
const ORDER = ["failed", "degraded", "deleted", "passed"];
const POLL = 1_000;

export function BulkValidation({ ids, close }: { ids: readonly string[]; close: () => void }): JSX.Element {
  const [detail, setDetail] = useState<Detail | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let ended = false;
    let job: string | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      try {
        job ??= (await post<Schema<"Validation">>("validations", { ids })).id;
        const now = await get<Detail>(`validations/${part(job)}`, { limit: 1000 });
        if (ended) return;
        setDetail(now);
        setError(null);
        if (now.state === "queued" || now.state === "running") timer = setTimeout(() => void look(), POLL);
      } catch (cause) {
        if (ended) return;
        setError(cause);
        // Once it is begun, a lost answer is asked for again.
        if (job !== null) timer = setTimeout(() => void look(), 5 * POLL);
      }
    };
    void look();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [ids]);

  if (!detail) return error ? <Trouble error={error} /> : <p class="hint">Beginning…</p>;
  const { progress } = detail;
  const runs = detail.state === "queued" || detail.state === "running";
  const cancel = (): void => {
    remove(`validations/${part(detail.id)}`).catch((cause: unknown) => toastProblem("It was not stopped", cause));
  };
  const rows = [...detail.results.items].sort((a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome));
  return (
    <div class="progress">
      <div class="spread">
        <span role="status">
          {runs ? `Validating: ${progress.done} of ${progress.total}` : detail.state === "cancelled" ? "Validation stopped" : "Validated"}: {progress.passed} passed, {progress.degraded} degraded, {progress.failed} failed
        </span>
        {runs ? <Button onClick={cancel}>Stop</Button> : <Button onClick={close}>Close</Button>}
      </div>
      {runs && <progress max={progress.total} value={progress.done} aria-label="Validating" />}
      {rows.length > 0 && (
        <div class="bulk-results">
          <Table<Report>
            label="What was found"
            rows={rows}
            rowKey={(one) => one.stream_id ?? one.checked_at}
            columns={[
              { key: "outcome", title: "Outcome", cell: (one) => <Badge tone={TONES[one.outcome] ?? "muted"}>{one.outcome}</Badge> },
              { key: "stream", title: "Stream", cell: (one) => <a href={href(`/ui/streams/${part(one.stream_id ?? "")}`)}><span class="cell-name">{one.stream_id}</span></a> },
              { key: "summary", title: "Found", wide: true, cell: (one) => one.summary },
            ]}
          />
        </div>
      )}
    </div>
  );
}
