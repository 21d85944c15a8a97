import type { JSX } from "preact";

export default function WallPage({ params }: { params: Record<string, string> }): JSX.Element {
  return <h1>Wall {params["id"]}</h1>;
}
