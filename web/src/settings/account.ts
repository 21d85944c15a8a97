// A provider account as its form edits it, and back.

import { milliseconds, number, present, secondsText, text } from "../edit/numbers";
import { secretField, secretValue, type SecretField } from "../edit/secret";
import type { AuthKind } from "../edit/form";

export interface AccountForm {
  id: string;
  name: string;
  maxConnections: string;
  release: string;
  auth: AuthKind;
  username: string;
  secret: SecretField;
  /** The name of a file that holds the secret, in place of it. */
  file: string;
}

export interface ShownAccount {
  id: string;
  name: string;
  max_connections: number;
  release_ms?: number | null;
  credentials?: {
    type: string;
    username?: string;
    password?: unknown;
    password_file?: string | null;
    token?: unknown;
    token_file?: string | null;
  } | null;
}

export function emptyAccount(): AccountForm {
  return {
    id: "",
    name: "",
    maxConnections: "1",
    release: "",
    auth: "none",
    username: "",
    secret: secretField(undefined),
    file: "",
  };
}

export function accountOf(shown: ShownAccount): AccountForm {
  const credentials = shown.credentials ?? undefined;
  const basic = credentials?.type === "basic";
  return {
    id: shown.id,
    name: shown.name,
    maxConnections: String(shown.max_connections),
    release: secondsText(shown.release_ms ?? undefined),
    auth: credentials === undefined ? "none" : basic ? "basic" : "bearer",
    username: credentials?.username ?? "",
    secret: secretField(basic ? credentials?.password : credentials?.token),
    file: (basic ? credentials?.password_file : credentials?.token_file) ?? "",
  };
}

export function accountDraft(form: AccountForm): Record<string, unknown> {
  return present({
    id: text(form.id),
    name: text(form.name),
    max_connections: number(form.maxConnections),
    release_ms: milliseconds(form.release),
    credentials: credentialsDraft(form),
  });
}

function credentialsDraft(form: AccountForm): Record<string, unknown> | undefined {
  if (form.auth === "none") return undefined;
  const name = form.auth === "basic" ? "password" : "token";
  const file = text(form.file);
  const secret = secretValue(form.secret) ?? "";
  return {
    type: form.auth,
    ...(form.auth === "basic" ? { username: form.username } : {}),
    ...(file === undefined ? { [name]: secret } : { [`${name}_file`]: file }),
  };
}
