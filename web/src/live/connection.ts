// Keeps up with the server: server-sent events, resumed where they broke off; polling while there are none.

import { signal } from "@preact/signals";
import { fetchOk, get, needsLogin, Problem, urlOf } from "../api/client";
import { SseParser } from "../api/sse";
import type { LiveStore } from "./store";
import type { LiveDocument } from "./types";

/** How what is shown relates to what is. */
export type Link =
  | { kind: "connecting" }
  | { kind: "live" }
  | { kind: "polling" }
  /** What is shown was true at `heard`, the last time that anything came. */
  | { kind: "reconnecting"; heard: number | null };

/** The server says something each 15 s: two of those missed, and the connection is dead though nobody closed it. */
const SILENCE = 40_000;
const POLL = 3_000;
/** While polling, events are tried again this often. */
const POLL_FOR = 30_000;
const PAUSES = [500, 1_000, 2_000, 4_000, 8_000, 15_000];

export class Connection {
  readonly link = signal<Link>({ kind: "connecting" });
  #since: string | null = null;
  #heard: number | null = null;
  #failures = 0;
  #stop: AbortController | null = null;
  #wake: (() => void) | null = null;

  constructor(private readonly store: LiveStore) {}

  /** Begins, if it has not. */
  start(): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    void this.#run(this.#stop.signal);
  }

  /** Ends; `start` goes on from here. */
  stop(): void {
    this.#stop?.abort();
    this.#stop = null;
  }

  /** Tries at once: the network is back, or the page is looked at again. */
  hurry(): void {
    this.#wake?.();
  }

  async #run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const started = Date.now();
      try {
        await this.#follow(stop);
      } catch (error) {
        if (stop.aborted || this.#givesUp(error)) return;
        // Where events never come through (a proxy that holds them back, too many clients), asking still may.
        const refused = error instanceof Problem && error.status !== 0;
        if ((refused || this.#failures >= 2) && (await this.#poll(stop))) continue;
      }
      if (stop.aborted) return;
      if (Date.now() - started > 10_000) this.#failures = 0;
      this.link.value = { kind: "reconnecting", heard: this.#heard };
      await this.#pause(PAUSES[Math.min(this.#failures, PAUSES.length - 1)] ?? 0, stop);
      this.#failures += 1;
    }
  }

  /** Somebody has to log in first; the page starts us again. */
  #givesUp(error: unknown): boolean {
    if (!(error instanceof Problem) || error.status !== 401) return false;
    needsLogin.value = true;
    this.#stop = null;
    return true;
  }

  /** Follows events until they end. Throws when they cannot be had, or break off. */
  async #follow(stop: AbortSignal): Promise<void> {
    const abort = new AbortController();
    const end = (): void => abort.abort();
    stop.addEventListener("abort", end);
    let watchdog = setTimeout(end, SILENCE);
    try {
      const query = this.#since === null ? {} : { since: this.#since };
      const headers = { accept: "text/event-stream" };
      const response = await fetchOk(urlOf("api/v1/events/stream", query), { headers, signal: abort.signal, cache: "no-store" });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new SseParser();
      while (reader) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(end, SILENCE);
        this.#heard = Date.now();
        for (const event of parser.push(value)) this.#take(JSON.parse(event.data) as LiveDocument);
        if (parser.lastId !== null) this.#since = parser.lastId;
        if (this.link.peek().kind !== "live") this.link.value = { kind: "live" };
      }
    } finally {
      clearTimeout(watchdog);
      stop.removeEventListener("abort", end);
      abort.abort();
    }
  }

  /** Polls for a while. Whether it worked. */
  async #poll(stop: AbortSignal): Promise<boolean> {
    const until = Date.now() + POLL_FOR;
    let worked = false;
    while (!stop.aborted && Date.now() < until) {
      try {
        const since = this.#since ?? "0";
        this.#take(await get<LiveDocument>("streams", { since }, stop));
      } catch (error) {
        if (error instanceof Problem && error.status === 401) return false;
        return worked;
      }
      worked = true;
      this.#heard = Date.now();
      this.#failures = 0;
      this.link.value = { kind: "polling" };
      await this.#pause(POLL, stop);
    }
    return worked;
  }

  #take(document: LiveDocument): void {
    this.#since = document.id;
    this.store.take(document);
  }

  /** Waits; `hurry` and `stop` cut it short. */
  async #pause(time: number, stop: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, time);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      stop.addEventListener("abort", this.#wake, { once: true });
    });
    this.#wake = null;
  }
}
