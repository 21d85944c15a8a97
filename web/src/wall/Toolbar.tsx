// What the wall shows and how.

import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { live } from "../live";
import { multiviewPath, picked } from "../multiview/picked";
import { href, setQuery } from "../router";
import { IconButton } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { STATUS_TONE, STATUSES } from "../ui/words";
import { SIZES } from "./layout";
import { groupsOf, SORTS } from "./order";
import { arranged, like, size, toggleStatus, view } from "./view";

function Statuses(): JSX.Element {
  const { counts } = arranged.value;
  const chosen = view.value.statuses;
  return (
    <div class="chips" role="group" aria-label="Only streams that are">
      {STATUSES.filter((status) => counts[status] > 0 || chosen.includes(status)).map((status) => (
        <button key={status} type="button" class={`chip tone-${STATUS_TONE[status]}`} aria-pressed={chosen.includes(status)} onClick={() => toggleStatus(status)}>
          <Icon name={STATUS_TONE[status]} size={12} />
          <b>{counts[status]}</b> {status}
        </button>
      ))}
    </div>
  );
}

function Search(): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  // What is typed shows at once; the URL follows.
  const typed = useSignal(view.value.text);
  const text = view.value.text;
  useEffect(() => {
    if (document.activeElement !== input.current) typed.value = text;
  }, [text]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const writes = event.target instanceof HTMLElement && event.target.closest("input, textarea, select") !== null;
      if (event.key !== "/" || writes || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return (
    <label class="search">
      <Icon name="search" />
      <span class="sr">Search streams by name, id, group or condition</span>
      <input
        ref={input}
        type="search"
        value={typed.value}
        placeholder="Search  ( / )"
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          setQuery({ q: typed.value });
        }}
      />
    </label>
  );
}

export function Toolbar(): JSX.Element {
  const groups = useComputed(() => {
    void live.ids.value;
    return groupsOf(live.peekRows());
  });
  const { group, sort, grouped } = view.value;
  const many = picked.value.length;
  return (
    <div class="wall-bar">
      <h1 class="sr">Wall</h1>
      <Statuses />
      <div class="wall-tools">
        {many > 0 && (
          <span class="row">
            <a class="button primary" href={href(multiviewPath(picked.value))}>
              <Icon name="multiview" />
              {`Multiview of ${many}`}
            </a>
            <IconButton icon="close" label="Pick none" onClick={() => (picked.value = [])} />
          </span>
        )}
        <Search />
        {groups.value.length > 0 && (
          <select aria-label="Group" value={group ?? ""} onChange={(event) => setQuery({ group: event.currentTarget.value })}>
            <option value="">All groups</option>
            {groups.value.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
        <select aria-label="Order" value={sort} onChange={(event) => like({ sort: event.currentTarget.value })}>
          {SORTS.map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
        <select aria-label="Size of tiles" class="not-phone" value={size.value} onChange={(event) => like({ size: event.currentTarget.value })}>
          {SIZES.map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
        {groups.value.length > 0 && (
          <button type="button" class="button" aria-pressed={grouped} onClick={() => like({ grouped: !grouped })}>
            By group
          </button>
        )}
      </div>
    </div>
  );
}
