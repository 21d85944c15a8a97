// What most tests need: a server, an origin with real footage, a browser; all of it gone at the end.

import { after, before } from "node:test";
import { startBrowser } from "./browser.mjs";
import { startOrigin } from "./origin.mjs";
import { startServer } from "./server.mjs";

/** Sets the stage for the tests of a file; what is on it is there when the first of them runs. */
export function stage(env = {}) {
  const on = {};
  before(async () => {
    on.origin = await startOrigin();
    on.server = await startServer(env);
    on.browser = await startBrowser();
  });
  after(async () => {
    await on.browser?.stop();
    await on.server?.stop();
    await on.origin?.stop();
  });
  return on;
}
