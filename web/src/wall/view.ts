// What the wall shows: the wishes of who looks, in the URL, and the order, which changes no more often than eyes can follow.

import { computed, effect, signal } from "@preact/signals";
import { live } from "../live";
import { place, setQuery } from "../router";
import { type Status, STATUSES } from "../ui/words";
import { type Size, SIZES } from "./layout";
import { type Arranged, arrange, sameOrder, type Sort, SORTS, type View } from "./order";

const KEY = "sightglass.wall";

interface Kept {
  sort?: string;
  size?: string;
  grouped?: boolean;
}

function kept(): Kept {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Kept;
  } catch {
    return {};
  }
}

/** How this viewer likes it; unlike filters, it is not part of the URL they share. */
const likes = signal<Kept>(kept());

export function like(changes: Kept): void {
  likes.value = { ...likes.value, ...changes };
  try {
    localStorage.setItem(KEY, JSON.stringify(likes.value));
  } catch {
    // Where storage is forbidden it lasts as long as the page.
  }
}

const among = <T extends string>(all: readonly (readonly [T, string])[], value: string | undefined, instead: T): T =>
  all.find(([name]) => name === value)?.[0] ?? instead;

export const size = computed<Size>(() => among(SIZES, likes.value.size, "medium"));

export const view = computed<View>(() => {
  const query = place.value.query;
  const statuses = (query.get("status") ?? "").split(",");
  return {
    text: query.get("q") ?? "",
    statuses: STATUSES.filter((status) => statuses.includes(status)),
    group: query.get("group"),
    sort: among<Sort>(SORTS, likes.value.sort, "trouble"),
    grouped: likes.value.grouped ?? false,
  };
});

export function toggleStatus(status: Status): void {
  const has = view.peek().statuses;
  const next = has.includes(status) ? has.filter((one) => one !== status) : [...has, status];
  setQuery({ status: next.join(",") });
}

/** Between two new orders. */
const PAUSE = 1000;
/** A mouse that has not moved for so long is not about to click. */
const RESTS = 4000;

export const arranged = signal<Arranged>(arrange([], view.peek()));

/** When the mouse last moved over tiles; they stay where they are meanwhile. */
let touched = -Infinity;
export function touch(): void {
  touched = performance.now();
}
export function untouch(): void {
  touched = -Infinity;
}

/** Keeps the order up to date until the returned function is called. */
export function startOrder(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = -Infinity;
  let shown: View | null = null;
  let streams = -1;
  const run = (): void => {
    timer = undefined;
    const wished = view.peek();
    const next = arrange(live.peekRows(), wished);
    const before = arranged.peek();
    // What somebody asked for, and streams that come or go, are shown at once; trouble that moves tiles waits for the hand.
    const asked = wished !== shown || live.ids.peek().length !== streams;
    const held = !asked && performance.now() - touched < RESTS;
    const still = sameOrder(before.sections, next.sections);
    arranged.value = { ...next, sections: held || still ? before.sections : next.sections };
    if (held && !still) timer = setTimeout(run, PAUSE);
    last = performance.now();
    shown = wished;
    streams = live.ids.peek().length;
  };
  const stop = effect(() => {
    void live.version.value;
    void live.ids.value;
    const now = view.value !== shown;
    if (now) {
      clearTimeout(timer);
      run();
    } else if (timer === undefined) {
      timer = setTimeout(run, Math.max(0, last + PAUSE - performance.now()));
    }
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}
