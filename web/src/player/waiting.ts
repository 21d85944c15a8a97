// What somebody waits for who sees no picture yet.

import type { Schema } from "../api/client";
import type { PoolRow, SessionRow } from "../live/types";
import { reason } from "./reasons";

type Stream = Pick<Schema<"StreamView">, "state" | "queue" | "failure" | "source_states">;

/** The session of this player, before it knows its id: the newest of the same browser on the same stream. */
export function likelySession(sessions: Iterable<SessionRow>, stream: string, agent: string): SessionRow | null {
  let found: SessionRow | null = null;
  for (const one of sessions) {
    if (one.stream !== stream || one.format !== "hls" || one.user_agent !== agent) continue;
    if (!found || Date.parse(one.since) > Date.parse(found.since)) found = one;
  }
  return found;
}

const HOLDS: Record<string, string> = {
  slots: "all transcodes are taken",
  memory: "memory is short",
  cpu: "the processor is busy",
  lag: "a running transcode lags behind",
  descriptors: "few file descriptors are left",
};

/** In words; the first line says what it is, the others why. */
export function waitingFor(session: SessionRow | null, stream: Stream | null, pool: PoolRow | null): string[] {
  if (session?.pipeline === "queued") {
    const place = session.queue_position === null ? "Waiting in the queue for a transcode" : `Place ${session.queue_position} in the queue for a transcode`;
    const hold = pool?.hold ? (HOLDS[pool.hold] ?? pool.hold) : null;
    return hold === null ? [place] : [place, `It goes on when there is room: ${hold}.`];
  }
  if (stream?.queue) {
    return [`Place ${stream.queue.position} in the queue for a connection`, `All connections of the account ${stream.queue.account} are in use.`];
  }
  if (session?.pipeline === "starting") return ["The conversion starts"];
  const failed = (stream?.source_states ?? [])
    .filter((one) => one.failure)
    .map((one) => `Source ${one.index + 1}: ${reason(one.failure?.stage, one.failure?.cause) ?? ""}`);
  if (stream?.state === "waiting") return ["Waiting for a connection of the account", ...failed];
  if (stream?.state === "connecting") return ["Connecting to the source", ...failed];
  if (stream?.state === "down") return ["The source fails, and is tried again", ...failed];
  return ["Asking for the stream"];
}
