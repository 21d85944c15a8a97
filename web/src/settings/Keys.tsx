// What URLs are signed with.

import type { JSX } from "preact";
import { get, post, type Schema } from "../api/client";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { confirm } from "../ui/Dialog";
import { Table } from "../ui/Table";
import { Time } from "../ui/Time";
import { toast, toastProblem } from "../ui/Toast";
import { Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";

type Key = Schema<"SigningKey">;

export function Keys(): JSX.Element {
  const asked = useAsk((signal) => get<Schema<"SigningKeyList">>("keys", {}, signal), []);
  const rotate = async (forget: boolean): Promise<void> => {
    const [title, text, yes] = forget
      ? (["Forget all earlier keys?", "All URLs that were ever signed are good no more: players that use one are refused.", "Forget them"] as const)
      : (["Go over to a new key?", "URLs that are signed already stay good until they end, with the last four keys.", "Rotate"] as const);
    if (!(await confirm(title, text, yes, forget))) return;
    try {
      await post("keys/rotate", { forget });
      toast(forget ? "There is a new key; the others are forgotten." : "There is a new key.");
      asked.reload();
    } catch (error) {
      toastProblem("The keys were not changed", error);
    }
  };
  const keys = asked.data.value?.items;
  if (!keys) return asked.error.value ? <Trouble error={asked.error.value} onRetry={asked.reload} /> : <Loading />;
  return (
    <div class="stack">
      <p class="hint">Players send no headers: they get URLs that are signed, and good for a while.</p>
      <Table<Key>
        label="Signing keys"
        rows={keys}
        rowKey={(key) => key.id}
        columns={[
          { key: "id", title: "Key", cell: (key) => <span class="mono">{key.id}</span> },
          { key: "made", title: "Made", cell: (key) => <Time at={key.created_at} /> },
          { key: "use", title: "Use", wide: true, cell: (key) => (key.current ? <Badge tone="good">signs now</Badge> : "what it signed is still good") },
        ]}
      />
      <div class="row">
        <Button kind="primary" onClick={() => void rotate(false)}>
          Rotate
        </Button>
        <Button kind="danger" onClick={() => void rotate(true)}>
          Rotate and forget the others
        </Button>
      </div>
    </div>
  );
}
