// Something that is asked for: as it was answered last, what went wrong since, and asking again.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api/client";

export interface Resource<T> {
  /** As it was answered last; stays while it is asked for again, and when that fails. */
  data: T | null;
  problem: Problem | null;
  loading: boolean;
  reload: () => void;
}

interface State<T> {
  data: T | null;
  problem: Problem | null;
  loading: boolean;
}

/** Asks when it is first shown, when `key` changes, and each `every` milliseconds while the page is looked at. */
export function useResource<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  every?: number,
): Resource<T> {
  const [state, setState] = useState<State<T>>({ data: null, problem: null, loading: true });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const shownKey = useRef(key);

  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    // What belongs to another key is not shown for this one.
    const fresh = shownKey.current !== key;
    shownKey.current = key;
    setState((old) => ({ data: fresh ? null : old.data, problem: fresh ? null : old.problem, loading: true }));
    let first = true;
    const ask = async (): Promise<void> => {
      if (first || document.visibilityState === "visible") {
        first = false;
        try {
          const data = await latest.current(abort.signal);
          if (!abort.signal.aborted) setState({ data, problem: null, loading: false });
        } catch (error) {
          if (abort.signal.aborted) return;
          setState((old) => ({ data: old.data, problem: problemFrom(error), loading: false }));
        }
      }
      if (every !== undefined && !abort.signal.aborted) timer = setTimeout(() => void ask(), every);
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, turn, every]);

  const reload = useCallback(() => setTurn((one) => one + 1), []);
  return { ...state, reload };
}

/** What was thrown, as a problem that can be shown. */
export function problemFrom(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem(0, "failed", "That did not work", detail);
}
