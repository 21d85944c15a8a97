// Which conditions of which streams: what is in any of a list, and all lists that are there.

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { ChoiceField } from "../edit/fields";
import { ListField } from "../edit/ListField";
import { updater } from "../edit/update";
import { live } from "../live";
import { SERVER_KINDS, SEVERITIES, STREAM_KINDS } from "../stream/words";
import { spaced } from "../ui/words";
import type { SelectorForm } from "./selector";

const KINDS = [...STREAM_KINDS, ...SERVER_KINDS].map((kind) => [kind, spaced(kind)] as const);

export function SelectorFields({ value, set }: { value: SelectorForm; set: (value: SelectorForm) => void }): JSX.Element {
  const put = updater(value, set);
  const known = useMemo(() => {
    const rows = [...live.peekRows()];
    return { ids: ["_server", ...rows.map((row) => row.id)], groups: [...new Set(rows.flatMap((row) => (row.group ? [row.group] : [])))].sort() };
  }, []);
  return (
    <fieldset>
      <legend>What it is about</legend>
      <p class="hint">An empty list stands for all. What is in any of a list, and in all lists, is meant.</p>
      <div class="form-grid">
        <ChoiceField at="/match/severities" label="Severities" value={value.severities} set={put("severities")} options={SEVERITIES.map((one) => [one, one] as const)} />
        <ListField at="/match/groups" label="Groups" value={value.groups} set={put("groups")} suggestions={known.groups} commas />
        <ListField at="/match/streams" label="Streams, by id" value={value.streams} set={put("streams")} suggestions={known.ids} hint="_server is the server itself" />
        <ListField at="/match/tags" label="Tags" value={value.tags} set={put("tags")} />
        <ListField at="/match/accounts" label="Accounts" value={value.accounts} set={put("accounts")} />
      </div>
      <details open={value.conditions.length > 0}>
        <summary>Only some conditions{value.conditions.length > 0 && ` (${value.conditions.length})`}</summary>
        <ChoiceField at="/match/conditions" label="Conditions" value={value.conditions} set={put("conditions")} options={KINDS} />
      </details>
    </fieldset>
  );
}
