// What keys do while one watches.

export type Action = "stats" | "next" | "previous" | "mute" | "fullscreen" | "help" | "retry" | "louder" | "quieter" | "wall" | "pause" | "share";

const KEYS: Record<string, Action> = {
  i: "stats",
  ArrowDown: "next",
  PageDown: "next",
  ArrowUp: "previous",
  PageUp: "previous",
  m: "mute",
  f: "fullscreen",
  "?": "help",
  r: "retry",
  "+": "louder",
  "=": "louder",
  "-": "quieter",
  k: "pause",
  s: "share",
  Escape: "wall",
};

export const HELP: readonly (readonly [string, string])[] = [
  ["↓  Page down", "Next channel"],
  ["↑  Page up", "Previous channel"],
  ["m", "Sound off and on"],
  ["+  −", "Louder, quieter"],
  ["f", "Full screen"],
  ["i", "Statistics"],
  ["k", "Pause, go on at the live edge"],
  ["r", "Ask anew"],
  ["s", "The address, for another player"],
  ["Esc", "Back to the wall"],
  ["?", "This list"],
];

type Key = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">;

/** What a key does; nothing while somebody writes, or chooses from a list that takes the same keys. */
export function action(event: Key, target: { tagName: string; type?: string } | null): Action | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const found = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key] ?? null;
  if (target && ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName)) {
    // A slider of the volume is no text: only its own keys are its own.
    const own = target.type !== "range" || event.key.startsWith("Arrow") || event.key.startsWith("Page");
    return own ? null : found;
  }
  return found;
}
