// The browser, and what pages of ours may not do in it.

import { chromium } from "playwright-core";
import { CHROMIUM, PATIENCE } from "./places.mjs";

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** What the console may say: the network was away, which the test did. */
const FORGIVEN = /net::ERR_|Failed to load resource|the server responded with a status of/;

export async function startBrowser() {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS, timeout: 60_000 * PATIENCE });
  return {
    /** A page of a fresh profile; `wrong` gathers what must not happen: exceptions, errors, what the policy refused, other hosts. */
    async open(url, options = {}) {
      const context = await browser.newContext({ viewport: DESKTOP, reducedMotion: "reduce", ...options });
      context.setDefaultTimeout(20_000 * PATIENCE);
      const page = await context.newPage();
      const wrong = [];
      page.on("pageerror", (error) => wrong.push(`exception: ${error.message}`));
      page.on("console", (message) => {
        if (message.type() === "error" && !FORGIVEN.test(message.text())) wrong.push(`console: ${message.text()}`);
      });
      page.on("request", (request) => {
        const to = new URL(request.url());
        if (/^https?:$/.test(to.protocol) && to.host !== new URL(url).host) wrong.push(`another host: ${request.url()}`);
      });
      await page.addInitScript(() => {
        addEventListener("securitypolicyviolation", (event) => console.error(`refused by the policy: ${event.violatedDirective} ${event.blockedURI}`));
      });
      await page.goto(url);
      return Object.assign(page, { wrong });
    },
    stop: () => browser.close(),
  };
}
