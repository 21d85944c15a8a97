// A stream's own page: what a validation tells, and when.

import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "./support/stage.mjs";

const on = stage({ MONITOR_MODE: "off" });

test("a validation shows its stages while it runs, and then what it found", async () => {
  const { server, origin, browser } = on;
  await server.add("news", origin.channel("news").url, { name: "News" });
  const page = await browser.open(`${server.base}/ui/streams/news`);
  await page.getByRole("heading", { level: 1, name: "News" }).waitFor();
  // It is over before anybody could look: the page notes what it has shown.
  await page.evaluate(() => {
    window.shown = [];
    new MutationObserver(() => {
      for (const one of document.querySelectorAll(".validation-running")) window.shown.push(one.textContent);
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  await page.getByRole("button", { name: "Validate", exact: true }).click();
  const source = page.getByRole("region", { name: "Source 1" });
  await page.getByText("passed", { exact: true }).first().waitFor();
  assert.equal(await source.locator(".validation-passed").count(), 7);
  await source.getByText(/h264/).first().waitFor();
  assert.ok((await page.evaluate(() => window.shown)).length > 0, "no stage was seen to run");
  assert.deepEqual(page.wrong, []);
  await page.context().close();
});

test("a validation that fails says at which stage, and what can be done", async () => {
  const { server, origin, browser } = on;
  const gone = origin.channel("gone");
  gone.status = 403;
  await server.add("gone", gone.url, { name: "Gone" });
  const page = await browser.open(`${server.base}/ui/streams/gone`);
  await page.getByRole("button", { name: "Validate", exact: true }).click();
  const source = page.getByRole("region", { name: "Source 1" });
  await source.locator(".validation-failed").waitFor();
  assert.match((await source.locator(".validation-failure").textContent()) ?? "", /403/);
  await page.context().close();
});
