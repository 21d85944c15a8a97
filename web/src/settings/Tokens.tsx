// Tokens for programs. Each is shown once, when it is made.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get, part, post, remove, type Schema } from "../api/client";
import { ChoiceField, MistakesContext, SelectField, TextField } from "../edit/fields";
import { present } from "../edit/numbers";
import { mistakesOf, Summary } from "../edit/Summary";
import { useSave } from "../edit/useSave";
import { Button } from "../ui/Button";
import { CopyField } from "../ui/CopyField";
import { confirm, Dialog } from "../ui/Dialog";
import { Table } from "../ui/Table";
import { Time } from "../ui/Time";
import { toastProblem } from "../ui/Toast";
import { Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";

type Token = Schema<"Token">;

const SCOPES = [
  ["metrics", "metrics: metrics and health"],
  ["play", "play: media and playlists"],
  ["read", "read: what a viewer sees, without media"],
  ["operate", "operate: what an operator may"],
  ["admin", "admin: everything"],
] as const;

const DAY = 86_400;
const LASTS = [
  [String(30 * DAY), "30 days"],
  [String(90 * DAY), "90 days"],
  [String(365 * DAY), "a year"],
  ["", "for ever"],
] as const;

export function Tokens(): JSX.Element {
  const asked = useAsk((signal) => get<Schema<"TokenList">>("tokens", {}, signal), []);
  const [adds, setAdds] = useState(false);
  const drop = async (token: Token): Promise<void> => {
    if (!(await confirm(`Take ${token.name} back?`, "What uses it is refused at once.", "Take it back"))) return;
    try {
      await remove(`tokens/${part(token.id)}`);
      asked.reload();
    } catch (error) {
      toastProblem("The token was not taken back", error);
    }
  };
  const tokens = asked.data.value?.items;
  if (!tokens) return asked.error.value ? <Trouble error={asked.error.value} onRetry={asked.reload} /> : <Loading />;
  return (
    <div class="stack">
      <div class="spread">
        <p class="hint">For programs: Prometheus, wall displays, scripts. Sent as “Authorization: Bearer”.</p>
        <Button kind="primary" icon="add" onClick={() => setAdds(true)}>
          Token
        </Button>
      </div>
      {tokens.length > 0 && (
        <Table<Token>
          label="Tokens"
          rows={tokens}
          rowKey={(token) => token.id}
          columns={[
            { key: "name", title: "Name", cell: (token) => token.name },
            { key: "scopes", title: "May", cell: (token) => ([] as string[]).concat(token.scopes as string[]).join(", ") },
            { key: "made", title: "Made", cell: (token) => <Time at={token.created_at} /> },
            { key: "by", title: "By", cell: (token) => token.created_by },
            { key: "used", title: "Last used", cell: (token) => (token.last_used_at ? <Time at={token.last_used_at} /> : "never") },
            { key: "ends", title: "Good until", wide: true, cell: (token) => (token.expires_at ? <Time at={token.expires_at} /> : "for ever") },
            {
              key: "do",
              title: <span class="sr">What can be done</span>,
              cell: (token) => (
                <Button kind="danger" onClick={() => void drop(token)}>
                  Take back
                </Button>
              ),
            },
          ]}
        />
      )}
      {adds && (
        <TokenDialog
          close={() => {
            setAdds(false);
            asked.reload();
          }}
        />
      )}
    </div>
  );
}

function TokenDialog({ close }: { close: () => void }): JSX.Element {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>(["metrics"]);
  const [lasts, setLasts] = useState(String(365 * DAY));
  const [made, setMade] = useState<string | null>(null);
  const save = useSave();
  const submit = (): Promise<boolean> =>
    save.run(async () => {
      const body = present({ name: name.trim(), scopes, expires_in: lasts === "" ? undefined : Number(lasts) });
      setMade((await post<Schema<"NewToken">>("tokens", body)).token);
    });
  if (made !== null) {
    return (
      <Dialog title="The token" onClose={close}>
        <p>This is the only time that it is shown. The server keeps no more than its checksum.</p>
        <CopyField label="The token" value={made} />
        <footer>
          <Button kind="primary" onClick={close}>
            I have it
          </Button>
        </footer>
      </Dialog>
    );
  }
  return (
    <Dialog title="Make a token" onClose={close}>
      <MistakesContext.Provider value={mistakesOf(save.problem)}>
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <Summary problem={save.problem} />
          <TextField at="/name" label="What it is for" value={name} set={setName} placeholder="prometheus" required autofocus maxLength={64} />
          <ChoiceField at="/scopes" label="What it may do" value={scopes} set={setScopes} options={SCOPES} />
          <SelectField at="/expires_in" label="Good for" value={lasts} set={setLasts} options={LASTS} />
          <div class="form-actions">
            <Button onClick={close}>Cancel</Button>
            <Button kind="primary" type="submit" busy={save.busy} disabled={name.trim() === "" || scopes.length === 0}>
              Make it
            </Button>
          </div>
        </form>
      </MistakesContext.Provider>
    </Dialog>
  );
}
