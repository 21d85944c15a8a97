// Finds a stream to add by its name.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { live } from "../live";
import { Icon } from "../ui/Icon";
import { StatusBadge } from "../ui/Badge";
import { statusOf } from "../ui/words";
import { arrange } from "../wall/order";

/** As many as one reads. */
const OFFERED = 8;

export function Add({ has, onAdd }: { has: readonly string[]; onAdd: (id: string) => void }): JSX.Element {
  const text = useSignal("");
  const open = useSignal(false);
  const at = useSignal(0);
  const list = useId();
  void live.ids.value;
  const all = open.value ? arrange(live.peekRows(), { text: text.value, statuses: [], group: null, sort: "name", grouped: false }) : null;
  const offered = (all?.sections[0]?.ids ?? []).filter((id) => !has.includes(id)).slice(0, OFFERED);
  const add = (id: string | undefined): void => {
    if (id === undefined) return;
    onAdd(id);
    text.value = "";
    at.value = 0;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") at.value = Math.min(offered.length - 1, at.value + 1);
    else if (event.key === "ArrowUp") at.value = Math.max(0, at.value - 1);
    else if (event.key === "Enter") add(offered[at.value]);
    else if (event.key === "Escape") open.value = false;
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="add">
      <label class="search">
        <Icon name="add" />
        <span class="sr">Add a stream</span>
        <input
          type="text"
          role="combobox"
          aria-expanded={open.value && offered.length > 0}
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={open.value && offered.length > 0 ? `${list}-${at.value}` : undefined}
          placeholder="Add a stream"
          value={text.value}
          onFocus={() => (open.value = true)}
          onBlur={() => (open.value = false)}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            open.value = true;
            at.value = 0;
          }}
          onKeyDown={onKeyDown}
        />
      </label>
      <ul id={list} role="listbox" aria-label="Streams" class="add-list" hidden={!open.value || offered.length === 0}>
        {offered.map((id, index) => {
          const row = live.row(id)?.peek();
          return (
            <li
              key={id}
              id={`${list}-${index}`}
              role="option"
              aria-selected={index === at.value}
              // The input keeps the focus, or the list would be gone before the click.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => add(id)}
            >
              <span>{row?.name ?? id}</span>
              {row && <StatusBadge status={statusOf(row)} />}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
