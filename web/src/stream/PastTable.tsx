// The timeline for those who read tables: what was the matter, from when to when.

import type { JSX } from "preact";
import { Table } from "../ui/Table";
import { Time } from "../ui/Time";
import { bits, duration } from "../ui/format";
import { spaced } from "../ui/words";
import type { Course } from "./Timeline";
import { worst, type ConditionSpan, type ShownStep } from "./timeline";

const MOST_STEPS = 400;

export function PastTable({ course }: { course: Course }): JSX.Element {
  const steps = course.steps.filter((step) => worst(step) !== "unknown").slice(-MOST_STEPS);
  return (
    <div class="stack">
      <Table<ConditionSpan>
        label="Conditions"
        rows={course.conditions}
        rowKey={(one) => `${one.kind}${one.from}`}
        columns={[
          { key: "kind", title: "Condition", cell: (one) => spaced(one.kind) },
          { key: "severity", title: "Severity", cell: (one) => one.severity },
          { key: "from", title: "From", cell: (one) => <Time at={one.from} /> },
          { key: "to", title: "To", cell: (one) => (one.open ? "lasts" : <Time at={one.to} />) },
          { key: "text", title: "Proof", wide: true, cell: (one) => one.text },
        ]}
      />
      <Table<ShownStep>
        label={`Steps of ${duration(course.step / 1000)}`}
        rows={steps}
        rowKey={(one) => one.at}
        columns={[
          { key: "at", title: "From", cell: (one) => <Time at={one.at} /> },
          { key: "worst", title: "Worst", cell: (one) => worst(one) },
          { key: "down", title: "Down", number: true, cell: (one) => duration(one.seconds.down) },
          { key: "bitrate", title: "Bitrate", number: true, cell: (one) => bits(one.bitrate) },
          { key: "errors", title: "Errors", number: true, cell: (one) => one.errors + one.continuity_errors },
          { key: "rest", title: "", wide: true, cell: () => "" },
        ]}
      />
    </div>
  );
}
