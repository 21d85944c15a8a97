// The server's own words for how things are, and what they mean.

import type { Condition, StreamRow } from "../live/types";

export type Severity = Condition["severity"];
/** How a thing looks: each tone has a colour and an icon, and comes with a word. */
export type Tone = "good" | "info" | "warning" | "critical" | "muted";

/** How a stream is, in one word, worst first. */
export type Status = "down" | "degraded" | "unknown" | "up" | "paused" | "disabled";

export const STATUSES: readonly Status[] = ["down", "degraded", "unknown", "up", "paused", "disabled"];

/** A stream that is pulled and fails is down whether it is monitored or not. */
export function statusOf(row: Pick<StreamRow, "state" | "health">): Status {
  if (row.state === "disabled") return "disabled";
  if (row.health === "down" || row.state === "down") return "down";
  if (row.health) return row.health;
  return row.state === "up" ? "up" : "unknown";
}

export const STATUS_TONE: Record<Status, Tone> = {
  down: "critical",
  degraded: "warning",
  unknown: "muted",
  up: "good",
  paused: "muted",
  disabled: "muted",
};

export const SEVERITY_TONE: Record<Severity, Tone> = { info: "info", warning: "warning", critical: "critical" };
export const SEVERITY_RANK: Record<Severity, number> = { info: 1, warning: 2, critical: 3 };

/** Conditions in words, for those who have not read the manual. */
export const CONDITIONS: Record<Condition["kind"], string> = {
  down: "cannot be pulled",
  stalled: "connected, but nothing comes",
  stale: "the playlist no longer changes",
  blocked: "the provider refuses this server",
  black: "the picture is black",
  frozen: "the picture does not move",
  silent: "the sound is silence",
  no_video: "no video track",
  no_audio: "no audio track",
  scrambled: "the media is scrambled",
  continuity: "packets are lost or repeated",
  transport: "the transport stream is broken",
  timing: "clocks and time stamps jump",
  playlist: "the playlist breaks its rules, or its segments fail",
  bitrate: "the bitrate is far from usual",
  slow: "segments come slower than they play",
  codec_changed: "codec, size or tracks have changed",
  own_network: "most streams fail together: the network of this server",
  low_descriptors: "few file descriptors are left",
  low_disk: "little disk space is left",
  memory_warning: "memory is above the warning threshold",
  monitor_behind: "too few streams are looked at in time",
  outbox_behind: "notifications wait too long, or were given up",
};

/** `no_video` as people write it. */
export const spaced = (name: string): string => name.replaceAll("_", " ");
/** What a condition means. */
export const meaning = (kind: string): string => (CONDITIONS as Record<string, string>)[kind] ?? spaced(kind);

/** The worst of what is the matter. */
export function worst(conditions: readonly Condition[]): Condition | null {
  let found: Condition | null = null;
  for (const one of conditions) {
    if (!found || SEVERITY_RANK[one.severity] > SEVERITY_RANK[found.severity]) found = one;
  }
  return found;
}
