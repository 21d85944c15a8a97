// What can be done to all chosen streams; how far it is; how it ended.

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { ask } from "../api/client";
import type { StreamRow } from "../live/types";
import { Button } from "../ui/Button";
import { confirm } from "../ui/Dialog";
import { count } from "../ui/format";
import { toast, toastProblem } from "../ui/Toast";
import { deleteStream, offerUndo, setEnabled } from "./actions";
import { forEach, outcome, type BulkState } from "./bulk";
import { BulkValidation } from "./BulkValidation";
import { download, pick } from "./export";

interface Work {
  title: string;
  state: BulkState;
  running: boolean;
}

export function BulkBar({ rows, all, clear }: { rows: readonly StreamRow[]; all: number; clear: () => void }): JSX.Element | null {
  const [work, setWork] = useState<Work | null>(null);
  const [validates, setValidates] = useState<readonly string[] | null>(null);
  const abort = useRef<AbortController | null>(null);
  const ids = rows.map((row) => row.id);

  const run = async (title: string, done: string, act: (id: string) => Promise<void>, told = true): Promise<BulkState> => {
    const mine = new AbortController();
    abort.current = mine;
    const start: BulkState = { total: ids.length, done: 0, failures: [], stopped: false };
    setWork({ title, state: start, running: true });
    const state = await forEach(ids, act, (now) => setWork({ title, state: now, running: true }), mine.signal);
    const text = outcome(state, done);
    // What went well needs no more room than a message.
    if (state.failures.length === 0) {
      setWork(null);
      if (told) toast(`${text}.`);
    } else setWork({ title: text, state, running: false });
    return state;
  };
  const drop = async (): Promise<void> => {
    const text = "Whoever watches them is cut off. For a while they can be brought back.";
    if (!(await confirm(`Delete ${count(ids.length, "stream")}?`, text, `Delete ${ids.length}`))) return;
    const gone: string[] = [];
    await run("Deleting", "deleted", async (id) => {
      await deleteStream(id);
      gone.push(id);
    }, false);
    // The offer to bring them back says that they are gone.
    offerUndo(gone, `${count(gone.length, "stream")} deleted.`);
    clear();
  };
  const exportThem = async (): Promise<void> => {
    try {
      const { data } = await ask<string>("GET", "/playlist.m3u", { query: { sources: true } });
      download("streams.m3u", pick(data, new Set(ids)), "audio/x-mpegurl");
    } catch (error) {
      toastProblem("Nothing was exported", error);
    }
  };

  if (rows.length === 0 && !work && !validates) return <p class="hint">Choose streams to enable, disable, validate, export or delete them together.</p>;
  const busy = work?.running ?? false;
  return (
    <div class="panel bulk" role="region" aria-label="The chosen streams">
      <div class="row">
        <strong>
          {rows.length} of {all} chosen
        </strong>
        <Button disabled={busy || ids.length === 0} onClick={() => void run("Enabling", "enabled", (id) => setEnabled(id, true))}>
          Enable
        </Button>
        <Button disabled={busy || ids.length === 0} onClick={() => void run("Disabling", "disabled", (id) => setEnabled(id, false))}>
          Disable
        </Button>
        <Button disabled={busy || ids.length === 0} onClick={() => setValidates(ids)}>
          Validate
        </Button>
        <Button disabled={busy || ids.length === 0} title="As an M3U playlist of their sources, without secrets" onClick={() => void exportThem()}>
          Export M3U
        </Button>
        <Button kind="danger" icon="trash" disabled={busy || ids.length === 0} onClick={() => void drop()}>
          Delete
        </Button>
        <Button kind="quiet" disabled={busy} onClick={clear}>
          Choose none
        </Button>
      </div>
      {work && (
        <div class="progress">
          <div class="spread">
            <span role="status">
              {work.title}
              {work.running && `: ${work.state.done} of ${work.state.total}`}
            </span>
            {work.running ? <Button onClick={() => abort.current?.abort()}>Stop</Button> : <Button onClick={() => setWork(null)}>Close</Button>}
          </div>
          {work.running && <progress max={work.state.total} value={work.state.done} aria-label={work.title} />}
          {work.state.failures.length > 0 && (
            <ul class="bulk-failures">
              {work.state.failures.map((one) => (
                <li key={one.id}>
                  <span class="mono">{one.id}</span>: {one.message}
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      {validates && <BulkValidation ids={validates} close={() => setValidates(null)} />}
    </div>
  );
}
