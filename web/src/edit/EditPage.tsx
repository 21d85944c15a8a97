import type { JSX } from "preact";

export default function EditPage({ params }: { params: Record<string, string> }): JSX.Element {
  return <h1>Edit {params["id"]}</h1>;
}
