// What was told lately.

import type { JSX } from "preact";
import { get, type Schema } from "../api/client";
import { Table } from "../ui/Table";
import { Time } from "../ui/Time";
import { Empty, Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";

type Sent = Schema<"SentNotification">;

export function SentTab(): JSX.Element {
  const asked = useAsk((signal) => get<Schema<"SentList">>("alerts/sent", {}, signal), [], 10_000);
  const items = asked.data.value?.items;
  if (!items) return asked.error.value ? <Trouble error={asked.error.value} onRetry={asked.reload} /> : <Loading />;
  if (items.length === 0) {
    return (
      <Empty>
        <p>Nothing was sent yet.</p>
      </Empty>
    );
  }
  return (
    <Table<Sent>
      label="What was sent, the newest first"
      rows={items}
      rowKey={(one) => String(one.id)}
      columns={[
        { key: "at", title: "Accepted", cell: (one) => <Time at={one.sent_at} /> },
        { key: "to", title: "By", cell: (one) => String(one.receiver) },
        { key: "title", title: "What", wide: true, cell: (one) => one.title },
        { key: "items", title: "Things", number: true, cell: (one) => one.items },
        { key: "tries", title: "Failed before", number: true, cell: (one) => one.attempts },
      ]}
    />
  );
}
