// Where the page is: paths below <base>, kept by the history API.

import { signal } from "@preact/signals";

/** A place in the page: its path below the base (`/`, `/ui/streams/news`) and its query. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** The path of <base>, which ends in a slash; the server puts its own there. */
export const base: string = typeof document === "undefined" ? "/" : new URL(document.baseURI).pathname;

/** The path inside, if this one is below the base. */
export function inside(pathname: string, below: string = base): string | null {
  if (pathname === below.slice(0, -1)) return "/";
  return pathname.startsWith(below) ? `/${pathname.slice(below.length)}` : null;
}

/** What a link to this path of the page (`/ui/…`, may have a query) has as its href. */
export function href(path: string): string {
  return base + path.replace(/^\//, "");
}

/** The parameters of a path, if it is one of the pattern: `/ui/streams/{id}`. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const [want, have] = [pattern, path].map((text) => text.split("/").filter((part) => part !== ""));
  if (!want || !have || want.length !== have.length) return null;
  const found: Record<string, string> = {};
  for (const [at, part] of want.entries()) {
    const given = have[at] ?? "";
    if (part.startsWith("{")) {
      try {
        found[part.slice(1, -1)] = decodeURIComponent(given);
      } catch {
        return null;
      }
    } else if (part !== given) return null;
  }
  return found;
}

function here(): Place {
  if (typeof location === "undefined") return { path: "/", query: new URLSearchParams() };
  return { path: inside(location.pathname) ?? "/", query: new URLSearchParams(location.search) };
}

export const place = signal<Place>(here());
/** Increases when somebody went somewhere by a link, not back: who shows a place anew begins at its top. */
export const visits = signal(0);

/** Goes to a place of the page. */
export function go(path: string, how: { replace?: boolean } = {}): void {
  const url = href(path);
  if (how.replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  place.value = here();
  if (!how.replace) visits.value += 1;
}

/** Changes the query of the place one is at, without a step in the history. */
export function setQuery(changes: Record<string, string | null>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  go(place.peek().path + (text === "" ? "" : `?${text}`), { replace: true });
}

/** Whether a path is one of the page; all others (`/metrics`, `/api/…`) are the server's own. */
export function isPage(path: string): boolean {
  return path === "/" || path === "/ui" || path.startsWith("/ui/");
}

/** Asks those who want to leave where they are; null when nobody minds. */
let keeper: (() => Promise<boolean>) | null = null;

/** Has `ask` asked before a link or the back button leads elsewhere, until what this returns is called. */
export function keepHere(ask: () => Promise<boolean>): () => void {
  keeper = ask;
  return () => {
    if (keeper === ask) keeper = null;
  };
}

/** Goes on if nobody minds, now or once somebody has said so. */
function leave(onward: () => void): void {
  const ask = keeper;
  if (!ask) return onward();
  void ask().then((may) => {
    if (!may) return;
    if (keeper === ask) keeper = null;
    onward();
  });
}

/** Takes clicks on links to places of the page, and the back button. */
export function startRouter(): void {
  addEventListener("popstate", () => {
    if (!keeper) {
      place.value = here();
      return;
    }
    // The browser is there already: it comes back to where one is, and goes again when that is meant.
    const { path, query } = place.peek();
    const text = query.toString();
    history.pushState(null, "", href(path + (text === "" ? "" : `?${text}`)));
    leave(() => history.back());
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement) || link.target !== "" || link.hasAttribute("download")) return;
    const url = new URL(link.href);
    const path = url.origin === location.origin ? inside(url.pathname) : null;
    if (path === null || !isPage(path)) return;
    event.preventDefault();
    leave(() => go(path + url.search));
  });
}
