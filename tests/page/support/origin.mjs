// An HLS origin: real footage, live, over and over; and what goes wrong with it, as it is told to.

import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { MEDIA } from "./places.mjs";

/** Seconds of a piece of `.media/farm`, and how many of them a playlist lists. */
const PIECE = 2;
const WINDOW = 6;
const TAKES = ["normal", "black", "frozen", "silent"];

/** The footage as it is, and as it would be if something before the encoder failed: pieces that fit each other. */
async function readTakes() {
  const takes = {};
  for (const take of TAKES) {
    const folder = join(MEDIA, "farm", take);
    const names = (await readdir(folder)).filter((name) => name.endsWith(".ts")).sort();
    takes[take] = await Promise.all(names.map((name) => readFile(join(folder, name))));
  }
  return takes;
}

/** A stream of the origin. What it shows may be changed at any time. */
class Channel {
  /** What is sent from now on: [piece from which on, take]. */
  #takes = [[0, "normal"]];
  /** All requests are answered with this status. */
  status = null;
  #began = Date.now();
  /** The piece of the footage that it begins with, so that not all channels show the same. */
  offset;

  constructor(offset) {
    this.offset = offset;
  }

  /** The newest piece that is there. A stream that begins has a window behind it already. */
  #newest() {
    return WINDOW + Math.floor((Date.now() - this.#began) / 1000 / PIECE);
  }

  show(take) {
    this.#takes.push([this.#newest() + 1, take]);
  }

  takeOf(piece) {
    return this.#takes.findLast(([from]) => from <= piece)[1];
  }

  playlist(loop) {
    const newest = this.#newest();
    const first = newest - WINDOW + 1;
    // Where the footage begins anew its clock jumps, which is told; so it is where another take begins.
    const breaks = (piece) => (piece + this.offset) % loop === 0 || this.takeOf(piece) !== this.takeOf(piece - 1);
    let before = 0;
    for (let piece = 1; piece < first; piece += 1) before += breaks(piece) ? 1 : 0;
    const lines = ["#EXTM3U", "#EXT-X-VERSION:3", `#EXT-X-TARGETDURATION:${PIECE}`, `#EXT-X-MEDIA-SEQUENCE:${first}`, `#EXT-X-DISCONTINUITY-SEQUENCE:${before}`];
    for (let piece = first; piece <= newest; piece += 1) {
      if (breaks(piece)) lines.push("#EXT-X-DISCONTINUITY");
      lines.push(`#EXTINF:${PIECE}.000,`, `${piece}.ts`);
    }
    return `${lines.join("\n")}\n`;
  }
}

/** Starts an origin at a port of its own. */
export async function startOrigin() {
  const takes = await readTakes();
  const loop = takes.normal.length;
  const channels = new Map();
  const server = createServer((request, response) => {
    const [, name, file] = new URL(request.url, "http://origin").pathname.split("/");
    const channel = channels.get(name);
    if (!channel || channel.status !== null) {
      response.writeHead(channel?.status ?? 404).end();
    } else if (file === "index.m3u8") {
      response.writeHead(200, { "content-type": "application/vnd.apple.mpegurl" }).end(channel.playlist(loop));
    } else {
      const piece = Number.parseInt(file, 10);
      response.writeHead(200, { "content-type": "video/mp2t" }).end(takes[channel.takeOf(piece)][(piece + channel.offset) % loop]);
    }
  });
  await new Promise((listens) => server.listen(0, "127.0.0.1", listens));
  const base = `http://127.0.0.1:${server.address().port}`;
  return {
    channel(name, offset = 0) {
      const channel = new Channel(offset);
      channels.set(name, channel);
      return Object.assign(channel, { url: `${base}/${name}/index.m3u8` });
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((ends) => server.close(ends));
    },
  };
}
