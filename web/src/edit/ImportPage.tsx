import type { JSX } from "preact";

export default function ImportPage({ params }: { params: Record<string, string> }): JSX.Element {
  return <h1>Import {params["id"]}</h1>;
}
