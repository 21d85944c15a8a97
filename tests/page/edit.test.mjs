// Adding, changing, deleting and bringing back, and importing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

/** The field for the name of a stream; accounts of sources have names, too. */
const nameOf = (page) => page.getByRole("group", { name: "What it is" }).getByLabel("Name", { exact: true });

const on = stage({ MONITOR_MODE: "off" });

test("a stream is added, changed, deleted and brought back", async () => {
  const { server, browser } = on;
  const page = await browser.open(`${server.base}/ui/streams`);
  await page.getByRole("link", { name: "Add a stream" }).click();
  await page.waitForURL(/\/ui\/new$/);

  // What is wrong is told beside the field that it is about.
  await nameOf(page).fill("Evening news");
  const address = page.getByLabel(/^Address/);
  await address.fill("nonsense");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("alert").first().waitFor();
  await until("the field to be marked", async () => (await address.getAttribute("aria-invalid")) === "true");
  assert.ok(await address.getAttribute("aria-describedby"), "and described");

  await address.fill("test://ball");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.waitForURL(/\/ui\/streams\/evening-news$/);
  await page.getByRole("heading", { name: "Evening news" }).waitFor();
  assert.equal((await server.api("GET", "streams/evening-news")).name, "Evening news");

  await page.goto(`${server.base}/ui/streams/evening-news/edit`);
  await nameOf(page).fill("Late news");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Late news" }).waitFor();

  await page.getByRole("button", { name: /^Delete/ }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await until("it to be gone", async () => (await server.api("GET", "streams")).total === 0);
  await page.getByRole("button", { name: "Undo" }).click();
  await until("it to be back", async () => (await server.api("GET", "streams")).total === 1);
  assert.equal((await server.api("GET", "streams/evening-news")).name, "Late news");
  assert.deepEqual(page.wrong, []);
  await page.context().close();
});

test("who leaves with changes is asked first", async () => {
  const { server, origin, browser } = on;
  await server.add("kept", origin.channel("kept").url, { name: "Kept" });
  const page = await browser.open(`${server.base}/ui/streams/kept`);
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await nameOf(page).fill("Changed");
  const pages = page.getByRole("navigation", { name: "Pages" });
  const question = page.getByRole("dialog", { name: "Leave without saving?" });
  await pages.getByRole("link", { name: "Wall" }).click();
  await question.getByRole("button", { name: "Cancel" }).click();
  assert.equal(await nameOf(page).inputValue(), "Changed");
  await page.goBack();
  await question.getByRole("button", { name: "Leave" }).click();
  await page.waitForURL(/\/ui\/streams\/kept$/);
  await page.getByRole("heading", { level: 1, name: "Kept" }).waitFor();
  // Nobody is asked any more.
  await pages.getByRole("link", { name: "Wall" }).click();
  await page.locator('[data-id="kept"]').waitFor();
  assert.deepEqual(page.wrong, []);
  await page.context().close();
});

test("who changes what somebody else has changed is told so", async () => {
  const { server, browser } = on;
  await server.add("shared", "test://bars", { name: "Shared" });
  const page = await browser.open(`${server.base}/ui/streams/shared/edit`);
  const name = nameOf(page);
  await name.fill("Mine");
  await server.api("PATCH", "streams/shared", { name: "Theirs" });
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText(/somebody else/i).waitFor();
  assert.equal((await server.api("GET", "streams/shared")).name, "Theirs");
  await page.context().close();
});

test("a password goes in, and never comes out", async () => {
  const { server, browser } = on;
  const credentials = { type: "basic", username: "me", password: "s3cr3t-word" };
  await server.api("POST", "streams", { id: "locked", name: "Locked", sources: [{ url: "http://127.0.0.1:9/x.ts", credentials }] });
  const page = await browser.open(`${server.base}/ui/streams/locked/edit`);
  const name = nameOf(page);
  await name.fill("Locked and renamed");
  assert.ok(!(await page.content()).includes("s3cr3t-word"));
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Locked and renamed" }).waitFor();
  // It has stayed as it was.
  const list = await (await fetch(`${server.base}/playlist.m3u?sources=true&secrets=true`)).text();
  assert.ok(list.includes("s3cr3t-word"), list);
  await page.context().close();
});

test("a playlist is tried first, and then imported", async () => {
  const { server, browser } = on;
  const before = (await server.api("GET", "streams")).total;
  const page = await browser.open(`${server.base}/ui/import`);
  const list = ["#EXTM3U", '#EXTINF:-1 tvg-id="one" group-title="Imported",One', "http://127.0.0.1:9/one.ts", '#EXTINF:-1 tvg-id="two",Two', "http://127.0.0.1:9/two.ts", "#EXTINF:-1,Broken", "nonsense://x"];
  await page.getByRole("textbox", { name: "M3U playlist" }).fill(list.join("\n"));
  await page.getByRole("button", { name: "Show what would change" }).click();
  const table = page.getByRole("region", { name: "What would happen" }).getByRole("table");
  await table.getByRole("cell", { name: "One", exact: true }).waitFor();
  assert.equal(await table.getByText("added", { exact: true }).count(), 2);
  assert.equal(await table.getByText("skipped", { exact: true }).count(), 1);
  assert.equal((await server.api("GET", "streams")).total, before, "nothing is done yet");
  await page.getByRole("button", { name: /^Import 2/ }).click();
  await page.getByRole("region", { name: "What was done" }).getByRole("table").waitFor();
  assert.equal((await server.api("GET", "streams")).total, before + 2);
  assert.deepEqual(page.wrong, []);
  await page.context().close();
});
