// Reads server-sent events from pieces of text. A reader of our own sees what EventSource hides: comments that say that the
// connection lives, and why it was refused.

export interface SseEvent {
  readonly id: string | null;
  /** What sort of event it is; null where that is not told. */
  readonly name: string | null;
  readonly data: string;
}

export class SseParser {
  #rest = "";
  #data: string[] = [];
  #name: string | null = null;
  /** The id that was told last, also by events without data. */
  lastId: string | null = null;

  /** The events that this piece completes. */
  push(piece: string): SseEvent[] {
    const events: SseEvent[] = [];
    this.#rest += piece;
    let end = this.#rest.indexOf("\n");
    let from = 0;
    while (end >= 0) {
      const line = this.#rest.slice(from, this.#rest[end - 1] === "\r" && end > from ? end - 1 : end);
      const event = this.#line(line);
      if (event) events.push(event);
      from = end + 1;
      end = this.#rest.indexOf("\n", from);
    }
    this.#rest = this.#rest.slice(from);
    return events;
  }

  #line(line: string): SseEvent | null {
    if (line === "") {
      const [data, name] = [this.#data, this.#name];
      this.#data = [];
      this.#name = null;
      return data.length > 0 ? { id: this.lastId, name, data: data.join("\n") } : null;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    if (field === "event") this.#name = value;
    if (field === "id") this.lastId = value;
    return null;
  }
}
