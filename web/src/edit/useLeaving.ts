// Who leaves with changes that are not saved is asked first: by the page for its own links and the back button, by the browser
// for everything else.

import { useEffect, useRef } from "preact/hooks";
import { keepHere } from "../router";
import { confirm } from "../ui/Dialog";

/** Gives what to call when leaving is meant. */
export function useLeaving(changed: boolean): () => void {
  const release = useRef(() => undefined as void);
  useEffect(() => {
    if (!changed) return undefined;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", ask);
    const letGo = keepHere(() => confirm("Leave without saving?", "What you have changed here is lost.", "Leave"));
    const end = (): void => {
      removeEventListener("beforeunload", ask);
      letGo();
    };
    release.current = end;
    return end;
  }, [changed]);
  return () => release.current();
}
