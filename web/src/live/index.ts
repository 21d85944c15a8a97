// The one store of the page and its one connection.

import { get } from "../api/client";
import type { BitrateReport } from "./bitrates";
import { Connection } from "./connection";
import { LiveStore } from "./store";

export const live = new LiveStore();
export const connection = new Connection(live);

/** Follows the server from here on. */
export function startLive(): void {
  connection.start();
  addEventListener("online", () => connection.hurry());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") connection.hurry();
  });
}

/** Asks once for the bitrates of the last hour; without them sparklines begin now. */
export async function seedBitrates(): Promise<void> {
  try {
    live.bitrates.seed(await get<BitrateReport>("reports/bitrates"));
  } catch {
    // An older server has no such report, and sparklines are worth no message.
  }
}
