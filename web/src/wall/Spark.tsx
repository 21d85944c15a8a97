import type { JSX } from "preact";
import { sparkPath } from "./spark";
import "./spark.css";

const [WIDTH, HEIGHT] = [60, 16];

/** A line of 60 minutes; what it says in words stands beside it. */
export function Spark({ values }: { values: readonly (number | null)[] }): JSX.Element {
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={sparkPath(values, WIDTH, HEIGHT)} />
    </svg>
  );
}
