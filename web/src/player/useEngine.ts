import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Engine } from "./engine";

/** An engine for the video element that gets the ref; a new one for each stream and choice. */
export function useEngine(id: string, quality: string, audio: string, small: boolean): { video: RefObject<HTMLVideoElement>; engine: Signal<Engine | null> } {
  const video = useRef<HTMLVideoElement>(null);
  const engine = useSignal<Engine | null>(null);
  useEffect(() => {
    if (!video.current) return undefined;
    const mine = new Engine(video.current, id, { quality, audio }, small);
    engine.value = mine;
    mine.start();
    return () => mine.stop();
  }, [id, quality, audio, small]);
  return { video, engine };
}
