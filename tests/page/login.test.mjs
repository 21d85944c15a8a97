// Who is let in, and what each may do.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startBrowser } from "./support/browser.mjs";
import { startOrigin } from "./support/origin.mjs";
import { moving } from "./support/picture.mjs";
import { startServer } from "./support/server.mjs";
import { until } from "./support/until.mjs";

/** Sooner than a session ends by itself. */
const LEFT = 3_000;
const PASSWORD = "correct horse battery";
const admin = { authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString("base64")}` };
let folder, server, browser, origin;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sightglass-login-"));
  const file = join(folder, "password");
  await writeFile(file, PASSWORD);
  origin = await startOrigin();
  server = await startServer({ AUTH: "required", AUTH_ADMIN_PASSWORD_FILE: file, MONITOR_MODE: "off" });
  browser = await startBrowser();
  await server.api("POST", "streams", { id: "news", name: "News", sources: [{ url: origin.channel("news").url }] }, admin);
  await server.api("POST", "users", { name: "vera", role: "viewer", password: "viewer viewer viewer" }, admin);
});
after(async () => {
  await browser?.stop();
  await server?.stop();
  await origin?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function logIn(page, name, password) {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
}

test("who is nobody is asked to log in, and goes on to where they wanted to be", async () => {
  const page = await browser.open(`${server.base}/ui/streams/news`);
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await logIn(page, "admin", "wrong wrong wrong");
  await page.getByRole("alert").waitFor();
  await logIn(page, "admin", PASSWORD);
  await page.waitForURL(/\/ui\/streams\/news$/);
  await page.getByRole("heading", { name: "News" }).waitFor();
  // The cookie is enough for media, too.
  await page.goto(`${server.base}/ui/watch/news?quality=source`);
  await moving(page);

  await page.getByLabel(/^Account/).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  assert.deepEqual(page.wrong, []);
  await page.context().close();
});

test("who may only watch is offered nothing else", async () => {
  const page = await browser.open(`${server.base}/`);
  await logIn(page, "vera", "viewer viewer viewer");
  await page.locator('[data-id="news"]').waitFor();
  await page.goto(`${server.base}/ui/streams`);
  await page.getByText("News").first().waitFor();
  assert.equal(await page.getByRole("link", { name: "Add a stream" }).count(), 0);
  await page.goto(`${server.base}/ui/streams/news/edit`);
  await page.getByText(/operators/).first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Save" }).count(), 0);
  await page.goto(`${server.base}/ui/watch/news?quality=source`);
  await moving(page);
  // The address for other players lets them in by itself.
  await page.getByRole("button", { name: /another player/ }).click();
  const address = await page.getByLabel("MPEG-TS", { exact: true }).inputValue();
  const lent = await fetch(address);
  assert.equal(lent.status, 200);
  await lent.body.cancel();
  await page.keyboard.press("Escape");
  // Who goes leaves no session behind, be it to another page or for good.
  const sessions = async () => (await (await fetch(`${server.base}/api/streams/transcoding/status`, { headers: admin })).json()).sessions.length;
  await until("one session", async () => (await sessions()) === 1);
  await page.goto(`${server.base}/ui/streams`);
  await until("no session", async () => (await sessions()) === 0, LEFT);
  await page.goto(`${server.base}/ui/watch/news?quality=source`);
  await moving(page);
  await page.keyboard.press("Escape");
  await until("no session", async () => (await sessions()) === 0, LEFT);
  assert.ok(!(await page.content()).includes(origin.channel("unused").url.split("/")[2]), "where it comes from is not shown");
  assert.deepEqual(page.wrong, []);
  await page.context().close();
});
