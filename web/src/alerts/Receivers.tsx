// Who can be told, and how; and whether it arrives.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { post, type Schema } from "../api/client";
import { CheckField, SelectField, TextField } from "../edit/fields";
import { ListField } from "../edit/ListField";
import { SecretInput } from "../edit/SecretInput";
import { updater } from "../edit/update";
import { Button } from "../ui/Button";
import { RecordsTab } from "./RecordsTab";
import { emptyReceiver, receiverDraft, receiverOf, targetWords, type ReceiverForm, type ReceiverKind, type ShownReceiver } from "./receiver";
import { TestResults } from "./TestResults";

const KINDS = [
  ["email", "Mail"],
  ["webhook", "Webhook"],
  ["alertmanager", "Alertmanager"],
] as const;

/** The server waits so long for the outcome; then it goes on in the outbox. */
const WAIT_MS = 20_000;

export function Receivers(): JSX.Element {
  const [testing, setTesting] = useState<string | null>(null);
  const [results, setResults] = useState<Schema<"AlertTestResults"> | null>(null);
  const [error, setError] = useState<unknown>(null);
  const test = async (ids: string[] | null): Promise<void> => {
    setTesting(ids ? (ids[0] ?? "") : "*");
    setResults(null);
    setError(null);
    try {
      setResults(await post("alerts/test", { ...(ids ? { receivers: ids } : {}), wait_ms: WAIT_MS }));
    } catch (cause) {
      setError(cause);
    } finally {
      setTesting(null);
    }
  };
  return (
    <RecordsTab<ShownReceiver, ReceiverForm>
      what="receiver"
      path="receivers"
      hint="People and their systems: by mail, by a webhook, or by an Alertmanager."
      none="There are no receivers."
      above={
        <>
          <div>
            <Button busy={testing === "*"} disabled={testing !== null} onClick={() => void test(null)}>
              Test all that are on
            </Button>
          </div>
          <TestResults running={testing !== null} results={results} error={error} />
        </>
      }
      columns={[
        { key: "name", title: "Name", cell: (one) => <span class="cell-name">{one.name}</span> },
        { key: "id", title: "Id", cell: (one) => <span class="mono">{one.id}</span> },
        { key: "kind", title: "How", cell: (one) => KINDS.find(([kind]) => kind === one.kind)?.[1] ?? one.kind },
        { key: "to", title: "Where", wide: true, cell: (one) => <span class="break">{targetWords(one)}</span> },
        { key: "on", title: "State", cell: (one) => (one.enabled ? "on" : "off") },
      ]}
      more={(one) => (
        <Button busy={testing === one.id} disabled={testing !== null} onClick={() => void test([one.id])}>
          Test
        </Button>
      )}
      empty={emptyReceiver}
      formOf={receiverOf}
      draftOf={receiverDraft}
      fields={(form, set, saved) => <ReceiverFields value={form} set={set} saved={saved} />}
    />
  );
}

function ReceiverFields({ value, set, saved }: { value: ReceiverForm; set: (value: ReceiverForm) => void; saved: boolean }): JSX.Element {
  const put = updater(value, set);
  return (
    <>
      <div class="form-grid">
        <TextField at="/name" label="Name" value={value.name} set={put("name")} />
        <TextField at="/id" label="Id" value={value.id} set={put("id")} mono disabled={saved} hint={saved ? "It cannot be changed" : "Made of the name when it is left out"} />
        <SelectField at="/kind" label="How" value={value.kind} set={(kind) => put("kind")(kind as ReceiverKind)} options={KINDS} />
      </div>
      <CheckField at="/enabled" label="Enabled" value={value.enabled} set={put("enabled")} />
      {value.kind === "email" && <ListField at="/to" label="Addresses" value={value.to} set={put("to")} placeholder="desk@example.com" />}
      {value.kind !== "email" && (
        <TextField at="/url" label={value.kind === "webhook" ? "Address to post to" : "Base of the Alertmanager"} type="url" value={value.url} set={put("url")} mono placeholder={value.kind === "webhook" ? "https://chat.example/hook" : "http://alertmanager:9093"} />
      )}
      {value.kind === "webhook" && (
        <div class="form-grid">
          {value.secretFile.trim() === "" && <SecretInput at="/secret" label="Key of the signature" value={value.secret} set={put("secret")} hint="16 to 128 characters; Standard Webhooks" />}
          <TextField at="/secret_file" label="Or the name of a file that holds it" value={value.secretFile} set={put("secretFile")} mono hint="In the folder of secrets (SECRETS_DIR)" />
        </div>
      )}
    </>
  );
}
