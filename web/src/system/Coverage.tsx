// How many streams are looked at in time, and what waits for what.

import type { JSX } from "preact";
import { get, part, type Schema } from "../api/client";
import { href } from "../router";
import { bytes, duration, percent } from "../ui/format";
import { Table } from "../ui/Table";
import { Time } from "../ui/Time";
import { Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { spaced } from "../ui/words";
import { Meter } from "./Meter";

type View = Schema<"MonitorView">;
type Behind = Schema<"Behind">;

export function Coverage(): JSX.Element {
  const asked = useAsk((signal) => get<View>("monitor", {}, signal), [], 5_000);
  const view = asked.data.value;
  if (!view) return asked.error.value ? <Trouble error={asked.error.value} onRetry={asked.reload} /> : <Loading />;
  const { budget, modes, intervals, states } = view;
  const facts: [string, string][] = [
    ["Streams", `${view.streams} watched: ${modes.sampled} sampled, ${modes.continuous} continuous; ${modes.off} off`],
    ["Health", Object.entries(states).map(([name, number]) => `${number} ${name}`).join(", ")],
    ["Longest not looked at", duration(intervals.oldest)],
    ["Between two looks", intervals.mean == null ? "–" : `${duration(intervals.mean)} on average`],
    ["Intervals stretched", intervals.stretch == null ? "no" : `${intervals.stretch.toFixed(2)} times at most`],
    ["Decoders", String(budget.decoders)],
    ["Looks at a time", `${budget.concurrency}, ${budget.host_concurrency} at a host`],
    ["Pictures", `${budget.thumbnails}, ${bytes(budget.thumbnail_bytes)} of ${bytes(budget.thumbnail_bytes_max)}`],
  ];
  return (
    <section class="panel stack" aria-labelledby="coverage">
      <div class="spread">
        <h2 id="coverage">Coverage</h2>
        <strong>{percent(view.coverage)} looked at in time</strong>
      </div>
      <Meter share={view.coverage} label="Coverage" tone={view.coverage < 0.9 ? "warning" : "good"} />
      {view.own_network && (
        <p>
          Most streams of different hosts fail together since <Time at={view.own_network.since} />: taken for a fault of this server's own network.
        </p>
      )}
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {view.behind.length > 0 && (
        <details open={view.behind_total < 10}>
          <summary>{view.behind_total} behind</summary>
          <Table<Behind>
            label="What is behind"
            rows={view.behind}
            rowKey={(one) => String(one.stream)}
            columns={[
              { key: "stream", title: "Stream", cell: (one) => <a href={href(`/ui/streams/${part(String(one.stream))}`)}>{String(one.stream)}</a> },
              { key: "age", title: "Not looked at for", number: true, cell: (one) => duration(one.age) },
              { key: "interval", title: "Interval", number: true, cell: (one) => duration(one.interval) },
              { key: "waits", title: "Waits for", wide: true, cell: (one) => spaced(one.waits_for) },
            ]}
          />
        </details>
      )}
    </section>
  );
}
