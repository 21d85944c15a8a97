// Tabs that are places of the page: each has its own path.

import type { JSX } from "preact";
import { href, place } from "../router";

export function Tabs({ label, tabs }: { label: string; tabs: readonly { path: string; text: string; count?: number | null }[] }): JSX.Element {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.path} href={href(tab.path)} aria-current={place.value.path === tab.path ? "page" : undefined}>
          {tab.text}
          {tab.count ? <span class="count">{tab.count}</span> : null}
        </a>
      ))}
    </nav>
  );
}
