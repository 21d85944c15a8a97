// For everybody: axe finds nothing on any page, light or dark.

import assert from "node:assert/strict";
import { test } from "node:test";
import { faults } from "./support/axe.mjs";
import { stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const on = stage();

const PAGES = ["/", "/ui/watch/news", "/ui/watch/gone", "/ui/multiview?ids=news", "/ui/streams", "/ui/streams/news", "/ui/streams/gone", "/ui/streams/news/edit", "/ui/new", "/ui/import", "/ui/alerts", "/ui/alerts/rules", "/ui/alerts/receivers", "/ui/alerts/maintenance", "/ui/system", "/ui/settings", "/ui/login"];

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing, ${colorScheme}`, async () => {
    const { server, origin, browser } = on;
    if (colorScheme === "light") {
      const gone = origin.channel("gone");
      gone.status = 404;
      await server.add("news", origin.channel("news").url, { name: "News", group: "Germany", tags: ["hd"] });
      await server.add("gone", gone.url, { name: "Gone" });
      await until("one to be well and one to be down", async () => {
        const { items } = await server.api("GET", "streams");
        const states = items.map((one) => one.health?.state).sort().join();
        return states === "down,up";
      }, 60_000);
    }
    const page = await browser.open(`${server.base}/`, { colorScheme });
    const found = [];
    for (const path of PAGES) {
      await page.goto(server.base + path);
      await page.getByRole("heading", { level: 1 }).first().waitFor({ state: "attached" });
      // What comes after the first answers.
      await page.waitForTimeout(1_000);
      found.push(...(await faults(page)).map((fault) => `${path}: ${fault}`));
    }
    assert.deepEqual(found, []);
    assert.deepEqual(page.wrong, []);
    await page.context().close();
  });
}
