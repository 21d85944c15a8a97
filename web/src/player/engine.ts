// Plays one stream into one video element, and keeps at it: asks, plays, tells why not, and tries again.

import { batch, signal } from "@preact/signals";
import type Hls from "hls.js/light";
import type { FragLoadedData } from "hls.js/light";
import { fetchOk, Problem, remove } from "../api/client";
import { type Choice, pause, previewUrl, readMultivariant } from "./choice";
import { type Figures, Meter } from "./figures";
import { Gate } from "./gate";
import { loadHls, makeHls } from "./hls";
import { audioTracks, type AudioTrack } from "./tracks";

export type Phase =
  /** The server was asked and has not answered yet: it pulls, converts, or has us wait in a queue. */
  | "asking"
  /** Media is on its way; there is no picture yet. */
  | "loading"
  | "playing"
  /** It played, and waits for more. */
  | "stalled"
  | "failed"
  | "stopped";

/** Without a step forward for so long, it is asked anew, which tells why. */
const STUCK = 15_000;

/**
 * Small players ask a few at a time and not for long: a browser has six connections to a server (HTTP/1.1), and those who
 * wait for a source or a transcode must not take them from those who play.
 */
const ASKING = new Gate(3);
const SMALL_TIMEOUT = 8_000;

export class Engine {
  readonly phase = signal<Phase>("stopped");
  readonly problem = signal<Problem | null>(null);
  /** When it is tried again by itself. */
  readonly retryAt = signal<number | null>(null);
  /** Whether the element shows a picture of this stream. */
  readonly picture = signal(false);
  /** The browser lets us play without sound only, until somebody presses something. */
  readonly silenced = signal(false);
  readonly rendition = signal<string | null>(null);
  readonly session = signal<string | null>(null);
  readonly figures = signal<Figures | null>(null);
  readonly tracks = signal<readonly AudioTrack[]>([]);
  /** When the server was asked. */
  readonly askedAt = signal(Date.now());

  #hls: Hls | null = null;
  #run: AbortController | null = null;
  #failures = 0;
  #recovered = 0;
  #meter = new Meter();
  #codecs: string | null = null;
  #moved = { at: 0, time: 0 };

  constructor(
    private readonly video: HTMLVideoElement,
    readonly id: string,
    private readonly choice: Choice,
    private readonly small = false,
  ) {}

  /** Begins, or begins anew. */
  start(): void {
    this.#end();
    const run = new AbortController();
    this.#run = run;
    batch(() => {
      this.phase.value = "asking";
      this.retryAt.value = null;
      this.askedAt.value = Date.now();
    });
    void this.#play(run.signal).catch((error: unknown) => this.#fail(error, run.signal));
  }

  /** Begins anew because somebody wants it now. */
  retry(): void {
    this.#failures = 0;
    this.start();
  }

  /** Ends; the server is told, so that what was converted for us ends as well. */
  stop(): void {
    this.#end();
    this.phase.value = "stopped";
    this.video.removeAttribute("src");
    this.video.load();
  }

