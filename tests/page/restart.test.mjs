// The server goes away and comes back: the page says so, and goes on by itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import { moving } from "./support/picture.mjs";
import { stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const on = stage({ MONITOR_MODE: "off" });

test("who looks on is told that what they see is old, and sees what is new when the server is back", async () => {
  const { server, browser } = on;
  await server.add("news", "test://ball", { name: "News" });
  const page = await browser.open(`${server.base}/`);
  const link = page.getByRole("status").filter({ hasText: /live|connecting|reconnecting|polling|stale/ }).first();
  const says = (words) => until(`the page to say ${words}`, async () => words.test((await link.textContent()) ?? ""), 60_000);
  await says(/^live$/);
  await server.end("SIGKILL");
  await says(/stale since \d/);
  await page.locator('[data-id="news"]').waitFor();
  await server.start();
  await server.add("sport", "test://bars", { name: "Sport" });
  await says(/^live$/);
  await page.locator('[data-id="sport"]').waitFor();
  assert.deepEqual(page.wrong, []);
  await page.context().close();
});

test("a picture that was cut off goes on", async () => {
  const { server, origin, browser } = on;
  await server.add("film", origin.channel("film").url, { name: "Film" });
  const page = await browser.open(`${server.base}/ui/watch/film?quality=source`);
  await moving(page);
  await server.end();
  await server.start();
  await moving(page, "video", 60_000);
  await page.context().close();
});
