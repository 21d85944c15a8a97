// A stream's past on one axis of time: how it was, what was the matter, bitrate, errors. Pointer and arrow keys move a
// cursor; what it stands on is told in words below.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import {
  ceiling,
  healthSpans,
  lanes,
  ticks,
  type ConditionSpan,
  type ShownStep,
  type Span,
} from "./timeline";
import { dateWords, readout, tickWords } from "./readout";
import { bits } from "../ui/format";
import { spaced } from "../ui/words";

export interface Course {
  period: Span;
  /** The length of a step, milliseconds. */
  step: number;
  steps: ShownStep[];
  conditions: ConditionSpan[];
  /** Times of which there is a picture. */
  pictures: number[];
}

const LABEL = 15;
const STRIP = 14;
const GAP = 8;
const BITRATE = 64;
const ERRORS = 36;
const AXIS = 20;

export function Timeline({ course }: { course: Course }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [cursor, setCursor] = useState<number | null>(null);
  const { period, steps } = course;
  const rows = useMemo(() => lanes(course.conditions), [course.conditions]);
  const x = (at: number): number => ((at - period.from) / (period.to - period.from)) * width;

  const bitrates = steps.flatMap((step) => (step.bitrate == null ? [] : [step.bitrate]));
  const errors = steps.map((step) => step.continuity_errors + step.errors);
  const [mostBits, mostErrors] = [ceiling(bitrates), ceiling(errors)];

  let y = 0;
  const lane = (height: number): { label: number; top: number; bottom: number } => {
    const top = y + LABEL;
    y = top + height + GAP;
    return { label: top - 4, top, bottom: top + height };
  };
  const health = lane(STRIP);
  const conditions = rows.map((row) => ({ ...row, ...lane(STRIP - 4) }));
  const rate = lane(BITRATE);
  const faults = lane(ERRORS);
  const height = y + AXIS;

  const place = (event: PointerEvent): void => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    const share = Math.min(1, Math.max(0, (event.clientX - left) / Math.max(1, width)));
    setCursor(period.from + share * (period.to - period.from));
  };
  const move = (event: KeyboardEvent): void => {
    const now = cursor ?? period.to;
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    const to = event.key === "Home" ? period.from : event.key === "End" ? period.to : by && now + by * course.step;
    if (to === undefined || Number.isNaN(to)) return;
    event.preventDefault();
    setCursor(Math.min(period.to, Math.max(period.from, to)));
  };

  const told = cursor === null ? null : readout(course, cursor);
  const marks = ticks(period, Math.max(2, Math.floor(width / 90)), new Date(period.to).getTimezoneOffset());
  return (
    <div class="timeline">
      <div
        ref={box}
        class="timeline-box"
        role="slider"
        tabIndex={0}
        aria-label="Time on the timeline"
        aria-valuemin={period.from}
        aria-valuemax={period.to}
        aria-valuenow={Math.round(cursor ?? period.to)}
        aria-valuetext={told === null ? "Arrow keys go through the steps" : told.join("; ")}
        onPointerMove={place}
        onPointerDown={place}
        onPointerLeave={() => setCursor(null)}
        onKeyDown={move}
      >
        <svg width={width} height={height} aria-hidden="true">
          {marks.map((at) => (
            <g key={at}>
              <line class="timeline-grid" x1={x(at)} x2={x(at)} y1={0} y2={height - AXIS} />
              <text class="timeline-text" x={Math.min(width - 26, Math.max(26, x(at)))} y={height - 5} text-anchor="middle">
                {tickWords(at, period)}
              </text>
            </g>
          ))}
          <text class="timeline-text" x={0} y={health.label}>
            Health
          </text>
          {healthSpans(steps, course.step, period.to).map((span) => (
            <Bar key={span.from} span={span} lane={health} x={x} name={`timeline-${span.state}`} />
          ))}
          {course.pictures.map((at) => (
            <circle key={at} class="timeline-picture" cx={x(at)} cy={health.top - 5} r={3} />
          ))}
          {conditions.map((row) => (
            <g key={row.kind}>
              <text class="timeline-text" x={0} y={row.label}>
                {spaced(row.kind)}
              </text>
              <rect class="timeline-lane" x={0} width={width} y={row.top} height={row.bottom - row.top} />
              {row.spans.map((span) => (
                <Bar key={span.from} span={span} lane={row} x={x} name={`timeline-${span.severity}`} />
              ))}
            </g>
          ))}
          <text class="timeline-text" x={0} y={rate.label}>
            {mostBits > 1 ? `Bitrate, up to ${bits(mostBits)}` : "Bitrate: not measured yet"}
          </text>
          <path class="timeline-line" d={line(course, x, rate, mostBits)} />
          <text class="timeline-text" x={0} y={faults.label}>
            {errors.some((count) => count > 0) ? `Errors of transport and playlist, up to ${mostErrors} a step` : "Errors of transport and playlist: none"}
          </text>
          <line class="timeline-base" x1={0} x2={width} y1={faults.bottom} y2={faults.bottom} />
          {errors.map((count, index) => {
            const step = steps[index];
            if (count === 0 || !step) return null;
            const size = Math.max(2, (count / mostErrors) * ERRORS);
            const from = x(Date.parse(step.at));
            const wide = Math.max(1.5, x(Date.parse(step.at) + course.step) - from - 0.5);
            return <rect key={step.at} class="timeline-error" x={from} width={wide} y={faults.bottom - size} height={size} />;
          })}
          {cursor !== null && (
            <line class="timeline-cursor" x1={x(cursor)} x2={x(cursor)} y1={0} y2={height - AXIS} />
          )}
        </svg>
      </div>
      <p class="timeline-readout">
        {told === null
          ? `${dateWords(period.from)} to ${dateWords(period.to)}. Point at the timeline, or use the arrow keys on it.`
          : told.join(" · ")}
      </p>
      <ul class="timeline-legend">
        {LEGEND.map(([name, words]) => (
          <li key={name}>
            <svg width={10} height={10} aria-hidden="true">
              <rect class={`timeline-${name}`} width={10} height={10} rx={2} />
            </svg>
            {words}
          </li>
        ))}
      </ul>
    </div>
  );
}

const LEGEND = [
  ["up", "up"],
  ["degraded", "degraded, warning"],
  ["down", "down, critical"],
  ["info", "info"],
  ["unknown", "not known"],
  ["paused", "paused"],
] as const;

interface Lane {
  top: number;
  bottom: number;
}

function Bar({ span, lane, x, name }: { span: Span; lane: Lane; x: (at: number) => number; name: string }) {
  const from = x(span.from);
  // What was short is still to be seen.
  const width = Math.max(2, x(span.to) - from);
  return <rect class={name} x={from} width={width} y={lane.top} height={lane.bottom - lane.top} />;
}

/** The bitrate as steps; where it is not known the line is broken. */
function line(course: Course, x: (at: number) => number, lane: Lane, most: number): string {
  let path = "";
  let broken = true;
  for (const step of course.steps) {
    if (step.bitrate == null) {
      broken = true;
      continue;
    }
    const from = Date.parse(step.at);
    const y = (lane.bottom - (step.bitrate / most) * (lane.bottom - lane.top)).toFixed(1);
    path += `${broken ? "M" : "L"}${x(from).toFixed(1)} ${y}H${x(from + course.step).toFixed(1)}`;
    broken = false;
  }
  return path;
}

/** The width of an element, as it is laid out. */
function useWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(Math.max(200, Math.floor(element.clientWidth))));
    observer.observe(element);
    return () => observer.disconnect();
  }, [box]);
  return width;
}
