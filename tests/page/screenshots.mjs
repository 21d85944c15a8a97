// Takes the pictures in docs/pictures: the real page, with real footage.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DESKTOP, PHONE, startBrowser } from "./support/browser.mjs";
import { startOrigin } from "./support/origin.mjs";
import { moving } from "./support/picture.mjs";
import { REPOSITORY } from "./support/places.mjs";
import { startServer } from "./support/server.mjs";
import { until } from "./support/until.mjs";

const FOLDER = join(REPOSITORY, "docs", "pictures");
/** Name, group, and what is the matter with it. */
const CHANNELS = [
  ["Kanal Eins", "Deutschland", null],
  ["Kanal Zwei", "Deutschland", null],
  ["Regional Nord", "Deutschland", "black"],
  ["Regional Süd", "Deutschland", null],
  ["Channel One", "International", null],
  ["World News", "International", null],
  ["Sports Arena", "International", "frozen"],
  ["Music Box", "International", "silent"],
  ["Kino", "Film", "down"],
  ["Kino Classic", "Film", null],
  ["Docu", "Film", null],
  ["Kids", "Film", null],
];

const origin = await startOrigin();
const server = await startServer();
const browser = await startBrowser();
try {
  await mkdir(FOLDER, { recursive: true });
  const faulty = [];
  for (const [at, [name, group, fault]] of CHANNELS.entries()) {
    const id = name.toLowerCase().normalize("NFD").replace(/[^a-z ]/g, "").replaceAll(" ", "-");
    const channel = origin.channel(id, at * 5);
    await server.add(id, channel.url, { name, group });
    if (fault) faulty.push([id, channel, fault]);
  }
  const state = async (id) => (await server.api("GET", `streams/${id}`)).health;
  await until("all to be well", async () => (await server.api("GET", "streams")).items.every((one) => one.health?.state === "up"), 120_000);
  for (const [, channel, fault] of faulty) {
    if (fault === "down") channel.status = 404;
    else channel.show(fault);
  }
  for (const [id, , fault] of faulty) {
    await until(`${id} to be ${fault}`, async () => (await state(id))?.conditions.some((one) => one.kind === fault), 120_000);
  }

  // Sparklines and the timeline need minutes.
  await until("some minutes of history", async () => {
    const { streams } = await server.api("GET", "reports/bitrates");
    return (streams["world-news"] ?? []).filter((rate) => rate !== null).length >= 3;
  }, 300_000);

  const shoot = async (name, path, { ready, ...options } = {}) => {
    const page = await browser.open(server.base + path, { viewport: DESKTOP, colorScheme: "dark", ...options });
    await page.getByRole("heading", { level: 1 }).first().waitFor({ state: "attached" });
    await ready?.(page);
    await page.waitForTimeout(1_500);
    await page.screenshot({ path: join(FOLDER, `${name}.png`) });
    await page.context().close();
    console.log(`docs/pictures/${name}.png`);
  };
  await shoot("wall", "/");
  await shoot("wall-light", "/", { colorScheme: "light" });
  await shoot("wall-phone", "/", { viewport: PHONE, isMobile: true });
  await shoot("player", "/ui/watch/world-news?quality=source", { ready: (page) => moving(page) });
  await shoot("down", "/ui/watch/kino", { ready: (page) => page.getByRole("alert").waitFor() });
  await shoot("multiview", "/ui/multiview?ids=kanal-eins,world-news,docu,kids", { ready: (page) => moving(page, "video", 60_000) });
  await shoot("stream", "/ui/streams/regional-nord?range=1h");
  await shoot("streams", "/ui/streams");
  await shoot("edit", "/ui/streams/kanal-eins/edit", { colorScheme: "light" });
  await shoot("alerts", "/ui/alerts");
  await shoot("system", "/ui/system");
} finally {
  await browser.stop();
  await server.stop();
  await origin.stop();
}
