// Icons, drawn by ourselves: 16 by 16, in the colour of the text beside them.

import type { JSX } from "preact";

const PATHS = {
  good: "M3 8.5l3.500 3.500L13 5",
  info: "M8 7v5M8 4.200v.2",
  warning: "M8 2.500L14.500 13.500h-13zM8 6.500v3.500M8 11.700v.2",
  critical: "M5 1.800h6L14.200 5v6L11 14.200H5L1.800 11V5zM5.800 5.800l4.400 4.400M10.200 5.800l-4.400 4.400",
  muted: "M4 8h8",
  wall: "M2 2.500h5v4.500H2zM9 2.500h5v4.500H9zM2 9h5v4.500H2zM9 9h5v4.500H9z",
  multiview: "M1.500 2.500h13v11h-13zM8 2.500v11M1.500 8h13",
  streams: "M2 4h12M2 8h12M2 12h12",
  alerts: "M3.500 11.500V7a4.500 4.500 0 0 1 9 0v4.500zM2 11.500h12M6.500 14h3",
  system: "M3.500 3.500h9v9h-9zM6 1v2.500M10 1v2.500M6 12.500V15M10 12.500V15M1 6h2.500M1 10h2.500M12.500 6H15M12.500 10H15",
  settings: "M2 4.500h6M11 4.500h3M8 4.500a1.500 1.500 0 1 0 3 0a1.500 1.500 0 1 0-3 0M2 11.500h3M8 11.500h6M5 11.500a1.500 1.500 0 1 0 3 0a1.500 1.500 0 1 0-3 0",
  viewers: "M1.500 8S4 3.500 8 3.500 14.500 8 14.500 8 12 12.500 8 12.500 1.500 8 1.500 8zM6 8a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
  play: "M4.500 2.800v10.400L13 8z",
  sound: "M2 6v4h2.500L8 13V3L4.500 6zM10.500 5.500a3.500 3.500 0 0 1 0 5M12.500 3.500a6.300 6.300 0 0 1 0 9",
  muted_sound: "M2 6v4h2.500L8 13V3L4.500 6zM10.500 6l4 4M14.500 6l-4 4",
  full: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
  close: "M3.500 3.500l9 9M12.500 3.500l-9 9",
  add: "M8 2.500v11M2.500 8h11",
  edit: "M2.500 13.500l.8-3.200L10.500 3l2.500 2.500-7.300 7.200zM9 4.500L11.500 7",
  trash: "M2.500 4h11M6 4V2.500h4V4M4 4l.7 9.500h6.600L12 4",
  up: "M3 10.500l5-5 5 5",
  down: "M3 5.500l5 5 5-5",
  left: "M10.500 3l-5 5 5 5",
  right: "M5.500 3l5 5-5 5",
  search: "M2.500 7a4.500 4.500 0 1 0 9 0a4.500 4.500 0 1 0-9 0M10.300 10.300L14 14",
  help: "M5.500 6a2.500 2.500 0 1 1 3.700 2.200C8.300 8.700 8 9.200 8 10M8 12.300v.2",
  stats: "M2.500 13.500v-4M6.200 13.500v-7M9.800 13.500V9M13.500 13.500v-11",
  sun: "M5 8a3 3 0 1 0 6 0a3 3 0 1 0-6 0M8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
  moon: "M13 9.500A5.500 5.500 0 0 1 6.500 3 5.500 5.500 0 1 0 13 9.500z",
  auto: "M2 8a6 6 0 1 0 12 0a6 6 0 1 0-12 0M8 2v12M8 4.500h4.500M8 8h6M8 11.500h4.500",
  user: "M5.500 5a2.500 2.500 0 1 0 5 0a2.500 2.500 0 1 0-5 0M2.500 14c0-3 2.500-4.500 5.500-4.500s5.500 1.500 5.500 4.500",
  clock: "M2 8a6 6 0 1 0 12 0a6 6 0 1 0-12 0M8 4.500V8l2.500 1.500",
  link: "M9 3h4v4M13 3L7.500 8.500M11.500 9.500v3.500h-8.500v-8.500h3.500",
  more: "M3.500 8v.1M8 8v.1M12.500 8v.1",
  retry: "M13.500 8a5.500 5.500 0 1 1-1.600-3.900M13.500 1.500v3h-3",
  swap: "M2 5.500h11M10 2.500l3 3-3 3M14 10.500H3M6 7.500l-3 3 3 3",
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration: what it means is said in words beside it, or by the label of its button. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
