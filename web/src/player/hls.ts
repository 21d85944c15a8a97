// hls.js, set up to start fast and to stay near the live edge. Loaded when the first player needs it.

import type Hls from "hls.js/light";
import type { HlsConfig, Loader, LoaderCallbacks, LoaderConfiguration, PlaylistLoaderContext } from "hls.js/light";
import workerPath from "hls.js/dist/hls.worker.js?url";

let loading: Promise<typeof Hls> | null = null;

/** Loads hls.js; null where the browser has no MSE, so that its own HLS must do. */
export async function loadHls(): Promise<typeof Hls | null> {
  loading ??= import("hls.js/light").then((module) => module.default);
  try {
    const found = await loading;
    return found.isSupported() ? found : null;
  } catch (error) {
    loading = null;
    throw error;
  }
}

/** The multivariant playlist that was fetched already is not asked for again: each asking begins a session. */
function withPlaylist(Base: HlsConfig["loader"], text: string): new (config: HlsConfig) => Loader<PlaylistLoaderContext> {
  let given = false;
  return class extends (Base as unknown as new (config: HlsConfig) => Loader<PlaylistLoaderContext>) {
    override load(context: PlaylistLoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<PlaylistLoaderContext>): void {
      if (given || (context.type as string) !== "manifest") {
        super.load(context, config, callbacks);
        return;
      }
      given = true;
      const now = self.performance.now();
      Object.assign(this.stats.loading, { start: now, first: now, end: now });
      this.stats.loaded = this.stats.total = text.length;
      // hls.js does not expect an answer before `load` returns.
      queueMicrotask(() => callbacks.onSuccess({ url: context.url, data: text, code: 200 }, this.stats, context, null));
    }
  };
}

/** Those that fail are asked for again by us, with the reason: hls.js would see a number only. */
const impatient = (first: number) => ({
  default: { maxTimeToFirstByteMs: first, maxLoadTimeMs: 20_000, timeoutRetry: null, errorRetry: { maxNumRetry: 2, retryDelayMs: 500, maxRetryDelayMs: 2_000 } },
});

/** A player of a playlist that was fetched. Small ones keep less. */
export function makeHls(Kind: typeof Hls, playlist: string, small: boolean): Hls {
  return new Kind({
    enableWorker: true,
    workerPath,
    lowLatencyMode: false,
    startFragPrefetch: true,
    testBandwidth: false,
    maxBufferLength: small ? 6 : 12,
    maxMaxBufferLength: small ? 8 : 20,
    backBufferLength: small ? 2 : 10,
    liveSyncDurationCount: 3,
    liveMaxLatencyDurationCount: 8,
    maxLiveSyncPlaybackRate: 1.05,
    capLevelToPlayerSize: false,
    pLoader: withPlaylist(Kind.DefaultConfig.loader, playlist) as NonNullable<HlsConfig["pLoader"]>,
    playlistLoadPolicy: impatient(35_000),
    fragLoadPolicy: impatient(15_000),
  });
}
