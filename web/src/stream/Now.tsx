// How a stream is now: its newest picture, its figures, and in words why it is not well.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { part, urlOf } from "../api/client";
import { live } from "../live";
import type { StreamRow } from "../live/types";
import { Icon } from "../ui/Icon";
import { Time } from "../ui/Time";
import { bits, count, duration } from "../ui/format";
import { meaning, SEVERITY_TONE, spaced } from "../ui/words";
import type { StreamView } from "./data";
import { failureWords } from "./words";

export function Now({ view, row }: { view: StreamView; row: StreamRow | undefined }): JSX.Element {
  const { health } = view;
  const facts: [string, JSX.Element | string][] = [
    ["Pull", spaced(row?.state ?? view.state)],
    ["Monitor", health ? `${health.mode}, every ${duration(health.interval)}` : "not watched"],
    ["Last look", health?.checked_at ? <Time at={health.checked_at} /> : "none yet"],
    ["Bitrate", bits(row?.bitrate ?? health?.bitrate)],
    ["Viewers", String(row?.viewers ?? 0)],
  ];
  if (view.queue) facts.push(["Waits", `place ${view.queue.position} for a connection of ${view.queue.account}`]);
  return (
    <section class="panel stream-now" aria-label="Now">
      <Picture id={view.id} version={row?.thumbnail ?? null} />
      <div class="stack">
        <dl class="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {view.failure && (
          <p class="stream-why tone-critical">
            <Icon name="critical" />
            <span>
              <strong>
                {failureWords(view.failure.stage, view.failure.cause)}
              </strong>
              : {view.failure.message}
            </span>
          </p>
        )}
        {(health?.conditions ?? []).map((one) => (
          <p key={one.kind} class={`stream-why tone-${SEVERITY_TONE[one.severity]}`}>
            <Icon name={SEVERITY_TONE[one.severity]} />
            <span>
              <strong>{spaced(one.kind)}</strong> since <Time at={one.since} />: {one.evidence?.text || meaning(one.kind)}
              {(one.relapses ?? 0) > 0 && <span class="hint"> It has come back {count(one.relapses ?? 0, "time")}.</span>}
            </span>
          </p>
        ))}
        {!view.failure && (health?.conditions ?? []).length === 0 && health?.state === "up" && <p class="hint">Nothing is the matter with it.</p>}
        {!view.enabled && <p class="hint">It is disabled: nothing is pulled, and nobody can watch it.</p>}
        <Watchers id={view.id} />
      </div>
    </section>
  );
}

function Picture({ id, version }: { id: string; version: number | null }): JSX.Element {
  const [failed, setFailed] = useState<number | null>(null);
  if (version === null || failed === version) return <div class="stream-picture stream-picture-none">No picture yet</div>;
  return (
    <img
      class="stream-picture"
      src={urlOf(`api/v1/streams/${part(id)}/thumbnail.jpg`, { v: version })}
      alt="The newest picture"
      onError={() => setFailed(version)}
    />
  );
}

function Watchers({ id }: { id: string }): JSX.Element | null {
  const sessions = [...live.sessions.value.values()].filter((one) => one.stream === id);
  if (sessions.length === 0) return null;
  return (
    <details>
      <summary>Who watches: {sessions.length}</summary>
      <ul class="plain">
        {sessions.map((one) => (
          <li key={one.id}>
            <span class="mono">{one.address}</span> {one.format.toUpperCase()} {one.quality ?? ""} since <Time at={one.since} />
            {one.queue_position != null && `, place ${one.queue_position} in the queue`}
            <span class="hint"> {one.user_agent}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
