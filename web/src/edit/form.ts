// A stream's definition as the form edits it, and back. Texts stay texts until they are sent; `null` is never sent.

import { milliseconds, present, secondsText, text } from "./numbers";
import { isShown, secretField, secretValue, type SecretField } from "./secret";

export interface HeaderForm {
  key: number;
  name: string;
  value: string;
  /** The value that the server has and does not show. */
  kept: SecretField | null;
}

export type AuthKind = "none" | "basic" | "bearer";

export interface SourceForm {
  key: number;
  /** The address that it was read with: its secrets stay with that server. */
  was: string;
  url: string;
  userAgent: string;
  timeout: string;
  account: string;
  headers: HeaderForm[];
  auth: AuthKind;
  username: string;
  secret: SecretField;
}

export interface ConditionForm {
  enabled: "" | "yes" | "no";
  hold: string;
  clear: string;
  severity: string;
}

export interface AttributeForm {
  key: number;
  name: string;
  value: string;
}

export interface StreamForm {
  id: string;
  name: string;
  group: string;
  logo: string;
  tvgId: string;
  enabled: boolean;
  tags: string[];
  sources: SourceForm[];
  transcode: "" | "always" | "never";
  quality: string;
  linger: string;
  mode: string;
  interval: string;
  stillPicture: boolean;
  failoverOn: string[];
  conditions: Record<string, ConditionForm>;
  attributes: AttributeForm[];
}

/** A definition as the API shows it, as far as the form reads it. */
export interface ShownStream {
  id: string;
  name: string;
  group?: string | null;
  logo?: string | null;
  tvg_id?: string | null;
  enabled: boolean;
  tags: string[];
  sources: ShownSource[];
  options?: ShownOptions;
  attributes?: Record<string, string>;
}

export interface ShownSource {
  url: string;
  headers?: Record<string, unknown>;
  user_agent?: string | null;
  credentials?: { type: string; username?: string; password?: unknown; token?: unknown } | null;
  timeout_ms?: number | null;
  account?: string | null;
}

export interface ShownOptions {
  transcode?: boolean | null;
  quality?: string | null;
  linger_ms?: number | null;
  monitor?: {
    mode?: string | null;
    interval_ms?: number | null;
    still_picture?: boolean;
    failover_on?: string[];
    conditions?: Record<
      string,
      { enabled?: boolean | null; hold_ms?: number | null; clear_ms?: number | null; severity?: string | null }
    >;
  };
}

export const MOST_SOURCES = 16;

let lastKey = 0;
function nextKey(): number {
  lastKey += 1;
  return lastKey;
}

export function emptySource(url = ""): SourceForm {
  return {
    key: nextKey(),
    was: "",
    url,
    userAgent: "",
    timeout: "",
    account: "",
    headers: [],
    auth: "none",
    username: "",
    secret: secretField(undefined),
  };
}

export function emptyHeader(): HeaderForm {
  return { key: nextKey(), name: "", value: "", kept: null };
}

export function emptyAttribute(): AttributeForm {
  return { key: nextKey(), name: "", value: "" };
}

export const EMPTY_CONDITION: ConditionForm = { enabled: "", hold: "", clear: "", severity: "" };

export function emptyForm(): StreamForm {
  return {
    id: "",
    name: "",
    group: "",
    logo: "",
    tvgId: "",
    enabled: true,
    tags: [],
    sources: [emptySource()],
    transcode: "",
    quality: "",
    linger: "",
    mode: "",
    interval: "",
    stillPicture: false,
    failoverOn: [],
    conditions: {},
    attributes: [],
  };
}

/** The form of what the API shows. */
export function formOf(shown: ShownStream): StreamForm {
  const options = shown.options ?? {};
  const monitor = options.monitor ?? {};
  return {
    id: shown.id,
    name: shown.name,
    group: shown.group ?? "",
    logo: shown.logo ?? "",
    tvgId: shown.tvg_id ?? "",
    enabled: shown.enabled,
    tags: [...shown.tags],
    sources: shown.sources.map(sourceOf),
    transcode: options.transcode == null ? "" : options.transcode ? "always" : "never",
    quality: options.quality ?? "",
    linger: secondsText(options.linger_ms ?? undefined),
    mode: monitor.mode ?? "",
    interval: secondsText(monitor.interval_ms ?? undefined),
    stillPicture: monitor.still_picture ?? false,
    failoverOn: [...(monitor.failover_on ?? [])],
    conditions: Object.fromEntries(
      Object.entries(monitor.conditions ?? {}).map(([kind, one]) => [
        kind,
        {
          enabled: one.enabled == null ? "" : one.enabled ? "yes" : "no",
          hold: secondsText(one.hold_ms ?? undefined),
          clear: secondsText(one.clear_ms ?? undefined),
          severity: one.severity ?? "",
        } satisfies ConditionForm,
      ]),
    ),
    attributes: Object.entries(shown.attributes ?? {}).map(([name, value]) => ({ key: nextKey(), name, value })),
  };
}

