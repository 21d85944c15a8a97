import type { JSX } from "preact";

export default function StreamPage({ params }: { params: Record<string, string> }): JSX.Element {
  return <h1>Stream {params["id"]}</h1>;
}
