import type { JSX } from "preact";

export default function SystemPage({ params }: { params: Record<string, string> }): JSX.Element {
  return <h1>System {params["id"]}</h1>;
}
