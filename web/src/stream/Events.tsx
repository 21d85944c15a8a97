// What happened to a stream, or to the server, newest first.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get } from "../api/client";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Time } from "../ui/Time";
import { toastProblem } from "../ui/Toast";
import { Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { useTurn } from "../ui/useTurn";
import { eventWords } from "./eventWords";
import type { ShownEvent } from "./timeline";

interface Page {
  items: ShownEvent[];
  next?: number | null;
}

const AT_ONCE = 50;

/** `turn` asks anew when it changes: when something is known to have happened. */
export function Events({ path, turn }: { path: string; turn: unknown }): JSX.Element {
  const first = useAsk<Page>((signal) => get(path, { limit: AT_ONCE }, signal), [path]);
  const [older, setOlder] = useState<Page | null>(null);
  useEffect(() => setOlder(null), [path]);
  useTurn(turn, first.reload);
  const newest = first.data.value;
  if (!newest) return first.error.value ? <Trouble error={first.error.value} onRetry={first.reload} /> : <Loading />;
  // Pages overlap once something new has come.
  const known = new Set(newest.items.map((one) => one.seq));
  const items = [...newest.items, ...(older?.items ?? []).filter((one) => !known.has(one.seq))];
  const next = older ? older.next : newest.next;
  const more = async (): Promise<void> => {
    try {
      const page = await get<Page>(path, { limit: AT_ONCE, before: next });
      setOlder({ items: [...(older?.items ?? newest.items), ...page.items], next: page.next ?? null });
    } catch (error) {
      toastProblem("Older events cannot be had", error);
    }
  };
  if (items.length === 0) return <p class="hint">Nothing has happened yet.</p>;
  return (
    <>
      <ol class="events">
        {items.map((event) => {
          const told = eventWords(event);
          return (
            <li key={event.seq} class={`tone-${told.tone}`}>
              <Time at={event.at} />
              <Icon name={told.icon} size={14} />
              <span>
                <strong>{told.what}</strong> {told.more}
              </span>
            </li>
          );
        })}
      </ol>
      {next != null && <Button onClick={() => void more()}>Older events</Button>}
    </>
  );
}
