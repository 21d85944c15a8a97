// Light or dark: as the system says, unless somebody chose.

import { effect, signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";
const KEY = "sightglass.theme";

function stored(): Theme {
  try {
    const text = localStorage.getItem(KEY);
    return text === "light" || text === "dark" ? text : "auto";
  } catch {
    // Where storage is forbidden the choice lasts as long as the page.
    return "auto";
  }
}

export const theme = signal<Theme>(stored());

export function startTheme(): void {
  effect(() => {
    const chosen = theme.value;
    if (chosen === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = chosen;
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // As above.
    }
  });
}

/** What is to be seen now. */
export function shown(): "light" | "dark" {
  const chosen = theme.value;
  if (chosen !== "auto") return chosen;
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}
