// One stream, watched.

import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { get, part, post, type Schema } from "../api/client";
import { live } from "../live";
import { go, href, place } from "../router";
import { mayOperate } from "../session";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { toastProblem } from "../ui/Toast";
import { useAsk } from "../ui/useAsk";
import { arrange } from "../wall/order";
import { arranged, view } from "../wall/view";
import { Thumbnail } from "../wall/Thumbnail";
import { beside } from "./choice";
import { Controls } from "./Controls";
import { action, type Action, HELP } from "./keys";
import { Overlay } from "./Overlay";
import { askForProfiles } from "./profiles";
import { keepSound, sound } from "./settings";
import { Share } from "./Share";
import { Side } from "./Side";
import { Stats } from "./Stats";
import type { AudioTrack } from "./tracks";
import { useEngine } from "./useEngine";
import "./player.css";

type Stream = Schema<"StreamView">;
type Report = Schema<"ValidationReport">;

/** Tracks that were found, for as long as the page is open: a chosen track hides the others. */
const known = new Map<string, readonly AudioTrack[]>();

/** The channels that up and down go through: those of the wall as they stand there, or all by name. */
function channels(id: string): readonly string[] {
  const wall = arranged.peek().sections.flatMap((section) => section.ids);
  if (wall.includes(id)) return wall;
  const all = arrange(live.peekRows(), { ...view.peek(), text: "", statuses: [], group: null, sort: "name", grouped: false });
  return all.sections.flatMap((section) => section.ids);
}

function Help({ onClose }: { onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {HELP.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

export default function PlayerPage({ params }: { params: Record<string, string> }): JSX.Element {
  const id = params["id"] ?? "";
  const query = place.value.query;
  const quality = query.get("quality") ?? "";
  const audio = query.get("audio") ?? "";
  const { video, engine } = useEngine(id, quality, audio, false);
  const stage = useRef<HTMLDivElement>(null);
  const kept = useRef(sound());
  const muted = useSignal(kept.current.muted);
  const volume = useSignal(kept.current.volume);
  const stats = useSignal(false);
  const help = useSignal(false);
  const share = useSignal(false);
  const finding = useSignal(false);
  const found = useSignal<readonly AudioTrack[]>([]);
  const playing = engine.value?.phase.value === "playing";
  // While nothing plays the reasons change quickly; later it is only about sources.
  const asked = useAsk((signal) => get<Stream>(`streams/${part(id)}`, {}, signal), [id], playing ? 10_000 : 2_000);
  const row = live.row(id)?.value;
  void live.ids.value;
  const name = row?.name ?? asked.data.value?.name ?? id;

  useEffect(() => {
    found.value = known.get(id) ?? [];
    document.title = `${name} – Sightglass`;
  }, [id, name]);
  useSignalEffect(() => {
    const tracks = engine.value?.tracks.value ?? [];
    if (tracks.length < 2 || !engine.value) return;
    known.set(engine.value.id, tracks);
    found.value = tracks;
  });
  useSignalEffect(() => {
    if (!video.current) return;
    video.current.volume = volume.value;
    video.current.muted = muted.value || (engine.value?.silenced.value ?? false);
    keepSound({ volume: volume.value, muted: muted.value });
  });

  const findTracks = async (): Promise<void> => {
    finding.value = true;
    try {
      const report = await post<Report>(`streams/${part(id)}/validate`);
      const tracks = report.sources.flatMap((source) => source.found?.tracks ?? []).filter((track) => track.kind === "audio");
      found.value = tracks.map((track) => ({ pid: track.pid, language: track.language ?? null, codec: track.codec }));
      known.set(id, found.value);
    } catch (error) {
      toastProblem("No audio tracks found", error);
    } finally {
      finding.value = false;
    }
  };

  const zap = (step: 1 | -1): void => {
    const next = beside(channels(id), id, step);
    // The quality goes along; a track of one stream says nothing of another's.
    if (next !== null && next !== id) go(`/ui/watch/${encodeURIComponent(next)}${quality === "" ? "" : `?quality=${encodeURIComponent(quality)}`}`, { replace: true });
  };
  const soundOn = (): void => {
    if (engine.value) engine.value.silenced.value = false;
    muted.value = false;
  };
  const act = (what: Action): void => {
    const player = video.current;
    switch (what) {
      case "next":
        return zap(1);
      case "previous":
        return zap(-1);
      case "mute":
        if (engine.value?.silenced.value) return soundOn();
        muted.value = !muted.value;
        return;
      case "louder":
      case "quieter":
        volume.value = Math.min(1, Math.max(0, volume.value + (what === "louder" ? 0.1 : -0.1)));
        if (what === "louder") soundOn();
        return;
      case "fullscreen":
        if (document.fullscreenElement) void document.exitFullscreen();
        else void stage.current?.requestFullscreen().catch(() => undefined);
        return;
      case "stats":
        stats.value = !stats.value;
        return;
      case "help":
        help.value = !help.value;
        return;
      case "share":
        share.value = true;
        return;
      case "retry":
        return engine.value?.retry();
      case "pause":
        if (player && !player.paused) player.pause();
        else engine.value?.retry();
        return;
      case "wall":
        if (!help.value && !document.fullscreenElement) go("/");
    }
  };
  const latest = useRef(act);
  latest.current = act;
  useEffect(askForProfiles, []);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const what = action(event, event.target instanceof HTMLElement ? (event.target as HTMLInputElement) : null);
      if (what === null || event.defaultPrevented || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      latest.current(what);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);

  const player = engine.value;
  return (
    <div class="player-page">
      <div class="player-main">
        <div class="player-title">
          <a class="button icon-only quiet" href={href("/")} aria-label="To the wall" title="To the wall (Esc)">
            <Icon name="left" />
          </a>
          <h1>{name}</h1>
          {row?.group && <span class="hint">{row.group}</span>}
        </div>
        <div class="stage" ref={stage}>
          <div class="screen" onDblClick={() => act("fullscreen")}>
            <video ref={video} playsInline muted={kept.current.muted} aria-label={`Picture of ${name}`} />
            {!player?.picture.value && (
              <div class="poster">
                <Thumbnail key={id} id={id} version={row?.thumbnail ?? null} />
              </div>
            )}
            {player && <Overlay engine={player} stream={asked.data.value} />}
            {stats.value && player && <Stats engine={player} />}
            {player?.silenced.value && (
              <Button class="sound-on" kind="primary" icon="sound" onClick={soundOn}>
                Sound on
              </Button>
            )}
          </div>
          {player && (
            <Controls
              engine={player}
              quality={quality}
              audio={audio}
              tracks={found.value}
              findTracks={mayOperate.value && found.value.length === 0 ? () => void findTracks() : null}
              finding={finding.value}
              muted={muted}
              volume={volume}
              stats={stats}
              act={act}
            />
          )}
        </div>
      </div>
      <Side id={id} stream={asked.data.value} own={player?.session.value ?? null} />
      {share.value && <Share id={id} choice={{ quality, audio }} onClose={() => (share.value = false)} />}
      {help.value && <Help onClose={() => (help.value = false)} />}
    </div>
  );
}
