import type { JSX } from "preact";

export default function MultiviewPage({ params }: { params: Record<string, string> }): JSX.Element {
  return <h1>Multiview {params["id"]}</h1>;
}
