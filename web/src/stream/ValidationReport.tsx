// What a validation found: of each source how far it came, what it is, and why it fails.

import type { Schema } from "../api/client";
import { bits } from "../ui/format";
import { spaced } from "../ui/words";
import { classWords, stageWords } from "./words";

export type Report = Schema<"ValidationReport">;
export type SourceReport = Schema<"ValidationSource">;
/** How far a source is while it is being looked at. */
export type Progress = Schema<"ValidationSourceProgress">;

const SIGNS: Record<string, string> = { passed: "✓", failed: "✕", skipped: "–", not_reached: "·", running: "…" };

/** The nine stages in their order, as long as nothing is known of them. */
const STAGES = ["policy", "dns", "connect", "tls", "request", "manifest", "first_byte", "demux", "decode"] as const;

export function SourceValidation({ index, url, report, progress }: {
  index: number;
  url?: string | undefined;
  report: SourceReport | null;
  progress: Progress | null;
}) {
  const stages = report?.stages ?? progress?.stages ?? STAGES.map((stage) => ({ stage, verdict: "not_reached" }) as const);
  return (
    <section class="validation-source" aria-label={`Source ${index + 1}`}>
      <h3>
        Source {index + 1} {url && <span class="mono hint break">{url}</span>}
      </h3>
      <ol class="validation-stages">
        {stages.map((one) => {
          const took = "took_ms" in one ? one.took_ms : undefined;
          const note = "note" in one ? one.note : undefined;
          return (
            <li key={one.stage} class={`validation-stage validation-${one.verdict}`} title={note ?? undefined}>
              <span class="validation-sign" aria-hidden="true">
                {SIGNS[one.verdict]}
              </span>
              <span>{stageWords(one.stage)}</span>
              <span class="sr">: {spaced(one.verdict)}</span>
              {took != null && <span class="hint">{took} ms</span>}
            </li>
          );
        })}
      </ol>
      {report?.failure && (
        <div class="validation-failure">
          <p>
            <strong>{stageWords(report.failure.stage)}</strong>: {classWords(report.failure.class)}. {report.failure.message}
          </p>
          <p class="hint">{report.failure.advice}</p>
        </div>
      )}
      {report?.outcome === "not_checked" && <p class="hint">The time was over before its turn.</p>}
      {report && <Found report={report} />}
    </section>
  );
}

function Found({ report }: { report: SourceReport }) {
  const { found, preview } = report;
  const facts: [string, string][] = [];
  if (found?.protocol) facts.push(["Protocol", [found.protocol, found.container].filter(Boolean).join(", ")]);
  if (found?.live != null) facts.push(["Live", found.live ? "yes" : "no, it ends"]);
  if (found?.encryption) facts.push(["Encrypted", found.encryption]);
  if (found?.bitrate != null) facts.push(["Bitrate", bits(found.bitrate)]);
  for (const track of found?.tracks ?? []) facts.push([spaced(track.kind), trackWords(track)]);
  if (found?.variants && found.variants.length > 1) facts.push(["Variants", String(found.variants.length)]);
  const errors = Object.entries(found?.errors ?? {}).filter(([, count]) => Number(count) > 0);
  if (errors.length > 0) facts.push(["Errors", errors.map(([name, count]) => `${count} ${spaced(name)}`).join(", ")]);
  if (preview) facts.push(["Preview", preview.summary]);
  if (report.connection === "running") facts.push(["Connection", "the one that is open already"]);
  if (facts.length === 0) return null;
  return (
    <dl class="facts">
      {facts.map(([name, value], index) => (
        <div key={index}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function trackWords(track: Schema<"ValidationTrack">): string {
  const parts = [[track.codec, track.profile].filter(Boolean).join(" ")];
  if (track.width && track.height) parts.push(`${track.width}×${track.height}${track.interlaced ? " interlaced" : ""}`);
  if (track.frame_rate) parts.push(`${Number(track.frame_rate.toFixed(2))}/s`);
  if (track.bit_depth && track.bit_depth > 8) parts.push(`${track.bit_depth} bit`);
  if (track.sample_rate) parts.push(`${track.sample_rate / 1000} kHz`);
  if (track.channels) parts.push(`${track.channels} channels`);
  if (track.language) parts.push(track.language);
  if (track.browser && !track.browser.plays) parts.push(`browsers do not play it: ${track.browser.reason ?? "unknown why"}`);
  return parts.join(", ");
}
