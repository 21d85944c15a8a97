import type { JSX } from "preact";

export default function SettingsPage({ params }: { params: Record<string, string> }): JSX.Element {
  return <h1>Settings {params["id"]}</h1>;
}
