// How full something is; drawn, because the browser's own meter cannot be coloured everywhere.

import type { JSX } from "preact";
import type { Tone } from "../ui/words";

export function Meter({ share, label, tone = "info" }: { share: number; label: string; tone?: Tone }): JSX.Element {
  const full = Math.min(1, Math.max(0, share));
  return (
    <svg class={`system-meter tone-${tone}`} viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label={`${label}: ${Math.round(full * 100)} %`}>
      <rect class="system-meter-ground" width="100" height="6" />
      <rect class="system-meter-full" width={full * 100} height="6" />
    </svg>
  );
}
