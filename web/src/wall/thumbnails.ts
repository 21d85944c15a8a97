// Loads thumbnails: only those that somebody sees, a few at a time, the newest wish first; and keeps the last ones.

import { fetchOk, part, Problem, urlOf } from "../api/client";

/** Requests at a time: players and the API want some of the browser's six connections, too. */
const AT_ONCE = 3;
/** Pictures that are kept, of some 10 KB each. */
const KEPT = 600;

type Wish = (url: string | null) => void;

interface Entry {
  version: number;
  url: string | null;
}

/** Gets a picture as a URL of its own; null when there is none. Throws when it may be had later. */
export type Fetch = (id: string, version: number) => Promise<string | null>;

async function fetchPicture(id: string, version: number): Promise<string | null> {
  try {
    const response = await fetchOk(urlOf(`api/v1/streams/${part(id)}/thumbnail.jpg`, { v: version }));
    return URL.createObjectURL(await response.blob());
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

export class Thumbnails {
  /** In the order in which they were used last. */
  readonly #kept = new Map<string, Entry>();
  readonly #waiting = new Map<string, { version: number; wish: Wish }>();
  readonly #running = new Set<string>();

  constructor(
    private readonly fetchOne: Fetch = fetchPicture,
    private readonly release: (url: string) => void = (url) => URL.revokeObjectURL(url),
    private readonly kept = KEPT,
  ) {}

  /** What there is of a stream now, though it may be an older one. */
  peek(id: string): string | null {
    return this.#kept.get(id)?.url ?? null;
  }

  /** Wants a picture; `wish` gets it unless the returned function is called before. */
  want(id: string, version: number, wish: Wish): () => void {
    const entry = this.#kept.get(id);
    if (entry && entry.version === version) {
      this.#kept.delete(id);
      this.#kept.set(id, entry);
      wish(entry.url);
      return () => undefined;
    }
    const mine = { version, wish };
    this.#waiting.delete(id);
    this.#waiting.set(id, mine);
    this.#next();
    return () => {
      if (this.#waiting.get(id) === mine) this.#waiting.delete(id);
    };
  }

  #next(): void {
    while (this.#running.size < AT_ONCE) {
      // Who scrolls wants what came into sight last.
      const newest = [...this.#waiting].reverse().find(([id]) => !this.#running.has(id));
      if (!newest) return;
      const [id, { version, wish }] = newest;
      this.#waiting.delete(id);
      void this.#load(id, version, wish);
    }
  }

  async #load(id: string, version: number, wish: Wish): Promise<void> {
    this.#running.add(id);
    try {
      const url = await this.fetchOne(id, version);
      this.#keep(id, { version, url });
      wish(url);
    } catch {
      // The server is away or busy: the next version, or the next look at the tile, asks again.
    } finally {
      this.#running.delete(id);
      this.#next();
    }
  }

  #keep(id: string, entry: Entry): void {
    const old = this.#kept.get(id);
    this.#kept.delete(id);
    this.#kept.set(id, entry);
    // An image that shows the old one shows it until it gets the new one.
    if (old?.url) setTimeout(this.release, 2000, old.url);
    for (const [oldest, gone] of this.#kept) {
      if (this.#kept.size <= this.kept) break;
      this.#kept.delete(oldest);
      if (gone.url) setTimeout(this.release, 2000, gone.url);
    }
  }
}

export const thumbnails = new Thumbnails();
