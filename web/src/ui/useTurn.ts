// Asking again when something is known to have changed, but not for the first time: then it is asked anyway.

import { useEffect, useRef } from "preact/hooks";

export function useTurn(turn: unknown, again: () => void): void {
  const before = useRef(turn);
  useEffect(() => {
    if (before.current === turn) return;
    before.current = turn;
    again();
  }, [turn]);
}
