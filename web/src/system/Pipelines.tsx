// The pool of transcodes and every pipeline with what it takes.

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { get, part, type Schema } from "../api/client";
import { href } from "../router";
import { Badge } from "../ui/Badge";
import { bytes, count, duration } from "../ui/format";
import { Table } from "../ui/Table";
import { Time } from "../ui/Time";
import { Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { spaced, type Tone } from "../ui/words";
import { Meter } from "./Meter";
import { cores, type CpuSample } from "./rates";

type View = Schema<"PipelinesView">;
type Pipeline = Schema<"PipelineView">;

interface Measured {
  view: View;
  cores: Map<string, number>;
}

const PRESSURE: Record<string, Tone> = { normal: "good", warning: "warning", critical: "critical" };

export function Pipelines(): JSX.Element {
  const before = useRef<CpuSample | null>(null);
  const asked = useAsk<Measured>(
    async (signal) => {
      const view = await get<View>("pipelines", {}, signal);
      const now = { at: performance.now(), seconds: new Map(view.pipelines.map((one) => [one.id, one.usage?.cpuSeconds ?? 0])) };
      const measured = { view, cores: cores(before.current, now) };
      before.current = now;
      return measured;
    },
    [],
    3_000,
  );
  const found = asked.data.value;
  if (!found) return asked.error.value ? <Trouble error={asked.error.value} onRetry={asked.reload} /> : <Loading />;
  const { pool, memory, pipelines, suspended, decisions } = found.view;
  return (
    <section class="panel stack" aria-labelledby="pool">
      <div class="spread">
        <h2 id="pool">Pool and pipelines</h2>
        <Badge tone={PRESSURE[pool.pressure] ?? "muted"}>{`memory ${pool.pressure}`}</Badge>
      </div>
      <div class="system-pool">
        <div>
          <span>
            {pool.running} of {count(pool.slots, "transcode")} running
          </span>
          <Meter share={pool.slots === 0 ? 0 : pool.running / pool.slots} label="Transcodes" tone={pool.running >= pool.slots ? "warning" : "info"} />
        </div>
        <div>
          <span>
            {bytes(memory.anonymousBytes)} of {bytes(pool.warningBytes)} before the warning
          </span>
          <Meter share={memory.anonymousBytes / pool.warningBytes} label="Memory before the warning" tone={PRESSURE[pool.pressure] ?? "info"} />
        </div>
        <div>
          <span>
            {pool.chargedCores.toFixed(2)} of {pool.usableCores == null ? "–" : pool.usableCores.toFixed(2)} cores reserved
          </span>
          <Meter share={pool.usableCores ? pool.chargedCores / pool.usableCores : 0} label="Cores reserved" />
        </div>
        <div>
          {pool.queued === 0 ? "Nobody waits" : `${pool.queued} wait${pool.hold ? `, for ${pool.hold}` : ""}`}
          {memory.pipelinesBytes != null && <p class="hint">Pipelines hold {bytes(memory.pipelinesBytes)}, the server {bytes(memory.serverBytes)}</p>}
        </div>
      </div>
      {pipelines.length === 0 ? (
        <p class="hint">No pipeline runs: what is watched is passed on as it is.</p>
      ) : (
        <Table<Pipeline>
          label="Pipelines"
          rows={pipelines}
          rowKey={(one) => one.id}
          columns={[
            { key: "stream", title: "Stream", cell: (one) => (one.streamId.startsWith("_") ? spaced(one.streamId.slice(1)) : <a href={href(`/ui/streams/${part(one.streamId)}`)}>{one.streamId}</a>) },
            { key: "rendition", title: "Rendition", cell: (one) => one.rendition },
            { key: "kind", title: "Sort", cell: (one) => `${spaced(one.kind)} (${one.topology})` },
            { key: "phase", title: "Phase", cell: (one) => spaced(one.phase) },
            { key: "viewers", title: "Viewers", number: true, cell: (one) => one.viewers },
            { key: "memory", title: "Memory", number: true, cell: (one) => bytes(one.usage?.memoryBytes) },
            { key: "peak", title: "Most", number: true, cell: (one) => bytes(one.usage?.peakBytes) },
            { key: "cpu", title: "Cores", number: true, cell: (one) => found.cores.get(one.id)?.toFixed(2) ?? "…" },
            { key: "threads", title: "Threads", number: true, cell: (one) => one.usage?.threads ?? "–" },
            { key: "lag", title: "Behind", number: true, cell: (one) => (one.lag == null ? "–" : `${one.lag.toFixed(1)} s`) },
            { key: "age", title: "Age", number: true, cell: (one) => duration(one.age) },
          ]}
        />
      )}
      {suspended.length > 0 && (
        <ul class="plain">
          {suspended.map((one) => (
            <li key={`${one.streamId} ${one.rendition}`}>
              <Badge tone="warning">suspended</Badge> {one.streamId}, {one.rendition}: {one.reason}; tried again in {duration(one.retryAfter)}
            </li>
          ))}
        </ul>
      )}
      {decisions.length > 0 && (
        <details>
          <summary>What the pool decided against somebody's wish ({decisions.length})</summary>
          <ul class="plain">
            {decisions.map((one, index) => (
              <li key={index}>
                <Time at={one.time} /> {one.streamId}, {one.rendition}: {one.decision}, {spaced(one.reason)}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}
