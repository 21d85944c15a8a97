// Short messages about what was done, or was not.

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { Problem } from "../api/client";
import { Button, IconButton } from "./Button";
import { Icon } from "./Icon";
import type { Tone } from "./words";

interface Message {
  id: number;
  tone: Tone;
  text: string;
  action: { label: string; run: () => void } | null;
}
const messages = signal<readonly Message[]>([]);
let next = 1;

function dismiss(id: number): void {
  messages.value = messages.value.filter((one) => one.id !== id);
}

/** Says something. It goes by itself; with something to do (an undo) it stays longer. */
export function toast(text: string, how: { tone?: Tone; action?: Message["action"]; seconds?: number } = {}): void {
  const id = next;
  next += 1;
  const action = how.action ?? null;
  messages.value = [...messages.value.slice(-3), { id, tone: how.tone ?? "good", text, action }];
  setTimeout(() => dismiss(id), (how.seconds ?? (action ? 20 : 6)) * 1000);
}

/** Says that something failed, and why. */
export function toastProblem(what: string, error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  const why = error instanceof Problem ? error.detail || error.title : String(error);
  toast(`${what}: ${why}`, { tone: "critical", seconds: 12 });
}

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {messages.value.map((one) => (
        <div key={one.id} class={`toast tone-${one.tone}`}>
          <Icon name={one.tone} />
          <span>{one.text}</span>
          {one.action && (
            <Button
              onClick={() => {
                one.action?.run();
                dismiss(one.id);
              }}
            >
              {one.action.label}
            </Button>
          )}
          <IconButton icon="close" label="Dismiss" onClick={() => dismiss(one.id)} />
        </div>
      ))}
    </div>
  );
}
