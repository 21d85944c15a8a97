// Asks the server: JSON in, JSON or a Problem out.

import { signal } from "@preact/signals";
import { base } from "../router";
import type { components } from "./schema";
import { type SseEvent, SseParser } from "./sse";

/** A schema of the API by its name. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** Problem details (RFC 9457), or what stands for them when the server could not be asked at all. */
export class Problem extends Error {
  override readonly name = "Problem";
  constructor(
    /** The HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** The stable name of the sort of problem; `unreachable` when there was no answer. */
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    /** When another try is worth it, in seconds. */
    readonly retryAfter: number | null = null,
    /** All members that were sent. */
    readonly members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail === "" ? title : `${title}: ${detail}`);
  }
}

/** What one may ask with. */
export interface Ask {
  body?: unknown;
  /** Sent as it is, for what is not JSON. */
  raw?: { body: BodyInit; type: string };
  query?: Record<string, string | number | boolean | null | undefined>;
  /** Write only if it still has this entity tag. */
  ifMatch?: string | null;
  /** Go on when the page is closed meanwhile. */
  keepalive?: boolean;
  signal?: AbortSignal;
}

/** An answer, and the entity tag of what it shows. */
export interface Answer<T> {
  readonly data: T;
  readonly etag: string | null;
  readonly status: number;
}

/** True as soon as the server wants to know who asks. */
export const needsLogin = signal(false);

/** The URL of a path of the server, below the base: `api/v1/streams`. */
export function urlOf(path: string, query: Ask["query"] = {}): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) parts.set(name, String(value));
  }
  const text = parts.toString();
  return base + path.replace(/^\//, "") + (text === "" ? "" : `?${text}`);
}

/** Reads a Problem from an answer that is none of success. */
export async function problemOf(response: Response): Promise<Problem> {
  let body: Record<string, unknown> = {};
  try {
    const json: unknown = await response.json();
    if (typeof json === "object" && json !== null) body = json as Record<string, unknown>;
  } catch {
    // A proxy on the way answered, not the server: its page is of no use here.
  }
  const text = (name: string, instead: string): string => {
    const value = body[name];
    return typeof value === "string" ? value : instead;
  };
  const after = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new Problem(
    response.status,
    text("code", `http_${response.status}`),
    text("title", `The server answered ${response.status}`),
    text("detail", ""),
    Number.isFinite(after) ? after : null,
    body,
  );
}

/** The Problem of a request that got no answer. */
export function unreachable(cause: unknown): Problem {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new Problem(0, "unreachable", "The server cannot be reached", detail);
}

/** Asks, and gives the response if it is one of success. Throws a Problem, or an AbortError. */
export async function fetchOk(url: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable(error);
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  // A wrong password, at the login or where one changes it, is a 401 as well, and no reason to go there.
  const typed = url.endsWith("/api/v1/login") || (url.endsWith("/api/v1/me/password") && problem.code === "wrong_credentials");
  if (problem.status === 401 && !typed) needsLogin.value = true;
  throw problem;
}

/** Asks for `api/v1/{path}`, as a media type. */
async function request(method: string, path: string, how: Ask, accept: string): Promise<Response> {
  const headers: Record<string, string> = { accept };
  const init: RequestInit = { method, headers };
  if (how.raw) {
    headers["content-type"] = how.raw.type;
    init.body = how.raw.body;
  } else if (how.body !== undefined) {
    headers["content-type"] = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    init.body = JSON.stringify(how.body);
  }
  if (how.ifMatch) headers["if-match"] = how.ifMatch;
  if (how.signal) init.signal = how.signal;
  if (how.keepalive) init.keepalive = true;
  const full = path.startsWith("/") ? path : `api/v1/${path}`;
  return fetchOk(urlOf(full, how.query), init);
}

/** Asks for `api/v1/{path}`. */
export async function ask<T>(method: string, path: string, how: Ask = {}): Promise<Answer<T>> {
  const response = await request(method, path, how, "application/json");
  const text = await response.text();
  const json = (response.headers.get("content-type") ?? "").includes("json");
  const data = (text === "" ? undefined : json ? JSON.parse(text) : text) as T;
  return { data, etag: response.headers.get("etag"), status: response.status };
}

/** Asks for `api/v1/{path}` and tells of each event of the answer as it comes, until its end. */
export async function follow(method: string, path: string, how: Ask, tell: (event: SseEvent) => void): Promise<void> {
  const response = await request(method, path, how, "text/event-stream");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new SseParser();
  try {
    while (reader) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const event of parser.push(value)) tell(event);
    }
  } catch (error) {
    if (how.signal?.aborted) throw error;
    throw unreachable(error);
  }
}

export const get = async <T>(path: string, query: Ask["query"] = {}, signal?: AbortSignal): Promise<T> =>
  (await ask<T>("GET", path, signal ? { query, signal } : { query })).data;
export const post = async <T>(path: string, body?: unknown, query: Ask["query"] = {}): Promise<T> =>
  (await ask<T>("POST", path, { body, query })).data;
export const put = async <T>(path: string, body: unknown, ifMatch: string | null = null): Promise<T> =>
  (await ask<T>("PUT", path, { body, ifMatch })).data;
export const patch = async <T>(path: string, body: unknown, ifMatch: string | null = null): Promise<T> =>
  (await ask<T>("PATCH", path, { body, ifMatch })).data;
/** `keepalive`: it is asked even if the page goes. */
export const remove = async (path: string, ifMatch: string | null = null, keepalive = false): Promise<void> => {
  await ask("DELETE", path, { ifMatch, keepalive });
};
/** An id as a part of a path. */
export const part = (id: string): string => encodeURIComponent(id);