  #end(): void {
    this.#run?.abort();
    this.#run = null;
    this.#hls?.destroy();
    this.#hls = null;
    this.#leave();
    this.picture.value = false;
  }

  /** Else the session would last some seconds longer, and count against those that one client may have. */
  #leave(keepalive = false): void {
    const session = this.session.peek();
    this.session.value = null;
    if (session !== null) void remove(`sessions/${session}`, null, keepalive).catch(() => undefined);
  }

  async #play(stop: AbortSignal): Promise<void> {
    const url = new URL(previewUrl(this.id, this.choice, this.small ? SMALL_TIMEOUT : null), location.href).href;
    const kind = loadHls();
    const request = async (): Promise<string> => {
      const response = await fetchOk(url, { signal: stop, headers: { accept: "application/vnd.apple.mpegurl" }, cache: "no-store" });
      return response.text();
    };
    const text = await (this.small ? ASKING.run(request, stop) : request());
    const found = readMultivariant(text);
    const Kind = await kind;
    if (stop.aborted) return;
    batch(() => {
      this.phase.value = "loading";
      this.rendition.value = found?.rendition ?? null;
      this.session.value = found?.session ?? null;
      this.problem.value = null;
    });
    this.#codecs = /CODECS="([^"]*)"/.exec(text)?.[1] ?? null;
    this.#meter = new Meter();
    if (Kind) this.#withHls(Kind, url, text, stop);
    else this.video.src = found ? new URL(found.uri, url).href : url;
    this.#watch(stop);
    await this.#begin(stop);
  }

  #withHls(Kind: typeof Hls, url: string, text: string, stop: AbortSignal): void {
    const hls = makeHls(Kind, text, this.small);
    this.#hls = hls;
    hls.on(Kind.Events.ERROR, (_, data) => {
      if (data.details === Kind.ErrorDetails.BUFFER_STALLED_ERROR) this.#meter.stalls += 1;
      if (!data.fatal || stop.aborted) return;
      const now = performance.now();
      if (data.type === Kind.ErrorTypes.MEDIA_ERROR && now - this.#recovered > 5_000) {
        this.#recovered = now;
        hls.recoverMediaError();
        return;
      }
      const what = data.type === Kind.ErrorTypes.MEDIA_ERROR ? "The browser cannot play this" : "The stream broke off";
      this.#fail(new Problem(0, "player", what, `${data.details}: ${data.error.message}`), stop);
    });
    hls.on(Kind.Events.FRAG_LOADED, (_, data) => this.#segment(data));
    hls.loadSource(url);
    hls.attachMedia(this.video);
  }

  #segment({ frag, payload }: FragLoadedData): void {
    this.#meter.segment(frag.stats.total || payload.byteLength, frag.duration);
    // One track alone was asked for, or the tables are known: nothing to be learnt.
    if (this.choice.audio !== "" || this.tracks.peek().length > 0) return;
    const tracks = audioTracks(new Uint8Array(payload));
    if (tracks) this.tracks.value = tracks;
  }

  /** Plays with sound if the browser lets us, else without. */
  async #begin(stop: AbortSignal): Promise<void> {
    const video = this.video;
    try {
      await video.play();
    } catch (error) {
      if (stop.aborted || !(error instanceof DOMException) || error.name !== "NotAllowedError") return;
      video.muted = true;
      this.silenced.value = true;
      await video.play().catch(() => undefined);
    }
  }

  /** Follows what the element does until this run ends. */
  #watch(stop: AbortSignal): void {
    const video = this.video;
    this.#moved = { at: performance.now(), time: -1 };
    const shown = (): void => {
      if (stop.aborted) return;
      this.#failures = 0;
      batch(() => {
        this.picture.value = true;
        this.phase.value = "playing";
      });
    };
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(shown);
    else (video as HTMLVideoElement).addEventListener("timeupdate", shown, { once: true, signal: stop });
    // Radio has no frames.
    video.addEventListener("timeupdate", () => video.videoWidth === 0 && video.currentTime > 0 && shown(), { signal: stop });
    video.addEventListener("waiting", () => this.picture.peek() && (this.phase.value = "stalled"), { signal: stop });
    video.addEventListener("playing", () => this.picture.peek() && (this.phase.value = "playing"), { signal: stop });
    video.addEventListener("volumechange", () => !video.muted && (this.silenced.value = false), { signal: stop });
    if (!this.#hls) {
      video.addEventListener("error", () => this.#fail(new Problem(0, "player", "The browser cannot play this", video.error?.message ?? ""), stop), { signal: stop });
    }
    // A page that is closed, or kept for the way back; in that case the player finds its session gone and asks anew.
    window.addEventListener("pagehide", () => this.#leave(true), { signal: stop });
    const timer = setInterval(() => this.#tick(stop), 1000);
    stop.addEventListener("abort", () => clearInterval(timer));
  }

  #tick(stop: AbortSignal): void {
    const { video } = this;
    this.figures.value = this.#meter.read(video, this.#hls, this.#codecs);
    const now = performance.now();
    // Browsers let hidden pages rest; that is no fault of the stream.
    const rests = video.paused || document.visibilityState === "hidden";
    if (rests || video.currentTime !== this.#moved.time) this.#moved = { at: now, time: video.currentTime };
    else if (now - this.#moved.at > STUCK) {
      this.#fail(new Problem(0, "player", "Nothing has come for a while", "The picture stands still, and it is asked for anew."), stop, 0);
    }
  }

  #fail(error: unknown, stop: AbortSignal, after: number | null = null): void {
    if (stop.aborted) return;
    const problem = error instanceof Problem ? error : new Problem(0, "player", "The player failed", String(error));
    this.#end();
    this.#failures += 1;
    if (problem.status === 404) {
      // It does not come by waiting.
      batch(() => {
        this.problem.value = problem;
        this.phase.value = "failed";
        this.retryAt.value = null;
      });
      return;
    }
    const seconds = after ?? pause(this.#failures, problem.code === "player" && this.#failures === 1 ? 0 : problem.retryAfter);
    batch(() => {
      this.problem.value = problem;
      this.phase.value = "failed";
      this.retryAt.value = Date.now() + seconds * 1000;
    });
    const run = new AbortController();
    this.#run = run;
    const timer = setTimeout(() => this.start(), seconds * 1000);
    run.signal.addEventListener("abort", () => clearTimeout(timer));
  }
}