function sourceOf(shown: ShownSource): SourceForm {
  const credentials = shown.credentials ?? undefined;
  const auth: AuthKind = credentials?.type === "basic" ? "basic" : credentials?.type === "bearer" ? "bearer" : "none";
  return {
    key: nextKey(),
    was: shown.url,
    url: shown.url,
    userAgent: shown.user_agent ?? "",
    timeout: secondsText(shown.timeout_ms ?? undefined),
    account: shown.account ?? "",
    headers: Object.entries(shown.headers ?? {}).map(([name, value]) => ({
      key: nextKey(),
      name,
      value: typeof value === "string" ? value : "",
      kept: isShown(value) ? secretField(value) : null,
    })),
    auth,
    username: credentials?.username ?? "",
    secret: secretField(auth === "basic" ? credentials?.password : credentials?.token),
  };
}

/** What is sent: all of the definition, and of secrets what is to become of them. */
export function draftOf(form: StreamForm): Record<string, unknown> {
  return present({
    id: text(form.id),
    name: text(form.name),
    group: text(form.group),
    logo: text(form.logo),
    tvg_id: text(form.tvgId),
    enabled: form.enabled,
    tags: form.tags,
    sources: form.sources.map(sourceDraft),
    options: optionsDraft(form),
    attributes: Object.fromEntries(
      form.attributes.filter((one) => one.name.trim() !== "").map((one) => [one.name.trim(), one.value]),
    ),
  });
}

function sourceDraft(source: SourceForm): Record<string, unknown> {
  const headers: Record<string, unknown> = {};
  for (const header of source.headers) {
    const value = header.kept ? secretValue(header.kept) : header.value;
    if (header.name.trim() !== "" && value !== undefined) headers[header.name.trim()] = value;
  }
  return present({
    url: source.url.trim(),
    headers,
    user_agent: text(source.userAgent),
    credentials: credentialsDraft(source),
    timeout_ms: milliseconds(source.timeout),
    account: text(source.account),
  });
}

function credentialsDraft(source: SourceForm): Record<string, unknown> | undefined {
  const secret = secretValue(source.secret);
  switch (source.auth) {
    case "none":
      return undefined;
    case "basic":
      // A password may be empty; left out it would stay as it is.
      return { type: "basic", username: source.username, password: secret ?? "" };
    case "bearer":
      return secret === undefined && source.secret.choice === "remove"
        ? undefined
        : { type: "bearer", token: secret ?? "" };
  }
}

function optionsDraft(form: StreamForm): Record<string, unknown> {
  const conditions: Record<string, unknown> = {};
  for (const [kind, one] of Object.entries(form.conditions)) {
    const draft = present({
      enabled: one.enabled === "" ? undefined : one.enabled === "yes",
      hold_ms: milliseconds(one.hold),
      clear_ms: milliseconds(one.clear),
      severity: text(one.severity),
    });
    if (Object.keys(draft).length > 0) conditions[kind] = draft;
  }
  const monitor = present({
    mode: text(form.mode),
    interval_ms: milliseconds(form.interval),
    still_picture: form.stillPicture ? true : undefined,
    failover_on: form.failoverOn.length > 0 ? form.failoverOn : undefined,
    conditions: Object.keys(conditions).length > 0 ? conditions : undefined,
  });
  return present({
    transcode: form.transcode === "" ? undefined : form.transcode === "always",
    quality: text(form.quality),
    linger_ms: milliseconds(form.linger),
    monitor: Object.keys(monitor).length > 0 ? monitor : undefined,
  });
}

/** A list with one item moved to another place. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const copy = [...list];
  if (from < 0 || from >= copy.length || to < 0 || to >= copy.length) return copy;
  const [item] = copy.splice(from, 1);
  copy.splice(to, 0, item as T);
  return copy;
}
