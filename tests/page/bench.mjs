// The wall with 1,000 streams, 20 of which change in each second, for BENCH_MINUTES (10): does it stay smooth, and does it
// take more and more memory? Scrolled through all the time, as nobody does.

import { startBrowser } from "./support/browser.mjs";
import { startServer } from "./support/server.mjs";

const MINUTES = Number(process.env.BENCH_MINUTES ?? 10);
const STREAMS = 1_000;
const CHANGES = 20;

/** Counts frames, and how long each was on the screen. */
function meter() {
  const frames = [];
  let last = performance.now();
  const tick = (now) => {
    frames.push(now - last);
    last = now;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  window.takeFrames = () => frames.splice(0);
  // Down and up again, a screen in a second.
  let down = 1;
  setInterval(() => {
    const box = document.querySelector(".wall-box") ?? document.scrollingElement;
    const before = box.scrollTop;
    box.scrollBy(0, (down * box.clientHeight) / 20);
    if (box.scrollTop === before) down = -down;
  }, 50);
}

const server = await startServer({ MONITOR_MODE: "off" });
const browser = await startBrowser();
try {
  await server.addMany(STREAMS);
  const ids = [];
  for (let offset = 0; offset < STREAMS; offset += 1_000) {
    ids.push(...(await server.api("GET", `streams?limit=1000&offset=${offset}`)).items.map((one) => one.id));
  }
  const page = await browser.open(`${server.base}/`);
  await page.locator("[data-id]").first().waitFor();
  const debug = await page.context().newCDPSession(page);
  await debug.send("Performance.enable");
  await page.evaluate(meter);

  let changed = 0;
  let running = true;
  const changing = (async () => {
    const began = Date.now();
    while (running) {
      const due = Math.floor(((Date.now() - began) / 1_000) * CHANGES);
      const some = Array.from({ length: Math.min(due - changed, CHANGES) }, (_, n) => ids[((changed + n) * 7919) % ids.length]);
      await Promise.all(some.map((id) => server.api("PATCH", `streams/${id}`, { name: `Changed ${changed} ${id}` })));
      changed += some.length;
      await new Promise((later) => setTimeout(later, 50));
    }
  })();

  console.log(`${STREAMS} streams, ${CHANGES} changes a second, ${MINUTES} min, scrolled through all the time\n`);
  console.log("minute  frames/s  99 % of frames within  over 50 ms  heap after collection  documents' nodes  CPU of the page");
  let busy = 0;
  for (let minute = 0; minute <= MINUTES; minute += 1) {
    const frames = await page.evaluate(() => window.takeFrames());
    await debug.send("HeapProfiler.collectGarbage");
    const { metrics } = await debug.send("Performance.getMetrics");
    const metric = (name) => metrics.find((one) => one.name === name)?.value ?? Number.NaN;
    const spent = metric("TaskDuration");
    if (minute > 0) {
      const total = frames.reduce((sum, one) => sum + one, 0);
      const sorted = [...frames].sort((one, other) => one - other);
      const cells = [
        String(minute).padStart(6),
        (frames.length / (total / 1_000)).toFixed(1).padStart(9),
        `${sorted[Math.floor(sorted.length * 0.99)].toFixed(1)} ms`.padStart(22),
        String(frames.filter((one) => one > 50).length).padStart(11),
        `${(metric("JSHeapUsedSize") / 1e6).toFixed(1)} MB`.padStart(22),
        String(metric("Nodes")).padStart(17),
        `${(((spent - busy) / 60) * 100).toFixed(0)} %`.padStart(16),
      ];
      console.log(cells.join(" "));
    }
    busy = spent;
    if (minute < MINUTES) await page.waitForTimeout(60_000);
  }
  running = false;
  await changing;
  console.log(`\n${changed} changes; on the page: ${page.wrong.length === 0 ? "nothing wrong" : page.wrong.join("; ")}`);
} finally {
  await browser.stop();
  await server.stop();
}
