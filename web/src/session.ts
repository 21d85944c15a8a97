// Who looks on, and what they may do.

import { computed, signal } from "@preact/signals";
import { get, needsLogin, post, type Schema } from "./api/client";

export type Me = Schema<"Me">;
export type Permission = Me["permissions"][number];

/** Who the server says we are; null until it has. */
export const me = signal<Me | null>(null);

/** What somebody may do decides what is shown to them; the server decides what is done. */
export const may = (permission: Permission): boolean => me.value?.permissions.includes(permission) ?? false;
export const mayOperate = computed(() => may("operate"));
export const mayAdmin = computed(() => may("admin"));

/** Asks who we are. Throws a Problem. */
export async function loadMe(): Promise<void> {
  me.value = await get<Me>("me");
  needsLogin.value = false;
}

/** Logs in; throws a Problem (401: wrong name or password, 429: too many tries). */
export async function logIn(name: string, password: string): Promise<void> {
  me.value = await post<Me>("login", { name, password });
  needsLogin.value = false;
}

/** Logs out. */
export async function logOut(): Promise<void> {
  await post("logout");
  me.value = null;
  needsLogin.value = true;
}
