// Saving a form: what is sent, what is wrong with it, and what somebody else saved meanwhile.

import { useState } from "preact/hooks";
import { Problem } from "../api/client";

export interface Saving {
  busy: boolean;
  /** What kept it from being saved. */
  problem: Problem | null;
  /** Somebody else has changed it since it was read. */
  conflict: boolean;
  /** Runs a write; true when it was done. */
  run: (write: () => Promise<void>) => Promise<boolean>;
  clear: () => void;
}

export function useSave(): Saving {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const run = async (write: () => Promise<void>): Promise<boolean> => {
    setBusy(true);
    setProblem(null);
    try {
      await write();
      return true;
    } catch (error) {
      setProblem(problemFrom(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, conflict: problem?.status === 412, run, clear: () => setProblem(null) };
}

/** What was thrown, as a problem that can be shown. */
export function problemFrom(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, "failed", "That did not work", error instanceof Error ? error.message : String(error));
}
