// The figures of what is played, over the picture.

import type { JSX } from "preact";
import type { Schema } from "../api/client";
import { get } from "../api/client";
import { live } from "../live";
import { bits, bytes, percent } from "../ui/format";
import { useAsk } from "../ui/useAsk";
import type { Engine } from "./engine";

type Status = Schema<"TranscodingStatus">;

const seconds = (value: number | null): string => (value === null ? "–" : `${value.toFixed(1)} s`);

export function Stats({ engine }: { engine: Engine }): JSX.Element {
  // Memory of pipelines is no part of live updates: it moves all the time.
  const status = useAsk((signal) => get<Status>("/api/streams/transcoding/status", {}, signal), [engine], 3000);
  const figures = engine.figures.value;
  const session = status.data.value?.sessions.find((one) => one.sessionId === engine.session.value);
  const others = [...live.sessions.value.values()].filter((one) => one.stream === engine.id && one.id !== engine.session.value).length;
  const rows: [string, string][] = [
    ["Size", figures?.size ?? "–"],
    ["Frame rate", figures?.frameRate == null ? "–" : `${figures.frameRate.toFixed(1)} per second`],
    ["Codecs", figures?.codecs ?? "–"],
    ["Bitrate", bits(figures?.bitrate)],
    ["Network", bits(figures?.bandwidth)],
    ["Dropped", figures ? `${figures.dropped} of ${figures.frames} (${percent(figures.frames > 0 ? figures.dropped / figures.frames : 0)})` : "–"],
    ["Behind live", seconds(figures?.latency ?? null)],
    ["Buffer", seconds(figures?.buffer ?? null)],
    ["Stalls", String(figures?.stalls ?? 0)],
    ["Rendition", engine.rendition.value ?? "–"],
    ["Pipeline", session ? `${session.pipeline}${session.memoryBytes == null ? "" : `, ${bytes(session.memoryBytes)}`}` : "–"],
    ["Shared by", session ? String(session.viewers) : "–"],
    ["Others here", String(others)],
  ];
  return (
    <dl class="stats">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
