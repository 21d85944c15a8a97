// One stream: how it is, how it was, where it comes from, what happened to it.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ask, part, post, Problem } from "../api/client";
import { live } from "../live";
import type { StreamRow } from "../live/types";
import { go, href } from "../router";
import { mayOperate } from "../session";
import "../styles/stream.css";
import { askAndDelete, setEnabled } from "../streams/actions";
import { ConditionBadge, StatusBadge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { toast, toastProblem } from "../ui/Toast";
import { Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { useTurn } from "../ui/useTurn";
import { statusOf } from "../ui/words";
import { type StreamView } from "./data";
import { Events } from "./Events";
import { Now } from "./Now";
import { Past } from "./Past";
import { Sources } from "./Sources";
import { Validation } from "./Validation";

export default function StreamPage({ params }: { params: Record<string, string> }): JSX.Element {
  const id = params["id"] ?? "";
  const asked = useAsk<StreamView>(async (signal) => (await ask<StreamView>("GET", `streams/${part(id)}`, { signal })).data, [id], 10_000);
  // Whatever live updates tell of it is a reason to ask what they do not tell.
  const row = live.ready.value ? live.row(id)?.value : undefined;
  const turn = row && [row.state, row.health, row.source, row.conditions.length, row.name].join();
  useTurn(turn, asked.reload);
  const view = asked.data.value;
  useEffect(() => {
    if (view) document.title = `${view.name} – Sightglass`;
  }, [view?.name]);
  if (!view) {
    if (!asked.error.value) return <Loading />;
    return (
      <Trouble error={asked.error.value} onRetry={asked.reload}>
        {asked.error.value instanceof Problem && asked.error.value.status === 404 && (
          <p>
            <a href={href("/ui/streams")}>All streams</a>
          </p>
        )}
      </Trouble>
    );
  }
  return <Shown key={id} view={view} row={row} turn={turn} reload={asked.reload} />;
}

function Shown({ view, row, turn, reload }: { view: StreamView; row: StreamRow | undefined; turn: unknown; reload: () => void }): JSX.Element {
  const status = row ? statusOf(row) : statusOf({ state: view.state, health: view.health?.state ?? null });
  const conditions = view.health?.conditions ?? [];
  const active = row?.source ?? view.source_states?.findIndex((one) => one.state === "live" || one.state === "connecting") ?? null;
  return (
    <div class="stack">
      <header class="stream-head">
        <div>
          <p class="crumbs">
            <a href={href("/ui/streams")}>Streams</a> / {view.group ?? "no group"} / <span class="mono">{view.id}</span>
          </p>
          <div class="row">
            <h1>{view.name}</h1>
            <StatusBadge status={status} />
            {/* What the state says already is not said twice. */}
            {conditions.flatMap((one) => (one.kind === status ? [] : [<ConditionBadge key={one.kind} condition={one} />]))}
            {view.tags?.map((tag) => (
              <span key={tag} class="stream-tag">
                {tag}
              </span>
            ))}
          </div>
        </div>
        <Actions view={view} reload={reload} />
      </header>
      <Now view={view} row={row} />
      <Past id={view.id} lasting={conditions} turn={turn} />
      <section class="panel" aria-labelledby="sources">
        <div class="spread">
          <h2 id="sources">Sources</h2>
          {mayOperate.value && view.sources.length > 1 && <FailOver view={view} active={active} reload={reload} />}
        </div>
        <Sources urls={view.sources.map((one) => ({ url: String(one.url), account: one.account ?? null }))} states={view.source_states ?? []} active={active} />
      </section>
      {mayOperate.value && (
        <section class="panel" aria-labelledby="validation">
          <h2 id="validation">Validation</h2>
          <p class="hint">Pulls each source for some seconds: how far it comes, what it is, and why it fails.</p>
          <Validation id={view.id} urls={view.sources.map((one) => String(one.url))} />
        </section>
      )}
      <section class="panel" aria-labelledby="events">
        <h2 id="events">Events</h2>
        <Events path={`streams/${part(view.id)}/events`} turn={turn} />
      </section>
    </div>
  );
}

function Actions({ view, reload }: { view: StreamView; reload: () => void }): JSX.Element {
  const toggle = async (): Promise<void> => {
    try {
      await setEnabled(view.id, !view.enabled);
      toast(`${view.name} is ${view.enabled ? "disabled" : "enabled"}.`);
      reload();
    } catch (error) {
      toastProblem("That was not changed", error);
    }
  };
  const drop = async (): Promise<void> => {
    if (await askAndDelete(view.id, view.name)) go("/ui/streams");
  };
  return (
    <div class="row">
      <a class="button primary" href={href(`/ui/watch/${part(view.id)}`)}>
        Watch
      </a>
      {mayOperate.value && (
        <>
          <a class="button" href={href(`/ui/streams/${part(view.id)}/edit`)}>
            Edit
          </a>
          <Button onClick={() => void toggle()}>{view.enabled ? "Disable" : "Enable"}</Button>
          <Button kind="danger" icon="trash" onClick={() => void drop()}>
            Delete
          </Button>
        </>
      )}
    </div>
  );
}

function FailOver({ view, active, reload }: { view: StreamView; active: number | null; reload: () => void }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const pulled = (view.source_states?.length ?? 0) > 0;
  const change = async (): Promise<void> => {
    setBusy(true);
    try {
      await post(`streams/${part(view.id)}/failover`);
      toast("The next source is being tried.");
      setTimeout(reload, 1500);
    } catch (error) {
      toastProblem("The source was not changed", error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button icon="swap" busy={busy} disabled={!pulled} title={pulled ? undefined : "The stream is not pulled now: there is no source to give up"} onClick={() => void change()}>
      Give up source {active === null || active < 0 ? "" : active + 1} for the next
    </Button>
  );
}
