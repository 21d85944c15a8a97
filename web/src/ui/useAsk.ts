// Asks the server for what a page shows.

import { type Signal, useSignal } from "@preact/signals";
import { useCallback, useEffect, useRef } from "preact/hooks";

export interface Asked<T> {
  /** The newest answer; it stays while a newer one is asked for, and when that fails. */
  readonly data: Signal<T | null>;
  readonly error: Signal<unknown>;
  readonly loading: Signal<boolean>;
  readonly reload: () => void;
}

/** Asks when what it depends on changes, and again each `every` milliseconds while the page is looked at. */
export function useAsk<T>(load: (signal: AbortSignal) => Promise<T>, depends: readonly unknown[], every = 0): Asked<T> {
  const data = useSignal<T | null>(null);
  const error = useSignal<unknown>(null);
  const loading = useSignal(true);
  const abort = useRef<AbortController | null>(null);
  const latest = useRef(load);
  latest.current = load;
  const reload = useCallback(() => {
    abort.current?.abort();
    const mine = new AbortController();
    abort.current = mine;
    loading.value = true;
    latest.current(mine.signal).then(
      (answer) => {
        if (mine.signal.aborted) return;
        data.value = answer;
        error.value = null;
        loading.value = false;
      },
      (cause: unknown) => {
        if (mine.signal.aborted) return;
        error.value = cause;
        loading.value = false;
      },
    );
  }, []);
  useEffect(() => {
    data.value = null;
    reload();
    return () => abort.current?.abort();
  }, depends);
  const begun = useRef(false);
  useEffect(() => {
    // What asks for another pace has changed what is worth knowing.
    if (begun.current) reload();
    begun.current = true;
    if (every <= 0) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible" && !loading.peek()) reload();
    }, every);
    return () => clearInterval(timer);
  }, [every]);
  return { data, error, loading, reload };
}
