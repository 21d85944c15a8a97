// What a video element really shows.

import { until } from "./until.mjs";

/** Decoded pictures so far, and the newest one, small and grey; null while there is none. */
export function look(page, selector = "video") {
  return page.locator(selector).first().evaluate((video) => {
    if (video.readyState < 2 || video.videoWidth === 0) return null;
    const [width, height] = [32, 18];
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, width, height);
    const pixels = context.getImageData(0, 0, width, height).data;
    const grey = [];
    for (let at = 0; at < pixels.length; at += 4) grey.push(Math.round(0.2126 * pixels[at] + 0.7152 * pixels[at + 1] + 0.0722 * pixels[at + 2]));
    return {
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      time: video.currentTime,
      width: video.videoWidth,
      height: video.videoHeight,
      grey,
      luma: grey.reduce((sum, one) => sum + one, 0) / grey.length,
    };
  });
}

/** How different two pictures are, 0 to 255. */
export function distance(one, other) {
  return one.grey.reduce((sum, value, at) => sum + Math.abs(value - other.grey[at]), 0) / one.grey.length;
}

/** Waits for a picture that moves: pictures are decoded, and they are not all the same. Gives the last one. */
export async function moving(page, selector = "video", limit = 30_000) {
  let first = null;
  return until(
    "a picture that moves",
    async () => {
      const now = await look(page, selector);
      if (now === null) return null;
      // A player that begins anew counts anew.
      if (first === null || now.frames < first.frames || now.time < first.time) first = now;
      const goes = now.frames > first.frames + 20 && now.time > first.time + 0.5;
      return goes && distance(first, now) > 1 ? now : null;
    },
    limit,
  );
}
