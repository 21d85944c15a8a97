// Which conditions of which streams a rule or a maintenance window is about. An empty list stands for all.

import { spaced } from "../ui/words";

export interface SelectorForm {
  streams: string[];
  groups: string[];
  tags: string[];
  accounts: string[];
  conditions: string[];
  severities: string[];
}

export type ShownSelector = Partial<SelectorForm>;

export const EMPTY_SELECTOR: SelectorForm = {
  streams: [],
  groups: [],
  tags: [],
  accounts: [],
  conditions: [],
  severities: [],
};

const NAMES = ["streams", "groups", "tags", "accounts", "conditions", "severities"] as const;

export function selectorOf(shown: ShownSelector | undefined): SelectorForm {
  const form: SelectorForm = { ...EMPTY_SELECTOR };
  for (const name of NAMES) form[name] = [...(shown?.[name] ?? [])];
  return form;
}

export function selectorDraft(form: SelectorForm): Record<string, unknown> | undefined {
  const filled = NAMES.filter((name) => form[name].length > 0);
  return filled.length === 0 ? undefined : Object.fromEntries(filled.map((name) => [name, form[name]]));
}

/** What it means, in words: "critical; group News or Sport". */
export function selectorWords(shown: ShownSelector | undefined): string {
  const parts: string[] = [];
  const list = (name: string, values: string[] | undefined): void => {
    if (values && values.length > 0) parts.push(`${name} ${either(values)}`);
  };
  if (shown?.severities?.length) parts.push(either(shown.severities));
  if (shown?.conditions?.length) parts.push(either(shown.conditions.map((kind) => spaced(kind))));
  list("group", shown?.groups);
  list("tag", shown?.tags);
  list("account", shown?.accounts);
  list(
    "stream",
    shown?.streams?.map((id) => (id === "_server" ? "this server" : id)),
  );
  return parts.length === 0 ? "everything" : parts.join("; ");
}

function either(values: readonly string[]): string {
  const shown = values.slice(0, 5);
  if (values.length > 5) shown.push(`${values.length - 5} more`);
  return shown.length === 1 ? (shown[0] as string) : `${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`;
}
