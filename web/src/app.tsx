// The frame of the page, and in it the page that one is at.

import { effect, signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { needsLogin, Problem } from "./api/client";
import { Header } from "./frame/Header";
import { connection, seedBitrates, startLive } from "./live";
import { go, match, place, visits } from "./router";
import { type Page, type Route, ROUTES } from "./routes";
import { loadMe, me } from "./session";
import { Confirm } from "./ui/Dialog";
import { Toasts } from "./ui/Toast";
import { Empty, Loading, Trouble } from "./ui/Trouble";

interface Found {
  route: Route;
  params: Record<string, string>;
}

function find(path: string): Found | null {
  for (const route of ROUTES) {
    const params = match(route.pattern, path);
    if (params) return { route, params };
  }
  return null;
}

const pages = new Map<Route["load"], Page>();
const loaded = signal(0);
const failed = signal<unknown>(null);
const startError = signal<Problem | null>(null);

async function loadPage(route: Route): Promise<void> {
  failed.value = null;
  try {
    pages.set(route.load, (await route.load()).default);
    loaded.value += 1;
  } catch (error) {
    failed.value = error;
  }
}

/** Finds out who we are, as long as it takes; a server that restarts is worth waiting for. */
async function begin(): Promise<void> {
  try {
    await loadMe();
    startError.value = null;
    connection.start();
    void seedBitrates();
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return;
    startError.value = error instanceof Problem ? error : new Problem(0, "unreachable", "The page could not start", String(error));
    setTimeout(() => void begin(), 3000);
  }
}

function toLogin(): void {
  const { path, query } = place.peek();
  if (path === "/ui/login") return;
  const text = query.toString();
  const next = path + (text === "" ? "" : `?${text}`);
  go(`/ui/login${next === "/" ? "" : `?next=${encodeURIComponent(next)}`}`, { replace: true });
}

function Content(): JSX.Element {
  const { path } = place.value;
  const found = find(path);
  const main = useRef<HTMLElement>(null);
  void loaded.value;
  const Shown = found ? pages.get(found.route.load) : undefined;
  useEffect(() => {
    if (found && !Shown) void loadPage(found.route);
    document.title = found ? `${found.route.title} – Sightglass` : "Sightglass";
  }, [path]);
  useEffect(() => {
    if (visits.value === 0) return;
    scrollTo(0, 0);
    // Who reads the screen aloud hears that another page is here.
    main.current?.focus({ preventScroll: true });
  }, [visits.value, path]);
  return (
    <main id="main" ref={main} tabIndex={-1}>
      {!found ? (
        <Empty>
          <h1>There is no such page</h1>
        </Empty>
      ) : startError.value && !me.value ? (
        <Trouble error={startError.value}>
          <p>It is tried again every few seconds.</p>
        </Trouble>
      ) : failed.value && !Shown ? (
        <Trouble error={new Problem(0, "page", "This part of the page could not be loaded", "The server may have been updated meanwhile.")} onRetry={() => location.reload()} />
      ) : Shown && (me.value || found.route.open) ? (
        <Shown key={found.route.pattern} params={found.params} />
      ) : (
        <Loading />
      )}
    </main>
  );
}

export function App(): JSX.Element {
  useEffect(() => {
    startLive();
    void begin();
    return effect(() => {
      if (needsLogin.value) {
        connection.stop();
        toLogin();
      } else if (me.value) connection.start();
    });
  }, []);
  const at = find(place.value.path);
  return (
    <>
      <a class="skip" href={`${location.pathname}${location.search}#main`} onClick={(event) => {
        event.preventDefault();
        document.getElementById("main")?.focus();
      }}>
        Skip to content
      </a>
      {!at?.route.open && <Header />}
      <Content />
      <Toasts />
      <Confirm />
    </>
  );
}
