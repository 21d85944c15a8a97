// What became of a test.

import type { JSX } from "preact";
import type { Schema } from "../api/client";
import { Badge } from "../ui/Badge";
import { Trouble } from "../ui/Trouble";
import { spaced, type Tone } from "../ui/words";

const TONES: Record<string, Tone> = { sent: "good", pending: "info", failed: "warning", dead: "critical" };
const WORDS: Record<string, string> = {
  sent: "it was accepted",
  pending: "it has not been tried yet, or is being tried",
  failed: "an attempt failed; it is tried again",
  dead: "it was refused for good",
};

export function TestResults({ running, results, error }: { running: boolean; results: Schema<"AlertTestResults"> | null; error: unknown }): JSX.Element | null {
  if (running) return <p role="status">A test is under way…</p>;
  if (error) return <Trouble error={error} />;
  if (!results) return null;
  return (
    <ul class="plain" role="status">
      {results.items.map((one) => (
        <li key={one.id}>
          <Badge tone={TONES[one.outcome] ?? "muted"}>{one.outcome}</Badge> {one.receiver}: {WORDS[one.outcome] ?? ""}
          {one.error && (
            <span class="hint">
              {" "}
              {spaced(one.error.stage)}: {one.error.message}
            </span>
          )}
        </li>
      ))}
      {results.items.length === 0 && <li>There is nobody to be told.</li>}
    </ul>
  );
}
