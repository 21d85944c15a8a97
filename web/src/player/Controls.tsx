// What stands below the picture.

import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { setQuery } from "../router";
import { IconButton } from "../ui/Button";
import { qualities } from "./choice";
import type { Engine } from "./engine";
import type { Action } from "./keys";
import { profiles } from "./profiles";
import { type AudioTrack, trackName } from "./tracks";

export interface ControlsProps {
  engine: Engine;
  quality: string;
  audio: string;
  tracks: readonly AudioTrack[];
  /** Looks for tracks by a validation; null for those who may not, or when it was done. */
  findTracks: (() => void) | null;
  finding: boolean;
  muted: Signal<boolean>;
  volume: Signal<number>;
  stats: Signal<boolean>;
  act: (action: Action) => void;
}

const FIND = "?";

function Audio({ audio, tracks, findTracks, finding }: Pick<ControlsProps, "audio" | "tracks" | "findTracks" | "finding">): JSX.Element | null {
  const known = tracks.map((track, index) => [String(index), trackName(track, index)] as const);
  const chosen = known.some(([value]) => value === audio) || audio === "" ? [] : [[audio, `Track ${audio}`] as const];
  if (known.length < 2 && chosen.length === 0 && !findTracks) return null;
  return (
    <select
      aria-label="Audio track"
      title="Audio track"
      value={audio}
      disabled={finding}
      onChange={(event) => {
        const { value } = event.currentTarget;
        if (value !== FIND) return setQuery({ audio: value });
        event.currentTarget.value = audio;
        findTracks?.();
      }}
    >
      <option value="">{finding ? "Looking for tracks…" : "Audio: first"}</option>
      {[...known, ...chosen].map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
      {findTracks && <option value={FIND}>Look for audio tracks…</option>}
    </select>
  );
}

function Position({ engine }: { engine: Engine }): JSX.Element {
  const figures = engine.figures.value;
  const playing = engine.phase.value === "playing";
  return (
    <span class="position" title="How far behind the live edge, and what lies in the buffer">
      {playing && figures ? (
        <>
          {figures.latency === null ? "" : `${figures.latency.toFixed(1)} s behind, `}
          {`${figures.buffer.toFixed(1)} s in the buffer`}
        </>
      ) : null}
    </span>
  );
}

export function Controls(props: ControlsProps): JSX.Element {
  const { engine, quality, muted, volume, stats, act } = props;
  return (
    <div class="controls">
      <IconButton icon="up" label="Previous channel (↑)" onClick={() => act("previous")} />
      <IconButton icon="down" label="Next channel (↓)" onClick={() => act("next")} />
      <IconButton icon={muted.value ? "muted_sound" : "sound"} label={muted.value ? "Sound on (m)" : "Sound off (m)"} aria-pressed={muted.value} onClick={() => act("mute")} />
      <input
        class="volume"
        type="range"
        min="0"
        max="1"
        step="0.05"
        aria-label="Volume"
        value={muted.value ? 0 : volume.value}
        onInput={(event) => {
          volume.value = Number(event.currentTarget.value);
          muted.value = volume.value === 0;
        }}
      />
      <Position engine={engine} />
      <span class="controls-end">
        <Audio {...props} />
        <select aria-label="Quality" title="Quality" value={quality} onChange={(event) => setQuery({ quality: event.currentTarget.value })}>
          {qualities(quality, profiles.value).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
        <IconButton icon="stats" label="Statistics (i)" aria-pressed={stats.value} onClick={() => act("stats")} />
        <IconButton icon="link" label="Watch in another player (s)" onClick={() => act("share")} />
        <IconButton icon="help" label="Keys (?)" onClick={() => act("help")} />
        <IconButton icon="full" label="Full screen (f)" onClick={() => act("fullscreen")} />
      </span>
    </div>
  );
}
