// What is known of the stream beside its picture: how it is, its sources, who watches.

import type { JSX } from "preact";
import type { Schema } from "../api/client";
import { live } from "../live";
import { href } from "../router";
import { ConditionBadge, StatusBadge } from "../ui/Badge";
import { bits } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Since } from "../ui/Time";
import { meaning, statusOf } from "../ui/words";
import { Spark } from "../wall/Spark";
import { phase as phaseWords } from "./reasons";

type Stream = Schema<"StreamView">;

/** What a player calls itself, short: the product that says most. */
export function agent(text: string | null): string {
  if (text === null) return "unknown player";
  const known = /\b(Firefox|Edg|OPR|Chrome|Version|VLC|mpv|Lavf|AppleCoreMedia|Kodi|curl|GStreamer)\/([\d.]+)/.exec(text.replace(/HeadlessChrome/, "Chrome"));
  if (!known) return text.split(/[ (]/)[0] ?? text;
  const names: Record<string, string> = { Edg: "Edge", OPR: "Opera", Version: "Safari", Lavf: "FFmpeg", AppleCoreMedia: "Apple" };
  const name = known[1] ?? "";
  return `${names[name] ?? name} ${(known[2] ?? "").split(".")[0]}`;
}

function Watching({ id, own }: { id: string; own: string | null }): JSX.Element {
  const sessions = [...live.sessions.value.values()].filter((one) => one.stream === id);
  return (
    <section>
      <h2>
        <Icon name="viewers" size={14} /> Watching <span class="count">{sessions.length}</span>
      </h2>
      <ul class="watching">
        {sessions.map((one) => (
          <li key={one.id} title={one.user_agent ?? ""}>
            <span>
              {one.id === own ? <b>This player</b> : one.address} <span class="hint">{agent(one.user_agent)}</span>
            </span>
            <span class="hint">
              {one.quality ?? one.pipeline ?? "…"}
              {one.queue_position !== null && `, place ${one.queue_position}`} · <Since at={one.since} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Side({ id, stream, own }: { id: string; stream: Stream | null; own: string | null }): JSX.Element {
  const row = live.row(id)?.value;
  const sources = stream?.source_states ?? [];
  return (
    <aside class="side" aria-label="About this stream">
      {row && (
        <section>
          <p class="row">
            <StatusBadge status={statusOf(row)} />
            <span class="hint">
              {row.state}
              {row.since && (
                <>
                  {" · for "}
                  <Since at={row.since} />
                </>
              )}
            </span>
          </p>
          <p class="side-bitrate">
            <span>{bits(row.bitrate)}</span>
            <Spark values={live.bitrates.values(id, Date.now())} />
          </p>
          {row.conditions.length > 0 && (
            <ul class="side-conditions">
              {row.conditions.map((one) => (
                <li key={one.kind}>
                  <ConditionBadge condition={one} />
                  <span>{meaning(one.kind)}</span>
                  <span class="hint">
                    <Since at={one.since} />
                  </span>
                </li>
              ))}
            </ul>
          )}
        </section>
      )}
      {sources.length > 0 && (
        <section>
          <h2>Sources</h2>
          <ol class="side-sources">
            {sources.map((one) => (
              <li key={one.index} class={one.state === "live" ? "active" : ""}>
                {phaseWords(one.state)}
                {one.failures > 0 && <span class="hint"> {`${one.failures} failures in a row`}</span>}
              </li>
            ))}
          </ol>
        </section>
      )}
      <Watching id={id} own={own} />
      <section class="side-links">
        <a href={href(`/ui/streams/${encodeURIComponent(id)}`)}>History, events and validation</a>
        <a href={href(`/ui/multiview?ids=${encodeURIComponent(id)}`)}>Open in the multiview</a>
      </section>
    </aside>
  );
}
