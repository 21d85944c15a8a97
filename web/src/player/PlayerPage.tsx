import type { JSX } from "preact";

export default function PlayerPage({ params }: { params: Record<string, string> }): JSX.Element {
  return <h1>Watch {params["id"]}</h1>;
}
