// Why a stream does not play, in words: the stage that its pull came to, and the cause.

import type { Schema } from "../api/client";

type Stage = Schema<"Stage">;
type Cause = Schema<"Cause">;

const STAGES: Record<Stage, string> = {
  account: "taking a connection of the provider's account",
  policy: "checking whether the address is allowed",
  dns: "looking up the name of the host",
  connect: "connecting to the host",
  tls: "the TLS handshake",
  request: "the request to the source",
  manifest: "reading the playlist",
  first_byte: "waiting for the first byte of media",
  demux: "finding tracks and a keyframe",
  flow: "receiving media that had begun to flow",
  transcode: "converting the media",
};

const CAUSES: Record<Cause, string> = {
  policy: "the source policy of this server forbids the address",
  unreachable: "there is no route, no such name, or no answer",
  refused: "the connection was refused",
  auth: "credentials are missing or wrong",
  blocked: "the provider does not serve this country, network or player",
  not_found: "the provider does not have it",
  provider_limit: "the provider's connections are all in use",
  server: "the provider's server fails",
  timeout: "it took too long",
  not_media: "what came is no media that can be read",
  unsupported: "this kind of source, container or encryption cannot be pulled",
  drm: "the content is protected",
  stalled: "bytes stopped coming",
  ended: "the source ended",
  rejected: "somebody asked for another source",
  limit: "it is larger, longer or deeper than allowed",
  overload: "this server is short of memory, CPU or descriptors",
  internal: "a fault of this server; its log has more",
};

const look = (table: Record<string, string>, name: string): string => table[name] ?? name.replaceAll("_", " ");

/** `At connecting to the host: the connection was refused` */
export function reason(stage: unknown, cause: unknown): string | null {
  if (typeof stage !== "string" && typeof cause !== "string") return null;
  const where = typeof stage === "string" ? `Failed at ${look(STAGES, stage)}` : "Failed";
  return typeof cause === "string" ? `${where}: ${look(CAUSES, cause)}.` : `${where}.`;
}

const PHASES: Record<Schema<"SourcePhase">, string> = {
  live: "media flows",
  waiting: "waits for a connection of its account",
  connecting: "being connected",
  cooling: "failed, and is left alone for a while",
  ready: "ready to be pulled",
};

/** What is done with a source. */
export const phase = (name: Schema<"SourcePhase">): string => look(PHASES, name);
