// Validates a stream while one looks on: source by source and stage by stage, so that each is seen as soon as it is known.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { follow, Problem } from "../api/client";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { now } from "../ui/Time";
import { Check } from "../ui/Field";
import { Trouble } from "../ui/Trouble";
import type { Tone } from "../ui/words";
import { SourceValidation, type Progress, type Report, type SourceReport } from "./ValidationReport";

interface Run {
  reports: (SourceReport | null)[];
  /** The source that is being looked at, and how far it is. */
  at: number | null;
  progress: Progress | null;
  since: number;
  error: unknown;
  summary: string;
}

const TONES: Record<string, Tone> = { passed: "good", failed: "critical", not_checked: "muted" };

/** `draft` gives a definition that is not saved; without it the stream `id` is validated as it is. */
export function Validation(props: { id?: string; urls: readonly string[]; draft?: () => Record<string, unknown> }): JSX.Element {
  const [run, setRun] = useState<Run | null>(null);
  const [fresh, setFresh] = useState(false);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);

  const begin = async (): Promise<void> => {
    abort.current?.abort();
    const mine = new AbortController();
    abort.current = mine;
    let state: Run = { reports: props.urls.map(() => null), at: 0, progress: null, since: Date.now(), error: null, summary: "" };
    const turn = (next: Partial<Run>): void => {
      state = { ...state, ...next };
      if (!mine.signal.aborted) setRun(state);
    };
    setRun(state);
    const path = props.draft ? "streams/validate" : `streams/${encodeURIComponent(props.id ?? "")}/validate`;
    try {
      for (let source = 0; source < props.urls.length; source += 1) {
        turn({ at: source, progress: null });
        const body = props.draft ? { body: props.draft() } : {};
        const query = { source, ...(fresh ? { fresh } : {}) };
        let report: Report | null = null;
        await follow("POST", path, { ...body, query, signal: mine.signal }, ({ name, data }) => {
          if (name === "progress") turn({ progress: JSON.parse(data) as Progress });
          else if (name === "report") report = JSON.parse(data) as Report;
        });
        // Assigned by the function above, which the compiler does not follow.
        const told = report as Report | null;
        if (!told) throw new Problem(0, "unfinished", "The validation broke off", "The server ended it before there was a result.");
        const reports = state.reports.map((one, index) => (index === source ? (told.sources[0] ?? null) : one));
        turn({ reports, summary: props.urls.length === 1 ? told.summary : "" });
      }
      turn({ at: null, progress: null });
    } catch (error) {
      turn({ at: null, progress: null, error });
    }
  };
  const stop = (): void => {
    abort.current?.abort();
    setRun((old) => old && { ...old, at: null });
  };

  const runs = run !== null && run.at !== null;
  return (
    <div class="stack">
      <div class="row">
        <Button kind="primary" busy={runs} onClick={() => void begin()} disabled={props.urls.length === 0}>
          {runs ? "Validating" : "Validate"}
        </Button>
        {runs && <Button onClick={stop}>Stop</Button>}
        {props.id !== undefined && (
          <Check label="Over a connection of its own" checked={fresh} onInput={setFresh} disabled={runs} title="Also if it is being pulled. It may count against the provider's limit." />
        )}
        {runs && <Elapsed since={run.since} />}
      </div>
      {run?.error != null && <Trouble error={run.error} />}
      {run?.summary && <p role="status">{run.summary}</p>}
      {run?.reports.map((report, index) => (
        <div key={index}>
          {report && <Badge tone={TONES[report.outcome] ?? "muted"}>{report.outcome.replaceAll("_", " ")}</Badge>}
          <SourceValidation index={index} url={props.urls[index]} report={report} progress={run.at === index ? run.progress : null} />
        </div>
      ))}
    </div>
  );
}

/** Of its own, so that the seconds render nothing else. */
function Elapsed({ since }: { since: number }): JSX.Element {
  return <span class="hint">{Math.max(0, Math.round((now.value - since) / 1000))} s</span>;
}
