// The last lines of the log as they come, and which lines are logged.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, type Schema } from "../api/client";
import { Button } from "../ui/Button";
import { clock, inFull } from "../ui/format";
import { Trouble } from "../ui/Trouble";
import { LogLevel } from "./LogLevel";

type Line = Schema<"LogLine">;
type Tail = Schema<"LogTail">;

const LEVELS = ["error", "warn", "info", "debug", "trace"] as const;
/** Lines that are kept on the page. */
const MOST = 1000;
const POLL = 2_000;

export function Log(): JSX.Element {
  const [level, setLevel] = useState<string>("info");
  const [lines, setLines] = useState<readonly Line[]>([]);
  const [missed, setMissed] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const [follows, setFollows] = useState(true);
  const [text, setText] = useState("");
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const abort = new AbortController();
    let since: number | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    setLines([]);
    setMissed(0);
    const look = async (): Promise<void> => {
      try {
        if (document.visibilityState === "visible" || since === null) {
          const tail: Tail = await get<Tail>("info/logs", { level, limit: since === null ? 200 : 1000, since }, abort.signal);
          // After a restart of the server numbers begin anew.
          const anew = since !== null && tail.next < since;
          setLines((old) => [...(anew ? [] : old), ...tail.items].slice(-MOST));
          if (since !== null && !anew) setMissed((old) => old + tail.missed);
          since = anew ? null : tail.next;
          setError(null);
        }
      } catch (cause) {
        if (abort.signal.aborted) return;
        setError(cause);
      }
      timer = setTimeout(() => void look(), POLL);
    };
    void look();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [level]);

  const wanted = text.trim().toLowerCase();
  const shown = wanted === "" ? lines : lines.filter((line) => `${line.target} ${line.message} ${fields(line)}`.toLowerCase().includes(wanted));
  useEffect(() => {
    if (follows && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown, follows]);

  return (
    <div class="stack">
      <LogLevel />
      <div class="row">
        <select aria-label="Lines that matter as much" value={level} onChange={(event) => setLevel(event.currentTarget.value)}>
          {LEVELS.map((one) => (
            <option key={one} value={one}>
              {one} and worse
            </option>
          ))}
        </select>
        <input type="search" aria-label="Lines with this text" placeholder="Lines with this text" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <Button aria-pressed={follows} onClick={() => setFollows(!follows)}>
          Follow
        </Button>
        {missed > 0 && <span class="hint">{missed} lines were missed</span>}
      </div>
      {error != null && <Trouble error={error} />}
      <div
        ref={box}
        class="system-log"
        role="log"
        aria-label="Log"
        aria-live="off"
        tabIndex={0}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          // Who scrolls up wants to read; who comes back to the end wants to follow.
          setFollows(scrollTop + clientHeight >= scrollHeight - 24);
        }}
      >
        {shown.map((line) => (
          <p key={line.seq} class={`log-${line.level}`}>
            <time dateTime={line.at} title={inFull(line.at)}>
              {clock(line.at)}
            </time>{" "}
            <strong>{line.level}</strong> <span class="log-target">{line.target.replace(/^sightglass::/, "")}</span> {line.message} <span class="log-fields">{fields(line)}</span>
            {(line.times ?? 1) > 1 && <span class="log-times"> ×{line.times}</span>}
          </p>
        ))}
        {shown.length === 0 && error == null && <p class="hint">No lines.</p>}
      </div>
    </div>
  );
}

function fields(line: Line): string {
  return Object.entries(line.fields as Record<string, unknown>)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}
