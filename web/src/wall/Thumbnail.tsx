import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { thumbnails } from "./thumbnails";

/** The newest picture of a stream. The older one stays until the newer one is here. */
export function Thumbnail({ id, version }: { id: string; version: number | null }): JSX.Element {
  const url = useSignal(version === null ? null : thumbnails.peek(id));
  useEffect(() => {
    if (version === null) {
      url.value = null;
      return undefined;
    }
    return thumbnails.want(id, version, (found) => {
      url.value = found;
    });
  }, [id, version]);
  if (url.value === null) {
    return (
      <span class="no-picture">
        <span>no picture</span>
      </span>
    );
  }
  return <img src={url.value} alt="" decoding="async" draggable={false} />;
}
