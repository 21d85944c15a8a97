// Lets a few through at a time.

export class Gate {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  /** Runs it when there is room. Who has given up by then is passed over. */
  async run<T>(what: () => Promise<T>, stop: AbortSignal): Promise<T> {
    if (this.#running >= this.most) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      stop.throwIfAborted();
      return await what();
    } finally {
      // Room is handed on, so that nobody comes in between.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
