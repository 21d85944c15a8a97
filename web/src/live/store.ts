// Everything that live updates have told, as signals: one for each stream, so that one that changes renders one tile.

import { batch, signal, type Signal } from "@preact/signals";
import { Bitrates } from "./bitrates";
import type { LiveDocument, Patch, PoolRow, ServerRow, SessionRow, StreamRow } from "./types";

/** Runs a function soon: once per frame where there are frames. */
export type Schedule = (run: () => void) => void;

/** The next frame; hidden pages have none, and shall not fall behind without bound. */
export const nextFrame: Schedule = (run) => {
  if (document.visibilityState === "visible") requestAnimationFrame(run);
  else setTimeout(run, 500);
};

const NO_ROW: Omit<StreamRow, "id"> = {
  name: "",
  group: null,
  state: "idle",
  health: null,
  since: null,
  conditions: [],
  failure: null,
  source: null,
  viewers: 0,
  thumbnail: null,
  bitrate: null,
};

export class LiveStore {
  /** Ids of all streams, in the order in which they were told. Changes only when streams come or go. */
  readonly ids = signal<readonly string[]>([]);
  /** Increases with every change of any stream: for who shows something of all of them. Read it rarely. */
  readonly version = signal(0);
  readonly sessions = signal<ReadonlyMap<string, SessionRow>>(new Map());
  readonly pool = signal<PoolRow | null>(null);
  readonly server = signal<ServerRow | null>(null);
  /** Whether there was a snapshot yet. */
  readonly ready = signal(false);
  readonly bitrates = new Bitrates();

  readonly #rows = new Map<string, Signal<StreamRow>>();
  #waiting: LiveDocument[] = [];
  #scheduled = false;

  constructor(private readonly schedule: Schedule = nextFrame) {}

  /** The row of a stream; a signal of its own, which lives as long as the stream. */
  row(id: string): Signal<StreamRow> | undefined {
    return this.#rows.get(id);
  }

  /** All rows as they are now, without telling who reads them of changes. */
  *peekRows(): IterableIterator<StreamRow> {
    for (const row of this.#rows.values()) yield row.peek();
  }

  /** Takes a document; it shows with the next frame, together with all others that come until then. */
  take(document: LiveDocument): void {
    this.#waiting.push(document);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.schedule(() => this.flush());
  }

  /** Shows what waits. */
  flush(): void {
    this.#scheduled = false;
    const documents = this.#waiting;
    this.#waiting = [];
    batch(() => documents.forEach((document) => this.#apply(document)));
  }

  #apply(document: LiveDocument): void {
    const at = Date.parse(document.at);
    let listed = false;
    if (document.type === "snapshot") listed = this.#forgetAllBut(document.streams ?? []);
    for (const patch of document.streams ?? []) listed = this.#applyStream(patch, at) || listed;
    for (const id of document.streams_removed ?? []) listed = this.#forget(id) || listed;
    if (listed) this.ids.value = [...this.#rows.keys()];
    if (listed || (document.streams?.length ?? 0) > 0) this.version.value += 1;
    this.#applySessions(document);
    if (document.pool) this.pool.value = { ...this.pool.peek(), ...document.pool } as PoolRow;
    if (document.server) this.server.value = { ...this.server.peek(), ...document.server } as ServerRow;
    if (document.type === "snapshot") this.ready.value = true;
  }

  /** Signals of streams that are still there stay the same ones: a restart of the server must not make the wall anew. */
  #forgetAllBut(streams: Patch<StreamRow>[]): boolean {
    const stay = new Set(streams.map((row) => row.id));
    let gone = false;
    for (const id of [...this.#rows.keys()]) if (!stay.has(id)) gone = this.#forget(id) || gone;
    return gone;
  }

  /** Whether the stream is a new one. */
  #applyStream(patch: Patch<StreamRow>, at: number): boolean {
    if (patch.bitrate !== undefined) this.bitrates.add(patch.id, at, patch.bitrate);
    const row = this.#rows.get(patch.id);
    if (row) {
      row.value = { ...row.peek(), ...patch };
      return false;
    }
    this.#rows.set(patch.id, signal<StreamRow>({ ...NO_ROW, ...patch }));
    return true;
  }

  #forget(id: string): boolean {
    this.bitrates.forget(id);
    return this.#rows.delete(id);
  }

  #applySessions(document: LiveDocument): void {
    const changed = document.sessions ?? [];
    const gone = document.sessions_removed ?? [];
    if (document.type !== "snapshot" && changed.length === 0 && gone.length === 0) return;
    const sessions = new Map(document.type === "snapshot" ? [] : this.sessions.peek());
    for (const patch of changed) sessions.set(patch.id, { ...sessions.get(patch.id), ...patch } as SessionRow);
    for (const id of gone) sessions.delete(id);
    this.sessions.value = sessions;
  }
}
