// Who may log in, and what they may do.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get, part, patch, post, remove, type Schema } from "../api/client";
import { MistakesContext, SelectField, TextField } from "../edit/fields";
import { present } from "../edit/numbers";
import { mistakesOf, Summary } from "../edit/Summary";
import { useSave } from "../edit/useSave";
import { me } from "../session";
import { Button } from "../ui/Button";
import { confirm, Dialog } from "../ui/Dialog";
import { Table } from "../ui/Table";
import { Time } from "../ui/Time";
import { toast, toastProblem } from "../ui/Toast";
import { Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";

type User = Schema<"User">;

export const ROLES = [
  ["viewer", "viewer: watches, and sees how streams are"],
  ["operator", "operator: also changes streams, accounts and alerts"],
  ["admin", "admin: everything"],
] as const;

export function Users(): JSX.Element {
  const asked = useAsk((signal) => get<Schema<"UserList">>("users", {}, signal), []);
  const [edited, setEdited] = useState<User | "new" | null>(null);
  const drop = async (user: User): Promise<void> => {
    if (!(await confirm(`Remove ${user.name}?`, "All their sessions end at once.", "Remove"))) return;
    try {
      await remove(`users/${part(user.name)}`);
      asked.reload();
    } catch (error) {
      toastProblem(`${user.name} was not removed`, error);
    }
  };
  const users = asked.data.value?.items;
  if (!users) return asked.error.value ? <Trouble error={asked.error.value} onRetry={asked.reload} /> : <Loading />;
  return (
    <div class="stack">
      <div class="spread">
        <p class="hint">{users.length === 0 ? "There are none yet: with the first one, everybody must log in." : "Programs have tokens of their own."}</p>
        <Button kind="primary" icon="add" onClick={() => setEdited("new")}>
          User
        </Button>
      </div>
      {users.length > 0 && (
        <Table<User>
          label="Users"
          rows={users}
          rowKey={(user) => user.name}
          columns={[
            { key: "name", title: "Name", cell: (user) => (user.name === me.value?.name ? `${user.name} (you)` : user.name) },
            { key: "role", title: "Role", cell: (user) => user.role },
            { key: "made", title: "Added", cell: (user) => <Time at={user.created_at} /> },
            { key: "changed", title: "Changed", wide: true, cell: (user) => <Time at={user.updated_at} /> },
            {
              key: "do",
              title: <span class="sr">What can be done</span>,
              cell: (user) => (
                <span class="settings-do">
                  <Button onClick={() => setEdited(user)}>Change</Button>
                  <Button kind="danger" onClick={() => void drop(user)}>
                    Remove
                  </Button>
                </span>
              ),
            },
          ]}
        />
      )}
      {edited && (
        <UserDialog
          user={edited === "new" ? null : edited}
          close={(changed) => {
            setEdited(null);
            if (changed) asked.reload();
          }}
        />
      )}
    </div>
  );
}

function UserDialog({ user, close }: { user: User | null; close: (changed: boolean) => void }): JSX.Element {
  const [name, setName] = useState(user?.name ?? "");
  const [role, setRole] = useState<string>(user?.role ?? "viewer");
  const [password, setPassword] = useState("");
  const save = useSave();
  const submit = async (): Promise<void> => {
    const done = await save.run(async () => {
      if (user) await patch(`users/${part(user.name)}`, present({ role, password: password === "" ? undefined : password }));
      else await post("users", { name: name.trim(), role, password });
    });
    if (!done) return;
    toast(`${name} was ${user ? "changed" : "added"}.`);
    close(true);
  };
  return (
    <Dialog title={user ? `Change ${user.name}` : "Add a user"} onClose={() => close(false)}>
      <MistakesContext.Provider value={mistakesOf(save.problem)}>
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <Summary problem={save.problem} />
          {!user && <TextField at="/name" label="Name" value={name} set={setName} hint="Small letters, digits and . _ @ -" required autofocus />}
          <SelectField at="/role" label="Role" value={role} set={setRole} options={ROLES} />
          <TextField
            at="/password"
            label={user ? "New password" : "Password"}
            type="password"
            value={password}
            set={setPassword}
            autocomplete="new-password"
            hint={user ? "12 characters at least; it stays when this is empty. Another one ends all their sessions." : "12 characters at least"}
            required={!user}
          />
          <div class="form-actions">
            <Button onClick={() => close(false)}>Cancel</Button>
            <Button kind="primary" type="submit" busy={save.busy}>
              {user ? "Save" : "Add"}
            </Button>
          </div>
        </form>
      </MistakesContext.Provider>
    </Dialog>
  );
}
