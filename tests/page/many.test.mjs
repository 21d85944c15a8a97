// A thousand streams: what is not seen costs nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const on = stage({ MONITOR_MODE: "off" });

test("a thousand streams are shown, searched and scrolled through", async () => {
  const { server, browser } = on;
  await server.addMany(1_000);
  const began = Date.now();
  const page = await browser.open(`${server.base}/`);
  await page.locator("[data-id]").first().waitFor();
  console.log(`the first tiles are there after ${Date.now() - began} ms`);
  const tiles = () => page.locator("[data-id]").count();
  assert.ok((await tiles()) < 150, `${await tiles()} tiles are in the document`);

  await page.getByRole("combobox", { name: "Order" }).selectOption("name");
  await page.locator(".wall-box").evaluate((box) => box.scrollTo(0, box.scrollHeight));
  await page.getByText("Channel 0999").waitFor();
  assert.ok((await tiles()) < 150, `${await tiles()} tiles are in the document`);

  await page.getByRole("searchbox").fill("0427");
  await until("one to be left", async () => (await tiles()) === 1);
  await page.getByText("Channel 0427").waitFor();

  // One that changes is heard of, and so is one that is new.
  const { items } = await server.api("GET", "streams?text=0427");
  await server.api("PATCH", `streams/${items[0].id}`, { name: "Renamed 0427" });
  await page.getByText("Renamed 0427").waitFor();

  await page.goto(`${server.base}/ui/streams`);
  await page.getByText("1,000 streams").or(page.getByText("1000 streams")).first().waitFor();
  assert.deepEqual(page.wrong, []);
  await page.context().close();
});
