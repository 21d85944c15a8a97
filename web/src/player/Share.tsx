// The addresses by which other players show what is watched here.

import type { JSX } from "preact";
import { part, post, type Schema, urlOf } from "../api/client";
import { me } from "../session";
import { CopyField } from "../ui/CopyField";
import { Dialog } from "../ui/Dialog";
import { Time } from "../ui/Time";
import { Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { type Choice, previewUrl } from "./choice";

interface Addresses {
  hls: string;
  ts: string;
  /** When they end; null where nobody is asked who they are. */
  until: string | null;
}

async function addresses(id: string, choice: Choice): Promise<Addresses> {
  const wish = { quality: choice.quality || null, audio: choice.audio || null };
  if (!me.peek()?.authentication) return { hls: previewUrl(id, choice), ts: urlOf(`streams/preview/${part(id)}`, wish), until: null };
  const sign = (format: "hls" | "ts"): Promise<Schema<"PlaybackUrl">> => post(`streams/${part(id)}/playback-url`, { ...wish, format });
  const [hls, ts] = await Promise.all([sign("hls"), sign("ts")]);
  return { hls: hls.url, ts: ts.url, until: hls.expires_at };
}

export function Share({ id, choice, onClose }: { id: string; choice: Choice; onClose: () => void }): JSX.Element {
  const asked = useAsk(() => addresses(id, choice), [id, choice.quality, choice.audio]);
  const found = asked.data.value;
  const full = (url: string): string => new URL(url, location.href).href;
  return (
    <Dialog title="Watch in another player" onClose={onClose} wide>
      {asked.error.value != null && <Trouble error={asked.error.value} onRetry={asked.reload} />}
      {found && (
        <div class="stack">
          <CopyField label="HLS" hint="Phones, TVs, browsers, VLC" value={full(found.hls)} />
          <CopyField label="MPEG-TS" hint="mpv, VLC, set-top boxes: the least delay" value={full(found.ts)} />
          {found.until && (
            <p class="hint">
              Good until <Time at={found.until} />, for whoever has the address: it shows this stream without a password.
            </p>
          )}
        </div>
      )}
    </Dialog>
  );
}
