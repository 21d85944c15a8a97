// What happened, in a line.

import type { IconName } from "../ui/Icon";
import { duration } from "../ui/format";
import { meaning, spaced, type Tone } from "../ui/words";
import type { ShownEvent } from "./timeline";

export interface EventWords {
  what: string;
  /** What proves it, or what was before. */
  more: string;
  icon: IconName;
  tone: Tone;
}

const SEVERITY: Record<string, Tone> = { info: "info", warning: "warning", critical: "critical" };
const HEALTH: Record<string, Tone> = { up: "good", degraded: "warning", down: "critical" };

export function eventWords(event: ShownEvent): EventWords {
  switch (event.type) {
    case "condition_raised": {
      const { kind, severity, evidence } = event.condition;
      const tone = SEVERITY[severity] ?? "info";
      return { what: spaced(kind), more: evidence?.text || meaning(kind), icon: tone, tone };
    }
    case "condition_cleared": {
      const { kind, since, cleared_at } = event.condition;
      const lasted = (Date.parse(cleared_at ?? event.at) - Date.parse(since)) / 1000;
      return { what: `${spaced(kind)} is over`, more: `after ${duration(lasted)}`, icon: "good", tone: "good" };
    }
    case "health_changed": {
      const tone = HEALTH[event.to] ?? "muted";
      return { what: `health ${event.to}`, more: `was ${event.from}`, icon: tone, tone };
    }
    case "source_changed": {
      const more = `in place of source ${event.from + 1}: ${event.reason}`;
      return { what: `source ${event.to + 1} is pulled`, more, icon: "swap", tone: "info" };
    }
    default: {
      // What a newer server tells is named, and not hidden.
      const { type } = event as { type: string };
      return { what: spaced(type), more: "", icon: "info", tone: "info" };
    }
  }
}
