// One of many players.

import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { live } from "../live";
import { reason } from "../player/reasons";
import { useEngine } from "../player/useEngine";
import { href } from "../router";
import { ConditionBadge, StatusBadge } from "../ui/Badge";
import { IconButton } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { statusOf } from "../ui/words";
import { Thumbnail } from "../wall/Thumbnail";

interface CellProps {
  id: string;
  selected: boolean;
  /** Whether the selected one is heard. */
  heard: boolean;
  onSelect: () => void;
  onRemove: () => void;
}

/** The profile that costs least to send and to play. */
const CHEAPEST = "low";

export function Cell({ id, selected, heard, onSelect, onRemove }: CellProps): JSX.Element {
  const quality = useSignal(CHEAPEST);
  const { video, engine } = useEngine(id, quality.value, "", true);
  const player = engine.value;
  const row = live.row(id)?.value;
  // A stream that was not known yet may come.
  if (!row) void live.ids.value;
  const name = row?.name ?? id;
  const sounds = selected && heard;
  useEffect(() => {
    if (video.current) video.current.muted = !sounds;
  }, [sounds, player]);
  useSignalEffect(() => {
    // No transcode to be had: what a browser plays as it is need not wait for one.
    const code = engine.value?.problem.value?.code ?? "";
    if (code.startsWith("transcode_queue") && quality.peek() === CHEAPEST) quality.value = "";
  });
  // It is cleared by the next answer: until then the reason stands, also while it is tried again.
  const problem = player?.problem.value ?? null;
  const waits = player && problem === null && ["asking", "loading", "stalled"].includes(player.phase.value);
  return (
    <div class={selected ? "cell selected" : "cell"} role="listitem">
      <video ref={video} playsInline muted={!sounds} aria-hidden="true" />
      {!player?.picture.value && (
        <div class="poster">
          <Thumbnail id={id} version={row?.thumbnail ?? null} />
        </div>
      )}
      {waits && <span class="spinner" role="status" aria-label="Waiting for the picture" />}
      {problem && (
        <div class="cell-why">
          <b>{problem.title}</b>
          <span>{reason(problem.members["stage"], problem.members["cause"]) ?? problem.detail}</span>
        </div>
      )}
      <button type="button" class="cell-select" aria-pressed={selected} aria-label={`${name}: ${selected ? "selected" : "select, and hear it"}`} onClick={onSelect} />
      <div class="cell-bar">
        {sounds && <Icon name="sound" size={14} />}
        <span class="cell-name" title={name}>
          {name}
        </span>
        {row && statusOf(row) !== "up" && <StatusBadge status={statusOf(row)} />}
        {row?.conditions
          .filter((one) => one.kind !== "down")
          .slice(0, 1)
          .map((one) => <ConditionBadge key={one.kind} condition={one} />)}
      </div>
      <div class="cell-tools">
        <a class="button icon-only" href={href(`/ui/watch/${encodeURIComponent(id)}`)} aria-label={`Watch ${name} alone`} title="Watch alone (Enter)">
          <Icon name="full" />
        </a>
        <IconButton icon="close" label={`Remove ${name}`} class="plain" onClick={onRemove} />
      </div>
    </div>
  );
}
