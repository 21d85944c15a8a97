// What streams can be converted to here: asked once, for it changes with the configuration alone.

import { signal } from "@preact/signals";
import { get, type Schema } from "../api/client";

export type Profile = Schema<"Profile">;

/** The profiles, the cheapest first; empty as long as they are not known. */
export const profiles = signal<readonly Profile[]>([]);

let asked = false;

export function askForProfiles(): void {
  if (asked) return;
  asked = true;
  get<Schema<"ProfileList">>("info/profiles").then(
    (list) => (profiles.value = list.items),
    // Without them one chooses between the source and what the server chooses.
    () => (asked = false),
  );
}
