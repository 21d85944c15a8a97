// Says that somebody has seen an alert: it is not escalated any further.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { put } from "../api/client";
import { MistakesContext, SelectField, TextField } from "../edit/fields";
import { present, text } from "../edit/numbers";
import { mistakesOf, Summary } from "../edit/Summary";
import { useSave } from "../edit/useSave";
import { me } from "../session";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { toast } from "../ui/Toast";
import { spaced } from "../ui/words";
import { pathOf, type Alert } from "./Active";

const LASTS = [
  ["", "while it lasts"],
  ["1", "for an hour at most"],
  ["8", "for 8 hours at most"],
  ["24", "for a day at most"],
] as const;

export function Acknowledge({ alert, close }: { alert: Alert; close: (done: boolean) => void }): JSX.Element {
  const [by, setBy] = useState(me.value?.name ?? "");
  const [comment, setComment] = useState("");
  const [hours, setHours] = useState("");
  const save = useSave();
  const submit = async (): Promise<void> => {
    const done = await save.run(async () => {
      const until = hours === "" ? undefined : new Date(Date.now() + Number(hours) * 3_600_000).toISOString();
      await put(`${pathOf(alert)}/acknowledgement`, present({ by: by.trim(), comment: text(comment), until }));
    });
    if (!done) return;
    toast("It is acknowledged.");
    close(true);
  };
  return (
    <Dialog title={`Acknowledge: ${alert.name || alert.stream}, ${spaced(alert.condition.kind)}`} onClose={() => close(false)}>
      <MistakesContext.Provider value={mistakesOf(save.problem)}>
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <Summary problem={save.problem} />
          <TextField at="/by" label="Who" value={by} set={setBy} required />
          <TextField at="/comment" label="Comment" value={comment} set={setComment} placeholder="on it, ticket 4711" autofocus />
          <SelectField at="/until" label="It holds" value={hours} set={setHours} options={LASTS} hint="Then it is told again, if it still lasts" />
          <div class="form-actions">
            <Button onClick={() => close(false)}>Cancel</Button>
            <Button kind="primary" type="submit" busy={save.busy} disabled={by.trim() === ""}>
              Acknowledge
            </Button>
          </div>
        </form>
      </MistakesContext.Provider>
    </Dialog>
  );
}
