// Which page is at which path. Each is a file of its own, loaded when it is gone to.

import type { ComponentType } from "preact";

/** A page gets the parameters of its path; its query is in `place`. */
export type Page = ComponentType<{ params: Record<string, string> }>;

export interface Route {
  readonly pattern: string;
  readonly title: string;
  readonly load: () => Promise<{ default: Page }>;
  /** It is shown also to those who are nobody yet. */
  readonly open?: boolean;
}

const alerts = (): Promise<{ default: Page }> => import("./alerts/AlertsPage");
const settings = (): Promise<{ default: Page }> => import("./settings/SettingsPage");
const system = (): Promise<{ default: Page }> => import("./system/SystemPage");

export const ROUTES: readonly Route[] = [
  { pattern: "/", title: "Wall", load: () => import("./wall/WallPage") },
  { pattern: "/ui", title: "Wall", load: () => import("./wall/WallPage") },
  { pattern: "/ui/watch/{id}", title: "Watch", load: () => import("./player/PlayerPage") },
  { pattern: "/ui/multiview", title: "Multiview", load: () => import("./multiview/MultiviewPage") },
  { pattern: "/ui/streams", title: "Streams", load: () => import("./streams/StreamsPage") },
  { pattern: "/ui/streams/{id}", title: "Stream", load: () => import("./stream/StreamPage") },
  { pattern: "/ui/streams/{id}/edit", title: "Edit", load: () => import("./edit/EditPage") },
  { pattern: "/ui/new", title: "Add a stream", load: () => import("./edit/EditPage") },
  { pattern: "/ui/import", title: "Import", load: () => import("./import/ImportPage") },
  { pattern: "/ui/alerts", title: "Alerts", load: alerts },
  { pattern: "/ui/alerts/{tab}", title: "Alerts", load: alerts },
  { pattern: "/ui/system", title: "System", load: system },
  { pattern: "/ui/system/{tab}", title: "System", load: system },
  { pattern: "/ui/settings", title: "Settings", load: settings },
  { pattern: "/ui/settings/{tab}", title: "Settings", load: settings },
  { pattern: "/ui/login", title: "Log in", load: () => import("./login/LoginPage"), open: true },
];
