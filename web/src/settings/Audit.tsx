// What was done, by whom, from where.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get, type Schema } from "../api/client";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Table } from "../ui/Table";
import { Time } from "../ui/Time";
import { toastProblem } from "../ui/Toast";
import { Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import type { Tone } from "../ui/words";

type Entry = Schema<"NumberedAuditEntry">;
type Page = Schema<"AuditPage">;

const TONES: Record<string, Tone> = { done: "good", refused: "critical", failed: "warning" };

export function Audit(): JSX.Element {
  const asked = useAsk((signal) => get<Page>("audit", { limit: 100 }, signal), []);
  const [older, setOlder] = useState<Page | null>(null);
  const first = asked.data.value;
  if (!first) return asked.error.value ? <Trouble error={asked.error.value} onRetry={asked.reload} /> : <Loading />;
  const next = older ? older.next : first.next;
  const more = async (): Promise<void> => {
    try {
      const page = await get<Page>("audit", { limit: 100, before: next });
      setOlder({ items: [...(older?.items ?? []), ...page.items], next: page.next ?? null });
    } catch (error) {
      toastProblem("Older entries cannot be had", error);
    }
  };
  return (
    <div class="stack">
      <Table<Entry>
        label="Audit log"
        rows={[...first.items, ...(older?.items ?? [])]}
        rowKey={(one) => String(one.number)}
        columns={[
          { key: "at", title: "When", cell: (one) => <Time at={one.at} /> },
          { key: "who", title: "Who", cell: (one) => one.who },
          { key: "from", title: "From", cell: (one) => one.address },
          { key: "what", title: "What", wide: true, cell: (one) => `${one.action}${one.subject ? ` ${one.subject}` : ""}` },
          { key: "outcome", title: "Outcome", cell: (one) => <Badge tone={TONES[one.outcome] ?? "muted"}>{`${one.outcome}${one.status ? ` ${one.status}` : ""}`}</Badge> },
        ]}
      />
      {next != null && (
        <div>
          <Button onClick={() => void more()}>Older entries</Button>
        </div>
      )}
    </div>
  );
}
