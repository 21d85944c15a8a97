// The real server, as a child process with a store of its own.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PATIENCE, PROGRAM, REPOSITORY } from "./places.mjs";
import { until } from "./until.mjs";

/** What is looked at often, and told soon. */
const QUICK = {
  MONITOR_MODE: "continuous",
  MONITOR_INTERVAL: "2s",
  MONITOR_PICTURE_INTERVAL: "2s",
  MONITOR_START_RATE: "1000",
  MONITOR_HOST_CONCURRENCY: "64",
  MONITOR_HOLD: "black=3s,frozen=4s,silent=6s,down=3s",
  MONITOR_CLEAR: "black=5s,frozen=5s,silent=5s,down=5s",
  SOURCE_BACKOFF_MIN: "200ms",
  SOURCE_BACKOFF_MAX: "1s",
};

class Server {
  #env;
  #folder;
  #child = null;
  #said = [];
  /** `http://127.0.0.1:PORT`; the port stays when it is started again. */
  base = null;

  constructor(folder, env) {
    this.#folder = folder;
    this.#env = env;
  }

  async start() {
    const listen = this.base === null ? "127.0.0.1:0" : new URL(this.base).host;
    const args = ["serve", "--listen", listen, "--db", join(this.#folder, "sightglass.redb")];
    const env = { PATH: process.env.PATH, HOME: this.#folder, SOURCE_ALLOW_CIDRS: "127.0.0.0/8", LOG_FORMAT: "json", G_DEBUG: "fatal-criticals", ...QUICK, ...this.#env };
    const child = spawn(PROGRAM, args, { cwd: REPOSITORY, env, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    let address = null;
    for (const output of [child.stdout, child.stderr]) {
      createInterface(output).on("line", (line) => {
        this.#said = [...this.#said.slice(-200), line];
        address ??= listening(line);
      });
    }
    let ended = null;
    child.on("exit", (code, signal) => (ended = signal ?? code));
    child.on("error", (error) => (ended = error.message));
    await until("the server to listen", () => {
      if (ended !== null) throw new Error(`the server ended (${ended}):\n${this.#said.join("\n")}`);
      return address !== null;
    });
    this.base = `http://${address}`;
  }

  /** Ends it as systemd does; with KILL as a power cut does. */
  async end(signal = "SIGTERM") {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ends = new Promise((exits) => child.once("exit", exits));
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), 15_000 * PATIENCE);
    await ends;
    clearTimeout(late);
  }

  async stop() {
    await this.end();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The last lines of its log. */
  log() {
    return this.#said.join("\n");
  }

  /** Asks the API; the body of the answer. */
  async api(method, path, body, headers = {}) {
    const answer = await fetch(`${this.base}/api/v1/${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  add(id, url, more = {}) {
    return this.api("POST", "streams", { id, name: more.name ?? id, sources: [{ url }], ...more });
  }

  /** So many streams at once, by a playlist. Nobody answers at their addresses. */
  async addMany(count) {
    const lines = Array.from({ length: count }, (_, n) => `#EXTINF:-1 tvg-id="ch-${n}" group-title="Group ${n % 20}",Channel ${String(n).padStart(4, "0")}\nhttp://127.0.0.1:9/${n}.ts`);
    const answer = await fetch(`${this.base}/api/v1/streams/import`, { method: "POST", headers: { "content-type": "audio/x-mpegurl" }, body: `#EXTM3U\n${lines.join("\n")}\n` });
    if (!answer.ok) throw new Error(`import: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
}

function listening(line) {
  try {
    const said = JSON.parse(line);
    const fields = said.fields ?? said;
    return fields.message === "listening" ? (fields.addr ?? null) : null;
  } catch {
    return null;
  }
}

/** Starts a server; `env` is what it is told otherwise than usual. */
export async function startServer(env = {}) {
  const server = new Server(await mkdtemp(join(tmpdir(), "sightglass-page-")), env);
  await server.start();
  return server;
}
