// Where things are.

import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
export const MEDIA = join(REPOSITORY, ".media");
/** The program with the page in it. */
export const PROGRAM = process.env.SIGHTGLASS ?? join(process.env.CARGO_TARGET_DIR ?? join(REPOSITORY, "target"), "debug", "sightglass");
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** How much longer than usual everything may take: for busy machines. */
export const PATIENCE = Number(process.env.TEST_PATIENCE ?? 1);
