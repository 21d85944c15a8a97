// Where one is: deep links, the back button, below a path, and on a phone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PHONE } from "./support/browser.mjs";
import { moving } from "./support/picture.mjs";
import { stage } from "./support/stage.mjs";

const BASE = "/sub/tv";
const on = stage({ BASE_PATH: BASE, MONITOR_MODE: "off" });

/** Each page, and what is to be seen on it. */
const PAGES = [
  ["/", /Wall/],
  ["/ui/multiview", /Multiview/],
  ["/ui/streams", /Streams/],
  ["/ui/streams/news", /News/],
  ["/ui/streams/news/edit", /Edit News/],
  ["/ui/new", /Add a stream/],
  ["/ui/import", /Import/],
  ["/ui/alerts", /Alerts/],
  ["/ui/system", /System/],
  ["/ui/settings", /Settings/],
];

test("each page can be linked to, below a path, and the back button leads back", async () => {
  const { server, origin, browser } = on;
  await server.add("news", origin.channel("news").url, { name: "News" });
  const root = `${server.base}${BASE}`;
  const outside = [];
  const page = await browser.open(`${root}/`);
  page.on("request", (request) => {
    if (!request.url().startsWith(`${root}/`) && !request.url().startsWith("blob:")) outside.push(request.url());
  });
  for (const [path, heading] of PAGES) {
    await page.goto(root + path);
    await page.getByRole("heading", { level: 1, name: heading }).waitFor({ state: "attached" });
  }

  // By links, as people go.
  await page.goto(`${root}/`);
  await page.locator('[data-id="news"]').click();
  await page.waitForURL(`${root}/ui/watch/news*`);
  await moving(page);
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Streams" }).click();
  await page.waitForURL(`${root}/ui/streams`);
  await page.goBack();
  await page.waitForURL(`${root}/ui/watch/news*`);
  await moving(page);
  await page.goBack();
  await page.waitForURL(`${root}/`);
  await page.locator('[data-id="news"]').waitFor();
  await page.goForward();
  await page.waitForURL(`${root}/ui/watch/news*`);
  await page.goto(`${root}/ui/nowhere`);
  await page.getByText("There is no such page").waitFor();
  assert.deepEqual(outside, []);
  assert.deepEqual(page.wrong, []);
  await page.context().close();
});

test("nothing is wider than a phone", async () => {
  const { server, browser } = on;
  const page = await browser.open(`${server.base}${BASE}/`, { viewport: PHONE, hasTouch: true, isMobile: true });
  const wide = [];
  for (const [path, heading] of [...PAGES, ["/ui/watch/news", /News/]]) {
    await page.goto(server.base + BASE + path);
    await page.getByRole("heading", { level: 1, name: heading }).waitFor({ state: "attached" });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    if (width > PHONE.width) wide.push(`${path}: ${width} px`);
  }
  assert.deepEqual(wide, []);
  await page.context().close();
});
