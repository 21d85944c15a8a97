// The same thing done to many streams: a few at a time, each outcome known, and it can be stopped.

export interface BulkState {
  total: number;
  done: number;
  failures: { id: string; message: string }[];
  stopped: boolean;
}

/** So many requests at a time: enough to be quick, few enough to leave the server to those who watch. */
export const AT_ONCE = 4;

/** Does `work` for each id; tells how far it is after each. What fails is noted and holds nobody up. */
export async function forEach(
  ids: readonly string[],
  work: (id: string) => Promise<void>,
  tell: (state: BulkState) => void,
  signal: AbortSignal,
  atOnce = AT_ONCE,
): Promise<BulkState> {
  const state: BulkState = { total: ids.length, done: 0, failures: [], stopped: false };
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < ids.length && !signal.aborted) {
      const id = ids[next] as string;
      next += 1;
      try {
        await work(id);
      } catch (error) {
        state.failures.push({ id, message: error instanceof Error ? error.message : String(error) });
      }
      state.done += 1;
      tell({ ...state, failures: [...state.failures] });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, ids.length) }, worker));
  state.stopped = state.done < state.total;
  return { ...state, failures: [...state.failures] };
}

/** How it ended, in a sentence: "12 of 14 streams disabled; 2 failed". */
export function outcome(state: BulkState, done: string): string {
  const good = state.done - state.failures.length;
  const parts = [`${good} of ${state.total} ${state.total === 1 ? "stream" : "streams"} ${done}`];
  if (state.failures.length > 0) parts.push(`${state.failures.length} failed`);
  if (state.stopped) parts.push(`stopped after ${state.done}`);
  return parts.join("; ");
}
