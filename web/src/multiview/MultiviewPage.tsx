// Up to sixteen streams at once, one of which is heard.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { go, href, place } from "../router";
import { Button, IconButton } from "../ui/Button";
import { Empty } from "../ui/Trouble";
import { Icon } from "../ui/Icon";
import { toast } from "../ui/Toast";
import { Add } from "./Add";
import { Cell } from "./Cell";
import { MOST, multiviewPath, parseIds, picked, toggled } from "./picked";
import { moved, shapeOf } from "./shape";
import "../player/player.css";
import "./multiview.css";

const GAP = 6;

function useSize(): { box: preact.RefObject<HTMLDivElement>; size: { value: readonly [number, number] } } {
  const box = useRef<HTMLDivElement>(null);
  const size = useSignal<readonly [number, number]>([1, 1]);
  useLayoutEffect(() => {
    if (!box.current) return undefined;
    const resized = new ResizeObserver(([entry]) => {
      if (entry) size.value = [entry.contentRect.width, entry.contentRect.height];
    });
    resized.observe(box.current);
    return () => resized.disconnect();
  }, []);
  return { box, size };
}

export default function MultiviewPage(_: { params: Record<string, string> }): JSX.Element {
  const ids = parseIds(place.value.query.get("ids"));
  const { box, size } = useSize();
  const selected = useSignal<string | null>(null);
  // Browsers let a page sound only after somebody has pressed something on it.
  const heard = useSignal(navigator.userActivation?.hasBeenActive ?? false);
  const current = selected.value !== null && ids.includes(selected.value) ? selected.value : (ids[0] ?? null);
  const narrow = size.value[0] < 560;
  const shape = narrow ? { columns: ids.length > 2 ? 2 : 1, rows: 0 } : shapeOf(ids.length, size.value[0], size.value[1]);

  const show = (next: readonly string[]): void => {
    picked.value = next;
    go(multiviewPath(next), { replace: true });
  };
  const add = (id: string): void => {
    if (ids.length >= MOST) toast(`No more than ${MOST} at once`, { tone: "warning" });
    else show(toggled(ids, id));
  };
  const without = (id: string): void => show(ids.filter((one) => one !== id));

  const onKey = useRef<(event: KeyboardEvent) => void>(() => undefined);
  onKey.current = (event) => {
    const target = event.target instanceof HTMLElement ? event.target : null;
    if (event.ctrlKey || event.metaKey || event.altKey || target?.closest("input, select, textarea, dialog")) return;
    if (current === null) return;
    const onControl = target?.closest("a, button:not(.cell-select)");
    const next = moved(ids.indexOf(current), event.key, ids.length, shape.columns);
    if (next !== null) {
      selected.value = ids[next] ?? null;
      heard.value = true;
    } else if (event.key === "m") heard.value = !heard.value;
    else if (event.key === "Delete") without(current);
    else if (event.key === "Enter" && !onControl) go(`/ui/watch/${encodeURIComponent(current)}`);
    else if (event.key === "f") toggleFull();
    else return;
    event.preventDefault();
  };
  const toggleFull = (): void => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void box.current?.requestFullscreen().catch(() => undefined);
  };
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => onKey.current(event);
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);

  return (
    <div class="multiview">
      <div class="multiview-bar">
        <h1>Multiview</h1>
        <span class="hint">
          {ids.length} of {MOST}
        </span>
        <Add has={ids} onAdd={add} />
        <span class="multiview-end">
          {ids.length > 0 && (
            <>
              <Button icon={heard.value ? "sound" : "muted_sound"} aria-pressed={heard.value} onClick={() => (heard.value = !heard.value)}>
                {heard.value ? "Sound on" : "Sound off"}
              </Button>
              <Button class="wide-only" onClick={() => show([])}>
                Remove all
              </Button>
              <IconButton icon="full" label="Full screen (f)" onClick={toggleFull} />
            </>
          )}
        </span>
      </div>
      <div class={narrow ? "cells narrow" : "cells"} ref={box} role={ids.length > 0 ? "list" : undefined} aria-label="Players" style={{ gridTemplateColumns: `repeat(${shape.columns}, minmax(0, 1fr))`, gap: `${GAP}px` }}>
        {ids.map((id) => (
          <Cell
            key={id}
            id={id}
            selected={id === current}
            heard={heard.value}
            onSelect={() => {
              selected.value = id;
              heard.value = true;
            }}
            onRemove={() => without(id)}
          />
        ))}
        {ids.length === 0 && (
          <Empty>
            <h2>Several streams side by side</h2>
            <p>{`Add up to ${MOST} by name above, or pick them on the wall with their plus sign. The address of this page keeps them.`}</p>
            <a class="button" href={href("/")}>
              <Icon name="wall" />
              To the wall
            </a>
          </Empty>
        )}
      </div>
    </div>
  );
}
