// What stands above every page: where one can go, how fresh what one sees is, who one is.

import type { JSX } from "preact";
import { live } from "../live";
import { href, place } from "../router";
import { logOut, may, me } from "../session";
import { theme, type Theme } from "../theme";
import { Icon, type IconName } from "../ui/Icon";
import { IconButton } from "../ui/Button";
import { toastProblem } from "../ui/Toast";
import { meaning } from "../ui/words";
import { LinkBadge } from "./LinkBadge";

const PLACES: readonly { path: string; text: string; icon: IconName }[] = [
  { path: "/", text: "Wall", icon: "wall" },
  { path: "/ui/multiview", text: "Multiview", icon: "multiview" },
  { path: "/ui/streams", text: "Streams", icon: "streams" },
  { path: "/ui/alerts", text: "Alerts", icon: "alerts" },
  { path: "/ui/system", text: "System", icon: "system" },
];

function isAt(path: string): boolean {
  const here = place.value.path;
  return path === "/" ? here === "/" || here === "/ui" || here.startsWith("/ui/watch/") : here === path || here.startsWith(`${path}/`);
}

const NEXT: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const THEME_ICON: Record<Theme, IconName> = { auto: "auto", light: "sun", dark: "moon" };

function ServerConditions(): JSX.Element | null {
  const conditions = live.server.value?.conditions ?? [];
  const first = conditions[0];
  if (!first) return null;
  const text = conditions.length === 1 ? meaning(first.kind) : `${conditions.length} conditions of the server`;
  return (
    <a class={`server-condition tone-${first.severity}`} href={href("/ui/system")} title={conditions.map((one) => meaning(one.kind)).join("\n")}>
      <Icon name={first.severity} size={14} />
      <span>{text}</span>
    </a>
  );
}

function Account(): JSX.Element | null {
  const who = me.value;
  if (!who?.authentication) return null;
  return (
    <details class="menu">
      <summary aria-label={`Account: ${who.name ?? who.kind}`}>
        <Icon name="user" />
        <span class="wide-only">{who.name ?? who.kind}</span>
      </summary>
      <div class="menu-list">
        <p class="hint">
          {who.name} {who.role && `(${who.role})`}
        </p>
        <a href={href("/ui/settings")}>Settings and password</a>
        <button type="button" onClick={() => void logOut().catch((error: unknown) => toastProblem("Not logged out", error))}>
          Log out
        </button>
      </div>
    </details>
  );
}

export function Header(): JSX.Element {
  return (
    <header class="frame">
      <a class="brand" href={href("/")} aria-label="Sightglass, to the wall">
        <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
          <circle cx="16" cy="16" r="13" />
          <path d="M5 18h6l2.500-8 5 13 3-8.500 1.500 3.500h4.500" />
        </svg>
        <span class="wide-only">Sightglass</span>
      </a>
      <nav aria-label="Pages">
        {PLACES.map((one) => (
          <a key={one.path} href={href(one.path)} aria-current={isAt(one.path) ? "page" : undefined} title={one.text}>
            <Icon name={one.icon} />
            <span>{one.text}</span>
          </a>
        ))}
      </nav>
      <div class="frame-end">
        <ServerConditions />
        <LinkBadge />
        <IconButton icon={THEME_ICON[theme.value]} label={`Colours: ${theme.value}. Change to ${NEXT[theme.value]}`} onClick={() => (theme.value = NEXT[theme.value])} />
        {may("operate") && (
          <a class="button icon-only quiet" href={href("/ui/settings")} aria-label="Settings" title="Settings" aria-current={isAt("/ui/settings") ? "page" : undefined}>
            <Icon name="settings" />
          </a>
        )}
        <Account />
      </div>
    </header>
  );
}
