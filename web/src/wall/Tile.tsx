// One stream. It renders when its own row changes, and not otherwise.

import type { JSX } from "preact";
import { live } from "../live";
import { picked, togglePicked } from "../multiview/picked";
import { reason } from "../player/reasons";
import { href } from "../router";
import { Badge, ConditionBadge } from "../ui/Badge";
import { bits, count } from "../ui/format";
import { Icon } from "../ui/Icon";
import { slowNow } from "../ui/Time";
import { meaning, STATUS_TONE, statusOf } from "../ui/words";
import { FOOT } from "./layout";
import { Spark } from "./Spark";
import { Thumbnail } from "./Thumbnail";

interface TileProps {
  id: string;
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Conditions that have room on a tile; the rest are counted. */
const ROOM = 2;

function Picked({ id, name }: { id: string; name: string }): JSX.Element {
  const on = picked.value.includes(id);
  return (
    <button
      type="button"
      class="tile-pick"
      aria-pressed={on}
      aria-label={on ? `Take ${name} out of the multiview` : `Pick ${name} for the multiview`}
      title={on ? "Take out of the multiview" : "Pick for the multiview"}
      onClick={() => togglePicked(id)}
    >
      <Icon name={on ? "good" : "add"} size={14} />
    </button>
  );
}

export function Tile({ id, left, top, width, height }: TileProps): JSX.Element | null {
  const row = live.row(id)?.value;
  if (!row) return null;
  const status = statusOf(row);
  const values = live.bitrates.values(id, Math.max(slowNow.value, Date.now()));
  const tells = row.conditions.filter((one) => one.kind !== "down");
  const more = tells.length - ROOM;
  return (
    <div class={`tile tone-${STATUS_TONE[status]} is-${status}`} role="listitem" style={{ transform: `translate(${left}px,${top}px)`, width: `${width}px`, height: `${height}px` }}>
      <a class="tile-link" href={href(`/ui/watch/${encodeURIComponent(id)}`)} data-id={id}>
        <span class="tile-picture" style={{ height: `${height - FOOT}px` }}>
          <Thumbnail id={id} version={row.thumbnail} />
          <span class="tile-top">
            <Badge tone={STATUS_TONE[status]}>{status}</Badge>
            {row.viewers > 0 && (
              <span class="tile-viewers" title={count(row.viewers, "viewer")}>
                <Icon name="viewers" size={13} />
                {row.viewers}
                <span class="sr"> viewers</span>
              </span>
            )}
          </span>
          {tells.length > 0 && (
            <span class="tile-conditions">
              {tells.slice(0, ROOM).map((one) => (
                <ConditionBadge key={one.kind} condition={one} />
              ))}
              {more > 0 && <span class="tile-more" title={tells.map((one) => meaning(one.kind)).join("\n")}>{`+${more}`}</span>}
            </span>
          )}
        </span>
        <span class="tile-foot">
          <span class="tile-name" title={row.group ? `${row.name} (${row.group})` : row.name}>
            {row.name}
          </span>
          <span class="tile-facts">
            {row.failure ? (
              <span class="tile-why" title={[reason(row.failure.stage, row.failure.cause), row.failure.message].join("\n")}>
                {row.failure.message}
              </span>
            ) : (
              <>
                <span class="tile-bitrate">{row.bitrate === null ? row.state : bits(row.bitrate)}</span>
                <Spark values={values} />
              </>
            )}
          </span>
        </span>
      </a>
      <Picked id={id} name={row.name} />
      <a class="tile-details" href={href(`/ui/streams/${encodeURIComponent(id)}`)} aria-label={`History of ${row.name}`} title="History, sources and validation">
        <Icon name="stats" size={14} />
      </a>
    </div>
  );
}
