// All figures of the server at a look.

import type { JSX } from "preact";
import { get, urlOf, type Schema } from "../api/client";
import { may } from "../session";
import { Badge } from "../ui/Badge";
import { bytes, duration, percent } from "../ui/format";
import { Time } from "../ui/Time";
import { Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { spaced, type Tone } from "../ui/words";
import { Coverage } from "./Coverage";
import { Meter } from "./Meter";
import { Pipelines } from "./Pipelines";
import { nearness } from "./rates";

type Health = Schema<"ServerHealth">;
type Figures = Schema<"ServerMonitoring">;

const STATUS: Record<string, Tone> = { healthy: "good", degraded: "warning", unhealthy: "critical" };

/** Checks are called after what they warn of; beside one that is well, that would be a lie. */
const subject = (check: string): string => spaced(check.replace(/^low_|_(warning|behind|slow|dropped)$/g, ""));

export function Overview(): JSX.Element {
  const health = useAsk((signal) => get<Health>("info/health", {}, signal), [], 5_000);
  const figures = useAsk((signal) => get<Figures>("info/monitoring", {}, signal), [], 5_000);
  const [h, f] = [health.data.value, figures.data.value];
  if (!h || !f) {
    const error = health.error.value ?? figures.error.value;
    return error ? (
      <Trouble
        error={error}
        onRetry={() => {
          health.reload();
          figures.reload();
        }}
      />
    ) : (
      <Loading />
    );
  }
  return (
    <div class="stack">
      <section class="panel" aria-label="The server">
        <div class="spread">
          <div class="row">
            <Badge tone={STATUS[h.status] ?? "muted"}>{h.status}</Badge>
            <span>
              Sightglass {h.build.version}, {h.build.gstreamer}, {h.build.target}
            </span>
            <span class="hint">
              {h.environment}, up for {duration(f.uptime)}, looked at <Time at={h.at} />
            </span>
          </div>
          <nav class="row" aria-label="For programs">
            {may("metrics") && (
              <a href={urlOf("/metrics")} target="_blank" rel="noopener">
                Metrics
              </a>
            )}
            <a href={urlOf("/api/openapi.json")} target="_blank" rel="noopener">
              API description
            </a>
          </nav>
        </div>
      </section>
      <section class="panel" aria-labelledby="checks">
        <h2 id="checks">What is looked at</h2>
        <ul class="system-checks">
          {h.checks.map((one) => (
            <li key={one.check}>
              <Badge tone={one.warning ? "warning" : "good"}>{subject(one.check)}</Badge>
              <span>{one.text}</span>
              {/* A share that is best when it is whole is always near its threshold. */}
              {!(one.unit === "share" && one.threshold < one.clears_at) && <Meter share={nearness(one)} label={`${subject(one.check)}: how near to a warning`} tone={one.warning ? "warning" : "good"} />}
            </li>
          ))}
        </ul>
      </section>
      <FigureTiles figures={f} />
      <Pipelines />
      <Coverage />
      <Confined report={h.confinement} build={h.build} />
    </div>
  );
}

function FigureTiles({ figures: f }: { figures: Figures }): JSX.Element {
  const tiles: [string, string, string][] = [
    ["CPU", f.cpu.process_cores == null ? "–" : `${f.cpu.process_cores.toFixed(2)} cores`, `of ${f.cpu.available_cores}; machine ${percent(f.cpu.system_share, 0)} busy${f.cpu.load ? `, load ${f.cpu.load[0]?.toFixed(2)}` : ""}`],
    ["Memory", bytes(f.memory.anonymous_bytes), `warning at ${bytes(f.memory.warning_bytes)}, critical at ${bytes(f.memory.critical_bytes)}; most so far ${bytes(f.memory.peak_anonymous_bytes)}`],
    ["Descriptors", String(f.descriptors.open), `of ${f.descriptors.max}; ${f.threads} threads`],
    ["Store", f.store.latency == null ? "no answer" : `${(f.store.latency * 1000).toFixed(1)} ms`, `${bytes(f.store.file_bytes)}; ${bytes(f.store.disk_free_bytes)} free on its disk`],
    ["Outbox", f.outbox ? `${f.outbox.pending} pending` : "off", f.outbox ? `${f.outbox.dead} given up${f.outbox.oldest == null ? "" : `; the oldest waits for ${duration(f.outbox.oldest)}`}` : "no notifications are sent"],
    ["Queues", String(f.queues.transcodes + f.queues.ingests + f.queues.connections), `${f.queues.transcodes} for a transcode, ${f.queues.ingests} for an ingest, ${f.queues.connections} for a connection; ${f.queues.looks} looks due`],
  ];
  return (
    <section aria-label="Figures" class="system-tiles">
      {tiles.map(([name, value, more]) => (
        <div key={name} class="panel">
          <h3>{name}</h3>
          <p class="system-value">{value}</p>
          <p class="hint">{more}</p>
        </div>
      ))}
    </section>
  );
}

const MEANS = [
  ["no_new_privileges", "Nothing it could start would have more rights"],
  ["capabilities", "Capabilities are dropped"],
  ["landlock", "Files out of reach but for those that it needs"],
  ["seccomp", "System calls that it does not need are refused"],
  ["decoder_threads", "Threads that decode open no connections and no files"],
] as const;

function Confined({ report, build }: { report: Health["confinement"]; build: Health["build"] }): JSX.Element {
  return (
    <section class="panel" aria-labelledby="confinement">
      <h2 id="confinement">Confinement</h2>
      <ul class="system-checks">
        <li>
          <Badge tone="good">plugins</Badge>
          <span>
            {build.gstreamer_plugins} plugins of GStreamer are loaded, {build.gstreamer_elements} elements can be made
          </span>
        </li>
        {MEANS.map(([name, words]) => (
          <li key={name}>
            <Badge tone={report[name] === "on" ? "good" : "warning"}>{`${spaced(name)}: ${spaced(report[name])}`}</Badge>
            <span>
              {words}
              {name === "landlock" && report.landlock_abi != null && ` (version ${report.landlock_abi})`}
              {name === "capabilities" && (report.capabilities_kept ?? []).length > 0 && `, but for ${(report.capabilities_kept ?? []).join(", ")}`}
            </span>
          </li>
        ))}
        {(report.failures ?? []).map((one) => (
          <li key={one}>
            <Badge tone="critical">failed</Badge>
            <span>{one}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
