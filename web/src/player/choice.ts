// What a player asks for.

import { part, urlOf } from "../api/client";

/** `""` is the server's own choice: only what a browser could not play is converted. */
export interface Choice {
  readonly quality: string;
  readonly audio: string;
}

/** A profile, as far as it matters for a choice. */
export interface Profile {
  readonly name: string;
  readonly height: number;
}

/** The qualities to choose from, the best first; one that the URL names is among them even if the server has it no more. */
export function qualities(chosen: string, profiles: readonly Profile[]): readonly (readonly [string, string])[] {
  const converted = profiles.map(({ name, height }) => [name, `${name[0]?.toUpperCase() ?? ""}${name.slice(1)}, ${height} lines at most`] as const);
  const all = [["", "Automatic"], ["source", "Source, untouched"], ...converted.reverse()] as const;
  return all.some(([name]) => name === chosen) ? all : [...all, [chosen, chosen]];
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
