// The wall: what happens to a stream shows on its tile.

import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const on = stage();

/** The mean luma of the picture on a tile; null while there is none. */
function shade(page, id) {
  return page.locator(`[data-id="${id}"] img`).evaluateAll(([img]) => {
    if (!img?.complete || img.naturalWidth === 0) return null;
    const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
    const context = canvas.getContext("2d");
    context.drawImage(img, 0, 0, 32, 18);
    const pixels = context.getImageData(0, 0, 32, 18).data;
    let sum = 0;
    for (let at = 0; at < pixels.length; at += 4) sum += (pixels[at] + pixels[at + 1] + pixels[at + 2]) / 3;
    return sum / (32 * 18);
  });
}

test("a stream that goes black, and one that goes down, show it at once, and so they do when they are well again", async () => {
  const { server, origin, browser } = on;
  const [night, gone, well] = ["night", "gone", "well"].map((name) => origin.channel(name));
  await server.add("night", night.url, { name: "Night" });
  await server.add("gone", gone.url, { name: "Gone" });
  await server.add("well", well.url, { name: "Well" });
  const page = await browser.open(`${server.base}/`);
  const badge = (id, word) => page.locator(`[data-id="${id}"] .badge`).filter({ hasText: new RegExp(`^${word}$`) });
  for (const id of ["night", "gone", "well"]) {
    await badge(id, "up").waitFor();
    await until(`a picture of ${id}`, async () => ((await shade(page, id)) ?? 0) > 8);
  }

  night.show("black");
  gone.status = 503;
  await badge("night", "black").waitFor({ timeout: 60_000 });
  await badge("gone", "down").waitFor({ timeout: 60_000 });
  await until("the picture on the tile to be black", async () => ((await shade(page, "night")) ?? 255) < 24);
  await badge("well", "up").waitFor();
  // What is in trouble stands first.
  await page.getByRole("combobox", { name: "Order" }).selectOption({ index: 0 });
  await until("the one that is well to be last", async () => {
    const ids = await page.locator("[data-id]").evaluateAll((tiles) => tiles.map((tile) => tile.dataset.id));
    return ids.join() === "gone,night,well" || ids.join() === "night,gone,well";
  });

  // It was kept for those who come later.
  const kept = await until("a picture of it to be kept", async () => {
    const { items } = await server.api("GET", "streams/night/pictures");
    return items.find((one) => one.condition === "black" && one.raised);
  });
  assert.match(kept.url, /\/pictures\/\d+\.jpg$/);

  night.show("normal");
  gone.status = null;
  for (const id of ["night", "gone"]) await badge(id, "up").waitFor({ timeout: 60_000 });
  await until("a picture again", async () => ((await shade(page, "night")) ?? 0) > 8, 60_000);
  assert.deepEqual(page.wrong, []);
  await page.context().close();
});

test("what is searched for is what is shown, also by those who are sent the address", async () => {
  const { server, browser } = on;
  await server.add("sport", "test://ball", { name: "Sport", group: "Others" });
  const page = await browser.open(`${server.base}/`);
  await page.locator('[data-id="sport"]').waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("spor");
  await until("the others to go", async () => (await page.locator("[data-id]").count()) === 1);
  await page.waitForURL(/q=spor/);
  const other = await browser.open(page.url());
  await until("the same", async () => (await other.locator("[data-id]").count()) === 1);
  await page.context().close();
  await other.context().close();
});
