// How a thing is: colour, icon and word, never colour alone.

import type { ComponentChildren, JSX } from "preact";
import type { Condition } from "../live/types";
import { Icon } from "./Icon";
import { meaning, SEVERITY_TONE, spaced, STATUS_TONE, type Status, type Tone } from "./words";

export function Badge({ tone, children, title }: { tone: Tone; children: ComponentChildren; title?: string }): JSX.Element {
  return (
    <span class={`badge tone-${tone}`} title={title}>
      <Icon name={tone} size={12} />
      {children}
    </span>
  );
}

export const StatusBadge = ({ status }: { status: Status }): JSX.Element => <Badge tone={STATUS_TONE[status]}>{status}</Badge>;

export const ConditionBadge = ({ condition }: { condition: Pick<Condition, "kind" | "severity"> }): JSX.Element => (
  <Badge tone={SEVERITY_TONE[condition.severity]} title={`${condition.severity}: ${meaning(condition.kind)}`}>
    {spaced(condition.kind)}
  </Badge>
);
