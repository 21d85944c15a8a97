// What is done to a stream from more than one page.

import { part, patch, post, remove } from "../api/client";
import { confirm } from "../ui/Dialog";
import { count } from "../ui/format";
import { toast, toastProblem } from "../ui/Toast";

/** The server remembers what was deleted for a quarter of an hour; the offer stands for a part of it. */
const UNDO_SECONDS = 60;

export async function setEnabled(id: string, enabled: boolean): Promise<void> {
  await patch(`streams/${part(id)}`, { enabled });
}

export async function deleteStream(id: string): Promise<void> {
  await remove(`streams/${part(id)}`);
}

export async function restoreStream(id: string): Promise<void> {
  await post(`streams/${part(id)}/restore`);
}

/** Deletes a stream after asking, and offers to take it back. True when it is gone. */
export async function askAndDelete(id: string, name: string): Promise<boolean> {
  const text = "Whoever watches it is cut off. For a while it can be brought back.";
  if (!(await confirm(`Delete ${name}?`, text, "Delete"))) return false;
  try {
    await deleteStream(id);
    offerUndo([id], `${name} was deleted.`);
    return true;
  } catch (error) {
    toastProblem(`${name} was not deleted`, error);
    return false;
  }
}

/** Says that streams were deleted, with a way back. */
export function offerUndo(ids: readonly string[], text: string): void {
  if (ids.length === 0) return;
  toast(text, { tone: "info", seconds: UNDO_SECONDS, action: { label: "Undo", run: () => void restoreAll(ids) } });
}

async function restoreAll(ids: readonly string[]): Promise<void> {
  let back = 0;
  let last: unknown = null;
  for (const id of ids) {
    try {
      await restoreStream(id);
      back += 1;
    } catch (error) {
      last = error;
    }
  }
  if (back > 0) toast(`${count(back, "stream")} brought back.`);
  if (last !== null) toastProblem(`${count(ids.length - back, "stream")} could not be brought back`, last);
}
