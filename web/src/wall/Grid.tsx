// The tiles that are seen. They stand where the layout says; the browser lays nothing out.

import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { count } from "../ui/format";
import { GAP, type Layout, layOut, neighbour, visible } from "./layout";
import { Tile } from "./Tile";
import { arranged, size, touch, untouch, view } from "./view";

/** Pixels beyond what is seen, so that scrolling does not show holes. */
const BEYOND = 240;

/** Where the wall was scrolled to when it was left: who comes back from a player is there again. */
let left = 0;

/** What is scrolled: its size, and where it is. */
function useViewport(): { box: preact.RefObject<HTMLDivElement>; width: { value: number }; seen: { value: readonly [number, number] } } {
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  const seen = useSignal<readonly [number, number]>([0, 0]);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    let frame = 0;
    const read = (): void => {
      frame = 0;
      left = element.scrollTop;
      seen.value = [element.scrollTop, element.clientHeight];
    };
    const onScroll = (): void => {
      frame ||= requestAnimationFrame(read);
      touch();
    };
    const resized = new ResizeObserver(() => {
      const style = getComputedStyle(element);
      width.value = Math.floor(element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
      read();
    });
    resized.observe(element);
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      resized.disconnect();
      cancelAnimationFrame(frame);
      element.removeEventListener("scroll", onScroll);
    };
  }, []);
  return { box, width, seen };
}

function onKey(event: KeyboardEvent, layout: Layout, box: HTMLElement): void {
  const tile = event.target instanceof Element ? event.target.closest("[data-id]") : null;
  const id = tile instanceof HTMLElement ? tile.dataset["id"] : undefined;
  if (id === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  const next = neighbour(layout, id, event.key);
  if (!next) return;
  event.preventDefault();
  const { top, height } = next.line;
  if (top < box.scrollTop) box.scrollTop = Math.max(0, top - GAP);
  else if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height + GAP - box.clientHeight;
  // A tile that comes into sight is there after the frame that scrolls to it.
  requestAnimationFrame(() => requestAnimationFrame(() => box.querySelector<HTMLElement>(`[data-id="${CSS.escape(next.id)}"]`)?.focus({ preventScroll: true })));
}

export function Grid(): JSX.Element {
  const { box, width, seen } = useViewport();
  const layout = useComputed(() => layOut(arranged.value.sections, width.value, size.value, view.value.grouped));
  // Scrolling within a line changes nothing.
  const range = useComputed(() => visible(layout.value, seen.value[0], seen.value[1], BEYOND).join());
  const { lines, width: tile, height, total } = layout.value;
  const [from, to] = range.value.split(",").map(Number);
  useEffect(() => {
    if (box.current && total > 0 && left > 0 && box.current.scrollTop === 0) box.current.scrollTop = left;
  }, [total > 0]);
  return (
    <div class="wall-box" ref={box} onPointerMove={touch} onPointerLeave={untouch} onKeyDown={(event) => box.current && onKey(event, layout.value, box.current)}>
      <div class="wall-all" role="list" aria-label="Streams" style={{ height: `${total}px` }}>
        {lines.slice(from, to).flatMap((line) =>
          line.section
            ? [
                <div key={`group ${line.section.name ?? ""}`} class="wall-group" role="presentation" style={{ transform: `translate(0,${line.top}px)` }}>
                  <h2>{line.section.name ?? "No group"}</h2>
                  <span>{count(line.section.ids.length, "stream")}</span>
                </div>,
              ]
            : line.ids.map((id, column) => <Tile key={id} id={id} left={column * (tile + GAP)} top={line.top} width={tile} height={height} />),
        )}
      </div>
    </div>
  );
}
