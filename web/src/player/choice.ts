// What a player asks for.

import { part, urlOf } from "../api/client";

/** `""` is the server's own choice: only what a browser could not play is converted. */
export interface Choice {
  readonly quality: string;
  readonly audio: string;
}

export const QUALITIES: readonly (readonly [string, string])[] = [
  ["", "Automatic"],
  ["source", "Source, untouched"],
  ["high", "High, 1080 lines at most"],
  ["medium", "Medium, 720 lines at most"],
  ["low", "Low, 480 lines at most"],
];

/** The qualities to choose from; one of the operator's own that the URL names is among them. */
export function qualities(chosen: string): readonly (readonly [string, string])[] {
  return QUALITIES.some(([name]) => name === chosen) ? QUALITIES : [...QUALITIES, [chosen, chosen]];
}

/** `timeout`: milliseconds that the server may take to bring the first media; its own default unless told. */
export function previewUrl(id: string, choice: Choice, timeout: number | null = null): string {
  return urlOf(`streams/preview/${part(id)}/index.m3u8`, { quality: choice.quality || null, audio: choice.audio || null, timeout });
}

/** What a multivariant playlist leads to: the rendition, and the session that watches it. */
export function readMultivariant(text: string): { uri: string; rendition: string; session: string | null } | null {
  const uri = text.split(/\r?\n/).find((line) => line !== "" && !line.startsWith("#"));
  const found = uri === undefined ? null : /([^/?]+)\/index\.m3u8(?:\?(.*))?$/.exec(uri);
  if (uri === undefined || !found) return null;
  let rendition = found[1] ?? "";
  try {
    rendition = decodeURIComponent(rendition);
  } catch {
    // It is shown as it came.
  }
  return { uri, rendition, session: new URLSearchParams(found[2] ?? "").get("session") };
}

/** Seconds until the next try: what the server says, else longer each time. */
export function pause(failures: number, retryAfter: number | null): number {
  return Math.min(60, Math.max(1, retryAfter ?? Math.min(30, 3 * 2 ** Math.max(0, failures - 1))));
}

/** The stream before or after this one in a row that goes round. */
export function beside(ids: readonly string[], id: string, step: 1 | -1): string | null {
  if (ids.length === 0) return null;
  const at = ids.indexOf(id);
  if (at < 0) return ids[step === 1 ? 0 : ids.length - 1] ?? null;
  return ids[(at + step + ids.length) % ids.length] ?? null;
}
