// Runs the tests one after the other: they share two cores with decoders. Names of files may be given.
//
// A file that fails is run once more, and is red if it fails again: this is real time on machines that do other things, too. That
// it happened is told at the end.

import { readdir } from "node:fs/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { basename, join } from "node:path";
import { PATIENCE } from "./support/places.mjs";

const folder = fileURLToPath(new URL(".", import.meta.url));
const named = process.argv.slice(2);
const all = (await readdir(folder)).filter((name) => name.endsWith(".test.mjs")).sort();
const files = all.filter((name) => named.length === 0 || named.some((one) => name.startsWith(one)));

/** Runs these; those in which something failed. */
async function failing(names) {
  const failed = new Set();
  const paths = names.map((name) => join(folder, name));
  const events = run({ files: paths, concurrency: 1, timeout: 300_000 * PATIENCE });
  // Which file it was is not told by every version of node: then it may have been any.
  events.on("test:fail", ({ file }) => (file === undefined ? names : [basename(file)]).forEach((name) => failed.add(name)));
  for await (const text of events.compose(new spec())) process.stdout.write(text);
  return names.filter((name) => failed.has(name));
}

const first = await failing(files);
if (first.length > 0) {
  console.log(`\nonce more: ${first.join(", ")}\n`);
  const again = await failing(first);
  const flaky = first.filter((name) => !again.includes(name));
  if (flaky.length > 0) console.log(`failed once only, and should be looked into: ${flaky.join(", ")}`);
  if (again.length > 0) {
    console.log(`failed twice: ${again.join(", ")}`);
    process.exitCode = 1;
  }
}
