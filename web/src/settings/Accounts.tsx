// Provider accounts: what counts connections, whatever streams they carry.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get, part, Problem, remove, type Schema } from "../api/client";
import { AuthFields } from "../edit/AuthFields";
import { TextField } from "../edit/fields";
import { RecordDialog } from "../edit/RecordDialog";
import { updater } from "../edit/update";
import { Button } from "../ui/Button";
import { confirm } from "../ui/Dialog";
import { Table } from "../ui/Table";
import { toast, toastProblem } from "../ui/Toast";
import { Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { accountDraft, accountOf, emptyAccount, type AccountForm, type ShownAccount } from "./account";

type Account = Schema<"Account">;

export function Accounts(): JSX.Element {
  const asked = useAsk((signal) => get<Schema<"AccountList">>("accounts", { limit: 1000 }, signal), [], 5_000);
  const [edited, setEdited] = useState<string | null>(null);
  const drop = async (account: Account): Promise<void> => {
    if (!(await confirm(`Remove ${account.name}?`, "Its credentials are gone then.", "Remove"))) return;
    try {
      await remove(`accounts/${part(account.id)}`);
      toast(`${account.name} was removed.`);
      asked.reload();
    } catch (error) {
      const streams = error instanceof Problem ? error.members["streams"] : null;
      if (Array.isArray(streams)) toast(`${account.name} is in use by ${streams.join(", ")}.`, { tone: "warning", seconds: 12 });
      else toastProblem(`${account.name} was not removed`, error);
    }
  };
  const accounts = asked.data.value?.items;
  if (!accounts) return asked.error.value ? <Trouble error={asked.error.value} onRetry={asked.reload} /> : <Loading />;
  return (
    <div class="stack">
      <div class="spread">
        <p class="hint">Providers count connections by credential. Sources that name an account share its connections, and log in as it does.</p>
        <Button kind="primary" icon="add" onClick={() => setEdited("")}>
          Account
        </Button>
      </div>
      {accounts.length > 0 && (
        <Table<Account>
          label="Provider accounts"
          rows={accounts}
          rowKey={(one) => one.id}
          columns={[
            { key: "name", title: "Name", cell: (one) => one.name },
            { key: "id", title: "Id", cell: (one) => <span class="mono">{one.id}</span> },
            { key: "use", title: "Connections", cell: (one) => `${one.connections.in_use} of ${one.connections.limit}` },
            { key: "watched", title: "Watched", number: true, cell: (one) => one.connections.watched },
            { key: "waits", title: "Waiting", number: true, cell: (one) => one.connections.waiting },
            { key: "auth", title: "Credentials", wide: true, cell: (one) => one.credentials?.type ?? "none" },
            {
              key: "do",
              title: <span class="sr">What can be done</span>,
              cell: (one) => (
                <span class="settings-do">
                  <Button onClick={() => setEdited(one.id)}>Change</Button>
                  <Button kind="danger" onClick={() => void drop(one)}>
                    Remove
                  </Button>
                </span>
              ),
            },
          ]}
        />
      )}
      {edited !== null && (
        <RecordDialog<ShownAccount, AccountForm>
          what="account"
          path="accounts"
          id={edited === "" ? null : edited}
          empty={emptyAccount}
          formOf={accountOf}
          draftOf={accountDraft}
          fields={(form, set, saved) => <AccountFields value={form} set={set} saved={saved} />}
          close={(changed) => {
            setEdited(null);
            if (changed) asked.reload();
          }}
        />
      )}
    </div>
  );
}

function AccountFields({ value, set, saved }: { value: AccountForm; set: (value: AccountForm) => void; saved: boolean }): JSX.Element {
  const put = updater(value, set);
  return (
    <>
      <div class="form-grid">
        <TextField at="/name" label="Name" value={value.name} set={put("name")} />
        <TextField at="/id" label="Id" value={value.id} set={put("id")} mono disabled={saved} hint={saved ? "It cannot be changed" : "Made of the name when it is left out"} />
        <TextField at="/max_connections" label="Connections at a time" value={value.maxConnections} set={put("maxConnections")} decimal hint="1 to 1000; a lower limit ends those beyond it at once" />
        <TextField at="/release_ms" label="An ended one counts on for, seconds" value={value.release} set={put("release")} decimal placeholder="0.1" />
      </div>
      <AuthFields at="/credentials" auth={value.auth} username={value.username} secret={value.secret} set={(some) => set({ ...value, ...some })} none="None" noSecret={value.file.trim() !== ""} />
      {value.auth !== "none" && (
        <TextField
          at={`/credentials/${value.auth === "basic" ? "password_file" : "token_file"}`}
          label="Or the name of a file that holds the secret"
          value={value.file}
          set={put("file")}
          mono
          hint="In the folder of secrets (SECRETS_DIR); it is read at each connection"
        />
      )}
    </>
  );
}
