import type { JSX } from "preact";

export default function LoginPage({ params }: { params: Record<string, string> }): JSX.Element {
  return <h1>Log in {params["id"]}</h1>;
}
