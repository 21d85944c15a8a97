import type { JSX } from "preact";

export default function StreamsPage({ params }: { params: Record<string, string> }): JSX.Element {
  return <h1>Streams {params["id"]}</h1>;
}
