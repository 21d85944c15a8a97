// The past of a stream: the timeline of an hour, a day or a week, and pictures of the times at which something was wrong.

import type { JSX } from "preact";
import { place, setQuery } from "../router";
import { Button } from "../ui/Button";
import { percent } from "../ui/format";
import { Time } from "../ui/Time";
import { Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { useTurn } from "../ui/useTurn";
import { spaced } from "../ui/words";
import { course, pictures, RANGES, type Picture, type Range } from "./data";
import { PastTable } from "./PastTable";
import { Timeline, type Course } from "./Timeline";
import { uptime, type ShownCondition } from "./timeline";

export function Past({ id, lasting, turn }: { id: string; lasting: readonly ShownCondition[]; turn: unknown }): JSX.Element {
  const told = place.value.query.get("range") ?? "";
  const range: Range = told in RANGES ? (told as Range) : "24h";
  const asked = useAsk<Course>((signal) => course(id, range, lasting, signal), [id, range], 60_000);
  useTurn(turn, asked.reload);
  const shown = asked.data.value;
  const share = shown ? uptime(shown.steps) : null;
  return (
    <section class="panel" aria-labelledby="past">
      <div class="spread">
        <h2 id="past">Timeline</h2>
        <div class="row">
          {shown && <span>{share === null ? "availability not known" : `${percent(share, share > 0.999 && share < 1 ? 3 : 2)} available`}</span>}
          <div class="segments" role="group" aria-label="How far back">
            {Object.entries(RANGES).map(([key, words]) => (
              <Button key={key} aria-pressed={key === range} onClick={() => setQuery({ range: key === "24h" ? null : key })}>
                {words}
              </Button>
            ))}
          </div>
        </div>
      </div>
      {shown ? <Timeline course={shown} /> : asked.error.value ? <Trouble error={asked.error.value} onRetry={asked.reload} /> : <Loading />}
      {shown && (
        <details>
          <summary>The same as a table</summary>
          <PastTable course={shown} />
        </details>
      )}
      <Pictures id={id} turn={turn} />
    </section>
  );
}

function Pictures({ id, turn }: { id: string; turn: unknown }): JSX.Element | null {
  const asked = useAsk<Picture[]>((signal) => pictures(id, signal), [id], 60_000);
  useTurn(turn, asked.reload);
  const all = asked.data.value ?? [];
  if (all.length === 0) return null;
  return (
    <>
      <h3>Pictures at conditions</h3>
      <ul class="stream-pictures">
        {all.map((one) => (
          <li key={one.url}>
            <a href={one.url} target="_blank" rel="noopener">
              {/* The path that the server gives has its base in it. */}
              <img src={one.url} alt={pictureWords(one)} loading="lazy" width={160} height={90} />
            </a>
            <span>{pictureWords(one)}</span> <Time at={one.at} />
          </li>
        ))}
      </ul>
    </>
  );
}

function pictureWords(one: Picture): string {
  return one.raised === false ? `${spaced(one.condition)} is over` : spaced(one.condition);
}
