// What the server finds wrong with a form: each mistake names its place by a JSON pointer (RFC 6901) into what was sent.

export interface Mistake {
  pointer: string;
  problem: string;
  allowed: string;
}

/** The mistakes of one answer, by place. */
export class Mistakes {
  constructor(readonly all: readonly Mistake[] = []) {}

  /** What is wrong at a place, in words; `undefined` when nothing is. */
  at(pointer: string): string | undefined {
    return words(this.all.filter((one) => one.pointer === pointer));
  }

  /** What is wrong at a place or anywhere in it: for a field that holds a list. */
  within(pointer: string): string | undefined {
    return words(this.all.filter((one) => isWithin(one.pointer, pointer)));
  }

  /** Those at none of these places: told at the top, so that none is lost. */
  elsewhere(pointers: readonly string[]): Mistake[] {
    return this.all.filter((one) => !pointers.some((pointer) => isWithin(one.pointer, pointer)));
  }
}

export const NO_MISTAKES = new Mistakes();

/** A mistake in a sentence. */
export function sentence(mistake: Mistake): string {
  return `${capital(mistake.problem)}; allowed: ${mistake.allowed}`;
}

/** A place as people say it: `/sources/0/url` is "source 1, url". */
export function place(pointer: string): string {
  const parts = pointer.split("/").slice(1).map(unescape);
  const said: string[] = [];
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at] ?? "";
    const next = parts[at + 1];
    if (next !== undefined && /^\d+$/.test(next)) {
      said.push(`${singular(part)} ${Number(next) + 1}`);
      at += 1;
    } else {
      said.push(part.replaceAll("_", " "));
    }
  }
  return said.join(", ") || "all of it";
}

/** A JSON pointer of these parts. */
export function pointer(...parts: (string | number)[]): string {
  return parts.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The id of the element that edits a place, so that a list of mistakes can lead there. */
export function fieldId(at: string): string {
  return `field${at.replaceAll(/[^A-Za-z0-9_-]/g, "-")}`;
}

function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(`${outer}/`);
}

function words(mistakes: Mistake[]): string | undefined {
  return mistakes.length === 0 ? undefined : mistakes.map(sentence).join(". ");
}

function unescape(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

function singular(word: string): string {
  return word.replaceAll("_", " ").replace(/s$/, "");
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
