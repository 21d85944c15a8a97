// Adds or changes a record in a dialog: read with its entity tag, written only if nobody else has written meanwhile.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, part } from "../api/client";
import "../styles/forms.css";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { toast } from "../ui/Toast";
import { Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { MistakesContext } from "./fields";
import { mistakesOf, Summary } from "./Summary";
import { useSave } from "./useSave";

interface RecordProps<Shown, Form> {
  /** What it is called: "rule". */
  what: string;
  /** Where they are: `alerts/rules`. */
  path: string;
  /** Which one; `null` for a new one. */
  id: string | null;
  empty: () => Form;
  formOf: (shown: Shown) => Form;
  draftOf: (form: Form) => Record<string, unknown>;
  fields: (form: Form, set: (form: Form) => void, saved: boolean) => ComponentChildren;
  close: (changed: boolean) => void;
}

interface Read<Form> {
  form: Form;
  etag: string | null;
}

export function RecordDialog<Shown, Form>(props: RecordProps<Shown, Form>): JSX.Element {
  const { id, path, what } = props;
  const asked = useAsk<Read<Form>>(
    async (signal) => {
      if (id === null) return { form: props.empty(), etag: null };
      const { data, etag } = await ask<Shown>("GET", `${path}/${part(id)}`, { signal });
      return { form: props.formOf(data), etag };
    },
    [path, id],
  );
  const read = asked.data.value;
  return (
    <Dialog title={id === null ? `Add ${/^[aeiou]/.test(what) ? "an" : "a"} ${what}` : `Change ${id}`} onClose={() => props.close(false)} wide>
      {read ? (
        // Read anew, the form begins anew.
        <Fields key={read.etag ?? ""} {...props} read={read} reload={asked.reload} />
      ) : asked.error.value ? (
        <Trouble error={asked.error.value} onRetry={asked.reload} />
      ) : (
        <Loading />
      )}
    </Dialog>
  );
}

function Fields<Shown, Form>(props: RecordProps<Shown, Form> & { read: Read<Form>; reload: () => void }): JSX.Element {
  const { id, path, what, read } = props;
  const [form, setForm] = useState(read.form);
  const save = useSave();
  const element = useRef<HTMLFormElement>(null);
  // It was read after the dialog had opened, and taken the focus to its first button.
  useEffect(() => element.current?.querySelector<HTMLElement>("input:not([disabled])")?.focus(), []);
  const submit = async (): Promise<void> => {
    const done = await save.run(async () => {
      await ask(id === null ? "POST" : "PUT", id === null ? path : `${path}/${part(id)}`, { body: props.draftOf(form), ifMatch: read.etag });
    });
    if (!done) return;
    toast(`The ${what} was ${id === null ? "added" : "saved"}.`);
    props.close(true);
  };
  return (
    <MistakesContext.Provider value={mistakesOf(save.problem)}>
      <form
        ref={element}
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {save.conflict ? (
          <div class="conflict" role="alert">
            <p>
              <strong>Somebody else has saved this {what} since you opened it.</strong> Read theirs, and make your changes again.
            </p>
            <div>
              <Button onClick={props.reload}>Read theirs</Button>
            </div>
          </div>
        ) : (
          <Summary problem={save.problem} />
        )}
        {props.fields(form, setForm, id !== null)}
        <div class="form-actions">
          <Button onClick={() => props.close(false)}>Cancel</Button>
          <Button kind="primary" type="submit" busy={save.busy}>
            {id === null ? "Add" : "Save"}
          </Button>
        </div>
      </form>
    </MistakesContext.Provider>
  );
}
