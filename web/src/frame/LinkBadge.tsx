// Whether what one sees is so now.

import type { JSX } from "preact";
import { connection } from "../live";
import type { Link } from "../live/connection";
import { clock } from "../ui/format";
import { Icon } from "../ui/Icon";
import { now } from "../ui/Time";
import type { Tone } from "../ui/words";

/** A break shorter than this is no news: a server that restarts is back by then. */
const WORTH_TELLING = 4_000;

export function describe(link: Link, now: number): { tone: Tone; text: string; title: string } {
  switch (link.kind) {
    case "live":
      return { tone: "good", text: "live", title: "Changes show within a second" };
    case "polling":
      return { tone: "info", text: "polling", title: "Live updates do not come through; changes are asked for every 3 seconds" };
    case "connecting":
      return { tone: "muted", text: "connecting", title: "Not connected yet" };
    case "reconnecting":
      if (link.heard === null) return { tone: "warning", text: "reconnecting", title: "The server cannot be reached" };
      if (now - link.heard < WORTH_TELLING) return { tone: "warning", text: "reconnecting", title: "The connection is lost" };
      return { tone: "critical", text: `stale since ${clock(link.heard)}`, title: "Reconnecting; what is shown was true then" };
  }
}

export function LinkBadge(): JSX.Element {
  const link = connection.link.value;
  // The clock matters only while the connection is away.
  const { tone, text, title } = describe(link, link.kind === "reconnecting" ? now.value : 0);
  return (
    <span class={`link-badge tone-${tone}`} title={title} role="status">
      <Icon name={tone} size={12} />
      {text}
    </span>
  );
}
