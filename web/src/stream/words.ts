// The API's names in words for people: stages, causes, states of sources.

import { spaced } from "../ui/words";

/** Conditions that a stream can have, the gravest first. */
export const STREAM_KINDS = [
  "down",
  "stalled",
  "stale",
  "blocked",
  "black",
  "frozen",
  "silent",
  "no_video",
  "no_audio",
  "scrambled",
  "continuity",
  "transport",
  "timing",
  "playlist",
  "bitrate",
  "slow",
  "codec_changed",
] as const;

/** Those of the server itself. */
export const SERVER_KINDS = [
  "own_network",
  "low_descriptors",
  "low_disk",
  "memory_warning",
  "monitor_behind",
  "outbox_behind",
] as const;

export const FAILOVER_KINDS = ["black", "frozen", "silent"] as const;
export const SEVERITIES = ["critical", "warning", "info"] as const;

const STAGES: Record<string, string> = {
  account: "A connection of the account",
  policy: "Address policy",
  dns: "Name",
  connect: "Connection",
  tls: "TLS",
  request: "Request",
  manifest: "Playlist",
  first_byte: "First byte",
  demux: "Tracks",
  decode: "Picture and sound",
  flow: "Flow",
  transcode: "Conversion",
};

/** A stage of a pull in words. */
export function stageWords(stage: string): string {
  return STAGES[stage] ?? spaced(stage);
}

/** Where a pull failed, and by which sort of cause; where both are one word it is said once. */
export function failureWords(stage: string, cause: string): string {
  return stage === cause ? stageWords(stage) : `${stageWords(stage)}, ${spaced(cause)}`;
}

const CLASSES: Record<string, string> = {
  unreachable: "nothing answers there",
  refused: "the connection was refused",
  not_found: "the provider does not have it",
  timeout: "it took too long",
  codec: "it cannot be decoded",
  policy: "the address is not allowed",
  internal: "this server failed",
  geo_or_blocked: "not served to this country, network or player",
  provider_limit: "the provider's limit is reached",
  provider_error: "the provider's server fails",
  not_media: "what comes is no media",
  drm: "the content is protected",
  own_network: "this server has no way to the network",
  auth: "credentials are missing or wrong",
};

/** The sort of a failure in words. */
export function classWords(name: string): string {
  return CLASSES[name] ?? spaced(name);
}

const SOURCE_STATES: Record<string, string> = {
  live: "media flows",
  waiting: "waits for a connection of its account",
  connecting: "is being connected",
  cooling: "failed, left alone for a while",
  ready: "ready",
};

/** What is done with a source, in words. */
export function sourceWords(state: string): string {
  return SOURCE_STATES[state] ?? spaced(state);
}
