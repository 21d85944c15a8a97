// Adds a stream, or changes one.

import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { ask, get, part, type Schema } from "../api/client";
import { live } from "../live";
import { go, href } from "../router";
import { mayOperate } from "../session";
import { Validation } from "../stream/Validation";
import "../styles/forms.css";
import "../styles/stream.css";
import { Button } from "../ui/Button";
import { toast } from "../ui/Toast";
import { Empty, Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { differences } from "./differences";
import { MistakesContext } from "./fields";
import { draftOf, emptyForm, formOf, type ShownStream, type StreamForm } from "./form";
import { StreamFields } from "./StreamFields";
import { mistakesOf, Summary } from "./Summary";
import { useLeaving } from "./useLeaving";
import { useSave } from "./useSave";

interface Read {
  shown: ShownStream;
  etag: string | null;
}

export default function EditPage({ params }: { params: Record<string, string> }): JSX.Element {
  const id = params["id"];
  if (!mayOperate.value) {
    return (
      <Empty>
        <h1>Streams are changed by operators</h1>
        <p>You may look at them.</p>
        <a href={href("/ui/streams")}>All streams</a>
      </Empty>
    );
  }
  return id === undefined ? <Editor key="new" read={null} /> : <Existing key={id} id={id} />;
}

async function read(id: string, signal?: AbortSignal): Promise<Read> {
  const answer = await ask<ShownStream>("GET", `streams/${part(id)}`, signal ? { signal } : {});
  return { shown: answer.data, etag: answer.etag };
}

function Existing({ id }: { id: string }): JSX.Element {
  const asked = useAsk<Read>((signal) => read(id, signal), [id]);
  const found = asked.data.value;
  if (found) return <Editor read={found} />;
  return asked.error.value ? <Trouble error={asked.error.value} onRetry={asked.reload} /> : <Loading />;
}

function Editor(props: { read: Read | null }): JSX.Element {
  const [base, setBase] = useState(props.read);
  const [form, setForm] = useState<StreamForm>(() => (base ? formOf(base.shown) : emptyForm()));
  const [before, setBefore] = useState(() => JSON.stringify(draftOf(form)));
  const save = useSave();
  const [theirs, setTheirs] = useState<Read | null>(null);
  const accounts = useAsk((signal) => get<Schema<"AccountList">>("accounts", { limit: 1000 }, signal), []);
  const groups = useMemo(() => [...new Set([...live.peekRows()].flatMap((row) => (row.group ? [row.group] : [])))].sort(), []);
  const changed = JSON.stringify(draftOf(form)) !== before;
  const leave = useLeaving(changed);

  const write = async (): Promise<void> => {
    const body = draftOf(form);
    const path = base ? `streams/${part(base.shown.id)}` : "streams";
    const { data } = await ask<ShownStream>(base ? "PUT" : "POST", path, { body, ifMatch: base?.etag ?? null });
    leave();
    toast(`${data.name} was ${base ? "saved" : "added"}.`);
    go(`/ui/streams/${part(data.id)}`);
  };
  useEffect(() => {
    if (!save.conflict || !base) return;
    read(base.shown.id).then(setTheirs, () => setTheirs(null));
  }, [save.conflict]);

  const takeTheirs = (): void => {
    if (!theirs) return;
    const fresh = formOf(theirs.shown);
    setBase(theirs);
    setForm(fresh);
    setBefore(JSON.stringify(draftOf(fresh)));
    setTheirs(null);
    save.clear();
  };
  const keepMine = (): void => {
    if (!theirs) return;
    setBase(theirs);
    setTheirs(null);
    save.clear();
  };

  return (
    <MistakesContext.Provider value={mistakesOf(save.problem)}>
      <p class="crumbs">
        <a href={href("/ui/streams")}>Streams</a>
        {base && (
          <>
            {" / "}
            <a href={href(`/ui/streams/${part(base.shown.id)}`)}>{base.shown.name}</a>
          </>
        )}
      </p>
      <h1>{base ? `Edit ${base.shown.name}` : "Add a stream"}</h1>
      <form
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save.run(write);
        }}
      >
        {save.conflict ? (
          <div class="conflict" role="alert">
            <p>
              <strong>Somebody else has saved this stream since you began.</strong>{" "}
              {theirs && `What you have differs from theirs in: ${differences(draftOf(form), draftOf(formOf(theirs.shown))).join("; ") || "nothing"}.`}
            </p>
            <div class="row">
              <Button disabled={!theirs} onClick={keepMine}>
                Keep mine: the next save replaces theirs
              </Button>
              <Button disabled={!theirs} onClick={takeTheirs}>
                Take theirs: what I changed is lost
              </Button>
            </div>
          </div>
        ) : (
          <Summary problem={save.problem} />
        )}
        <StreamFields value={form} set={setForm} saved={base !== null} groups={groups} accounts={(accounts.data.value?.items ?? []).map((one) => one.id)} />
        <details class="form-part">
          <summary>Validate before saving</summary>
          <p class="hint">{base ? "Secrets that are kept are not known here: replace them, or validate after saving." : "Pulls each source for some seconds. Nothing is saved."}</p>
          <Validation urls={form.sources.map((one) => one.url).filter((one) => one.trim() !== "")} draft={() => draftOf(form)} />
        </details>
        <div class="form-actions">
          <Button kind="primary" type="submit" busy={save.busy} disabled={base !== null && !changed}>
            {base ? "Save" : "Add"}
          </Button>
          <a class="button" href={href(base ? `/ui/streams/${part(base.shown.id)}` : "/ui/streams")} onClick={leave}>
            Cancel
          </a>
          {base !== null && <span class="hint">{changed ? "There are changes." : "Nothing is changed."}</span>}
        </div>
      </form>
    </MistakesContext.Provider>
  );
}
