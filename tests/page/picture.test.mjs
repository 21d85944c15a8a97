// The player: the picture really moves, and where there is none it says why.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE } from "./support/places.mjs";
import { look, moving } from "./support/picture.mjs";
import { stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const on = stage();

test("the picture moves, untouched and converted, and is there at once the second time", async () => {
  const { server, origin, browser } = on;
  await server.add("news", origin.channel("news").url);
  const page = await browser.open(`${server.base}/ui/watch/news?quality=source`);
  const source = await moving(page);
  assert.equal(source.width, 1280);
  assert.ok(source.luma > 8 && source.luma < 247, `luma ${source.luma}`);

  const low = await browser.open(`${server.base}/ui/watch/news?quality=low`);
  assert.equal((await moving(low)).width, 720);
  await low.context().close();

  // Somebody watches it: who comes now has a picture in a moment.
  const second = await browser.open(`${server.base}/ui/streams/news`);
  await second.getByRole("heading", { name: "news" }).waitFor();
  const began = Date.now();
  await second.goto(`${server.base}/ui/watch/news?quality=source`);
  await until("a picture", () => look(second));
  const took = Date.now() - began;
  assert.ok(took < 3_000 * PATIENCE, `${took} ms`);
  assert.deepEqual([...page.wrong, ...low.wrong, ...second.wrong], []);
  await page.context().close();
  await second.context().close();
});

test("why there is no picture is told in words", async () => {
  const { server, origin, browser } = on;
  const gone = origin.channel("gone");
  gone.status = 404;
  await server.add("gone", gone.url);
  const page = await browser.open(`${server.base}/ui/watch/gone`);
  const why = page.getByRole("alert");
  await why.getByText(/404|not found|does not have/i).first().waitFor();
  await why.getByRole("button", { name: /retry/i }).waitFor();
  // What comes back is shown without anybody reloading anything.
  gone.status = null;
  await why.getByRole("button", { name: /retry/i }).click();
  await moving(page);
  assert.deepEqual(page.wrong, []);
  await page.context().close();
});

test("what is not there is not asked for again and again", async () => {
  const { server, browser } = on;
  const page = await browser.open(`${server.base}/ui/watch/nobody`);
  const why = page.getByRole("alert");
  await why.getByRole("button", { name: "Retry", exact: true }).waitFor();
  await page.context().close();
});

test("channels are changed by keys", async () => {
  const { server, origin, browser } = on;
  await server.add("a-first", origin.channel("a-first").url);
  const page = await browser.open(`${server.base}/ui/watch/a-first?quality=source`);
  await moving(page);
  await page.keyboard.press("ArrowDown");
  await page.waitForURL((url) => !url.pathname.endsWith("/a-first"));
  await page.keyboard.press("ArrowUp");
  await page.waitForURL(/\/ui\/watch\/a-first/);
  await moving(page);
  await page.context().close();
});
