// What stands where the picture will be: why there is none, and what is done about it.

import type { JSX } from "preact";
import type { Schema } from "../api/client";
import { live } from "../live";
import { href } from "../router";
import { mayOperate } from "../session";
import { ConditionBadge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { duration } from "../ui/format";
import { Icon } from "../ui/Icon";
import { now } from "../ui/Time";
import { meaning } from "../ui/words";
import type { Engine } from "./engine";
import { phase as phaseWords, reason } from "./reasons";
import { likelySession, waitingFor } from "./waiting";

type Stream = Schema<"StreamView">;

/** Nobody needs to read what is over within a second. */
const WORTH_SAYING = 1000;

function Sources({ stream }: { stream: Stream }): JSX.Element | null {
  const sources = stream.source_states ?? [];
  if (sources.length === 0) return null;
  return (
    <ul class="why-sources">
      {sources.map((one) => (
        <li key={one.index}>
          <b>Source {one.index + 1}</b> {phaseWords(one.state)}
          {one.failure && (
            <>
              <br />
              <span>{reason(one.failure.stage, one.failure.cause)}</span> <span class="said">{one.failure.message}.</span>
            </>
          )}
          {one.retry_in != null && <span class="said"> Again in {duration(one.retry_in)}.</span>}
        </li>
      ))}
    </ul>
  );
}

export function Why({ engine, stream }: { engine: Engine; stream: Stream | null }): JSX.Element | null {
  const problem = engine.problem.value;
  if (!problem) return null;
  const conditions = live.row(engine.id)?.value.conditions ?? [];
  const at = engine.retryAt.value;
  const rest = at === null ? null : Math.max(0, Math.ceil((at - now.value) / 1000));
  const why = reason(problem.members["stage"], problem.members["cause"]);
  return (
    <div class="why" role="alert">
      <h2>
        <Icon name="critical" size={20} />
        {problem.title}
      </h2>
      <p>{problem.detail}</p>
      {why && <p class="why-reason">{why}</p>}
      {conditions.length > 0 && (
        <ul class="why-conditions">
          {conditions.map((one) => (
            <li key={one.kind}>
              <ConditionBadge condition={one} /> {meaning(one.kind)}
            </li>
          ))}
        </ul>
      )}
      {stream && <Sources stream={stream} />}
      <p class="row">
        <Button kind="primary" icon="retry" busy={engine.phase.value !== "failed"} onClick={() => engine.retry()}>
          {engine.phase.value !== "failed" ? "Trying again…" : rest === null ? "Retry" : `Retry now (by itself in ${rest} s)`}
        </Button>
        {mayOperate.value && problem.status !== 404 && (
          <a class="button" href={href(`/ui/streams/${encodeURIComponent(engine.id)}`)}>
            <Icon name="stats" />
            History and validation
          </a>
        )}
      </p>
    </div>
  );
}

function Waiting({ engine, stream }: { engine: Engine; stream: Stream | null }): JSX.Element | null {
  if (now.value - engine.askedAt.value < WORTH_SAYING) return null;
  const session = likelySession(live.sessions.value.values(), engine.id, navigator.userAgent);
  const [what, ...why] = engine.phase.value === "loading" ? ["Waiting for the first picture"] : waitingFor(session, stream, live.pool.value);
  return (
    <div class="waiting" role="status">
      <p>
        <span class="spinner" aria-hidden="true" />
        {what}
        <span class="waited">{duration((now.value - engine.askedAt.value) / 1000)}</span>
      </p>
      {why.map((line) => (
        <p key={line} class="said">
          {line}
        </p>
      ))}
    </div>
  );
}

export function Overlay({ engine, stream }: { engine: Engine; stream: Stream | null }): JSX.Element | null {
  switch (engine.phase.value) {
    case "failed":
      return <Why engine={engine} stream={stream} />;
    case "asking":
      // Why it failed is worth reading until there is better news.
      return engine.problem.value ? <Why engine={engine} stream={stream} /> : <Waiting engine={engine} stream={stream} />;
    case "loading":
      return <Waiting engine={engine} stream={stream} />;
    case "stalled":
      return (
        <div class="waiting" role="status">
          <p>
            <span class="spinner" aria-hidden="true" />
            Waiting for more
          </p>
        </div>
      );
    default:
      return null;
  }
}
