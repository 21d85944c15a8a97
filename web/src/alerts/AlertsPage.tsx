import type { JSX } from "preact";

export default function AlertsPage({ params }: { params: Record<string, string> }): JSX.Element {
  return <h1>Alerts {params["id"]}</h1>;
}
