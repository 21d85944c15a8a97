// Notifications on their way: those that wait, and those that were given up.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get, part, post, remove, type Schema } from "../api/client";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { confirm } from "../ui/Dialog";
import { Table } from "../ui/Table";
import { Time } from "../ui/Time";
import { toast, toastProblem } from "../ui/Toast";
import { Empty, Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { spaced } from "../ui/words";

type Row = Schema<"OutboxNotification">;

export function Outbox(): JSX.Element {
  const [state, setState] = useState("");
  const asked = useAsk((signal) => get<Schema<"OutboxList">>("alerts/outbox", { limit: 1000, state: state || null }, signal), [state], 5_000);
  const act = async (what: string, work: () => Promise<unknown>, done: string): Promise<void> => {
    try {
      await work();
      toast(done);
      asked.reload();
    } catch (error) {
      toastProblem(what, error);
    }
  };
  const drop = async (row: Row): Promise<void> => {
    if (!(await confirm("Send it no more?", row.title, "Remove"))) return;
    await act("It was not removed", () => remove(`alerts/outbox/${part(String(row.id))}`), "It is not sent any more.");
  };
  const list = asked.data.value;
  if (!list) return asked.error.value ? <Trouble error={asked.error.value} onRetry={asked.reload} /> : <Loading />;
  const dead = list.items.filter((row) => row.state === "dead").length;
  return (
    <div class="stack">
      <div class="row">
        <select aria-label="State" value={state} onChange={(event) => setState(event.currentTarget.value)}>
          <option value="">All</option>
          <option value="pending">Pending</option>
          <option value="dead">Given up</option>
        </select>
        <Button disabled={dead === 0} title={dead === 0 ? "Nothing was given up" : undefined} onClick={() => void act("Nothing was sent again", () => post("alerts/outbox/retry"), "They are sent again.")}>
          Send all again that were given up
        </Button>
      </div>
      {list.items.length === 0 ? (
        <Empty>
          <p>Nothing waits: all that was to be told has been accepted.</p>
        </Empty>
      ) : (
        <Table<Row>
          label="Outbox"
          rows={list.items}
          rowKey={(row) => String(row.id)}
          columns={[
            { key: "state", title: "State", cell: (row) => <Badge tone={row.state === "dead" ? "critical" : "info"}>{row.state === "dead" ? "given up" : "pending"}</Badge> },
            { key: "at", title: "Made", cell: (row) => <Time at={row.at} /> },
            { key: "to", title: "For", cell: (row) => String(row.receiver) },
            { key: "title", title: "What", wide: true, cell: (row) => row.title },
            { key: "tries", title: "Failed", number: true, cell: (row) => row.attempts },
            { key: "next", title: "Next", cell: (row) => (row.not_before ? <Time at={row.not_before} /> : "–") },
            { key: "error", title: "Last failure", cell: (row) => (row.last_error ? `${spaced(row.last_error.stage)}: ${row.last_error.message}` : "") },
            {
              key: "do",
              title: <span class="sr">What can be done</span>,
              cell: (row) => (
                <span class="alerts-do">
                  <Button onClick={() => void act("It was not sent", () => post(`alerts/outbox/${part(String(row.id))}/retry`), "It is sent now.")}>Send now</Button>
                  <Button kind="danger" onClick={() => void drop(row)}>
                    Remove
                  </Button>
                </span>
              ),
            },
          ]}
        />
      )}
    </div>
  );
}
