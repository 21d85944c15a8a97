// Who leaves the site with changes that are not saved is asked by the browser.

import { useEffect, useRef } from "preact/hooks";

/** Gives what to call when leaving is meant. */
export function useLeaving(changed: boolean): () => void {
  const meant = useRef(false);
  useEffect(() => {
    if (!changed) return undefined;
    const ask = (event: BeforeUnloadEvent): void => {
      if (!meant.current) event.preventDefault();
    };
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [changed]);
  return () => {
    meant.current = true;
  };
}
