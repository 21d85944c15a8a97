// What the stats overlay shows, read from the browser once a second.

import type Hls from "hls.js/light";

export interface Figures {
  size: string | null;
  frameRate: number | null;
  codecs: string | null;
  /** Bits a second of the media as it was received. */
  bitrate: number | null;
  /** Bits a second that the way here would carry. */
  bandwidth: number | null;
  dropped: number;
  frames: number;
  /** Seconds behind the live edge, and what lies in the buffer. */
  latency: number | null;
  buffer: number;
  stalls: number;
}

/** The share of a new value in a mean that follows. */
const NEW = 0.3;

export class Meter {
  #frames = 0;
  #at = 0;
  #rate: number | null = null;
  #bitrate: number | null = null;
  stalls = 0;

  /** A segment has come. */
  segment(bytes: number, seconds: number): void {
    if (seconds <= 0) return;
    const now = (bytes * 8) / seconds;
    this.#bitrate = this.#bitrate === null ? now : this.#bitrate * (1 - NEW) + now * NEW;
  }

  read(video: HTMLVideoElement, hls: Hls | null, codecs: string | null): Figures {
    const quality = video.getVideoPlaybackQuality();
    const at = performance.now();
    const passed = (at - this.#at) / 1000;
    if (this.#at > 0 && passed > 0.5) {
      const rate = (quality.totalVideoFrames - this.#frames) / passed;
      if (rate >= 0) this.#rate = this.#rate === null ? rate : this.#rate * (1 - NEW) + rate * NEW;
    }
    this.#frames = quality.totalVideoFrames;
    this.#at = at;
    return {
      size: video.videoWidth > 0 ? `${video.videoWidth} × ${video.videoHeight}` : null,
      frameRate: this.#rate,
      codecs,
      bitrate: this.#bitrate,
      bandwidth: hls && Number.isFinite(hls.bandwidthEstimate) ? hls.bandwidthEstimate : null,
      dropped: quality.droppedVideoFrames,
      frames: quality.totalVideoFrames,
      latency: hls && hls.latency > 0 ? hls.latency : null,
      buffer: ahead(video),
      stalls: this.stalls,
    };
  }
}

/** Seconds that lie ready from where one is. */
function ahead(video: HTMLVideoElement): number {
  const { buffered, currentTime } = video;
  for (let at = 0; at < buffered.length; at += 1) {
    if (buffered.start(at) <= currentTime + 0.3 && buffered.end(at) >= currentTime) return buffered.end(at) - currentTime;
  }
  return 0;
}
