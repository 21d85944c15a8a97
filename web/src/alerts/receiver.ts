// A receiver of alerts as its form edits it, and back.

import { present, text } from "../edit/numbers";
import { secretField, secretValue, type SecretField } from "../edit/secret";

export type ReceiverKind = "email" | "webhook" | "alertmanager";

export interface ReceiverForm {
  id: string;
  name: string;
  enabled: boolean;
  kind: ReceiverKind;
  to: string[];
  url: string;
  secret: SecretField;
  /** The name of a file that holds the secret, in place of it. */
  secretFile: string;
}

export interface ShownReceiver {
  id: string;
  name: string;
  enabled: boolean;
  kind: ReceiverKind;
  to?: string[] | null;
  url?: string | null;
  secret?: unknown;
  secret_file?: string | null;
  built_in?: boolean;
}

export function emptyReceiver(): ReceiverForm {
  return {
    id: "",
    name: "",
    enabled: true,
    kind: "email",
    to: [],
    url: "",
    secret: secretField(undefined),
    secretFile: "",
  };
}

export function receiverOf(shown: ShownReceiver): ReceiverForm {
  return {
    id: shown.id,
    name: shown.name,
    enabled: shown.enabled,
    kind: shown.kind,
    to: [...(shown.to ?? [])],
    url: shown.url ?? "",
    secret: secretField(shown.secret),
    secretFile: shown.secret_file ?? "",
  };
}

export function receiverDraft(form: ReceiverForm): Record<string, unknown> {
  const file = text(form.secretFile);
  return present({
    id: text(form.id),
    name: text(form.name),
    enabled: form.enabled,
    kind: form.kind,
    to: form.kind === "email" ? form.to : undefined,
    url: form.kind === "email" ? undefined : form.url.trim(),
    secret: form.kind === "webhook" && file === undefined ? secretValue(form.secret) : undefined,
    secret_file: form.kind === "webhook" ? file : undefined,
  });
}

/** Where it leads, in words. */
export function targetWords(shown: ShownReceiver): string {
  return shown.kind === "email" ? (shown.to ?? []).join(", ") : (shown.url ?? "");
}
