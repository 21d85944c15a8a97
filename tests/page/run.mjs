// Runs the tests one after the other: they share two cores with decoders. Names of files may be given.

import { readdir } from "node:fs/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { PATIENCE } from "./support/places.mjs";

const folder = fileURLToPath(new URL(".", import.meta.url));
const named = process.argv.slice(2);
const all = (await readdir(folder)).filter((name) => name.endsWith(".test.mjs")).sort();
const files = all.filter((name) => named.length === 0 || named.some((one) => name.startsWith(one)));
run({ files: files.map((name) => join(folder, name)), concurrency: 1, timeout: 300_000 * PATIENCE })
  .on("test:fail", () => (process.exitCode = 1))
  .compose(new spec())
  .pipe(process.stdout);
