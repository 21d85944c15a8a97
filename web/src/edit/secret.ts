// A secret as a form has it. The server never shows one: it says that there is one, and takes that back as "leave it".

/** What is to become of a secret. */
export type SecretChoice = "keep" | "replace" | "remove";

/** A secret in a form. */
export interface SecretField {
  /** Whether the server has one now. */
  had: boolean;
  choice: SecretChoice;
  /** The new one, for `replace`. */
  value: string;
}

/** How the API shows a secret. */
export interface ShownSecret {
  set: boolean;
}

export function isShown(value: unknown): value is ShownSecret {
  return typeof value === "object" && value !== null && "set" in value;
}

/** The field for a secret that the server has, or has not. */
export function secretField(shown: unknown): SecretField {
  const had = isShown(shown) && shown.set;
  return { had, choice: had ? "keep" : "replace", value: "" };
}

/** What is sent for it: `undefined` when it is to go. */
export function secretValue(field: SecretField): string | ShownSecret | undefined {
  switch (field.choice) {
    case "keep":
      return { set: true };
    case "remove":
      return undefined;
    case "replace":
      return field.value === "" ? undefined : field.value;
  }
}

/** Headers whose value the server shows; every other may be a credential, under whatever name. */
export function isSecretHeader(name: string): boolean {
  const lower = name.trim().toLowerCase();
  return !["referer", "origin", "accept"].includes(lower) && !lower.startsWith("accept-");
}

/** Whether two addresses are on the same server: a secret stays with its server. */
export function sameServer(a: string, b: string): boolean {
  const [left, right] = [parse(a), parse(b)];
  return left !== null && right !== null && left.protocol === right.protocol && left.host === right.host;
}

function parse(text: string): URL | null {
  try {
    return new URL(text.trim());
  } catch {
    return null;
  }
}
