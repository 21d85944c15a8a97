// A text that is there to be taken along.

import type { JSX } from "preact";
import { Button } from "./Button";
import { Field } from "./Field";
import { toast } from "./Toast";

export function CopyField({ label, value, hint }: { label: string; value: string; hint?: string | undefined }): JSX.Element {
  const copy = (): void => {
    navigator.clipboard.writeText(value).then(
      () => toast("It was copied."),
      () => toast("It could not be copied: mark it, and copy it by hand.", { tone: "warning" }),
    );
  };
  return (
    <Field label={label} hint={hint}>
      {(bind) => (
        <span class="copy-field">
          <input class="mono" type="text" readOnly {...bind} value={value} onFocus={(event) => event.currentTarget.select()} />
          {/* Without https there is no clipboard: then it is marked and copied by hand. */}
          {"clipboard" in navigator && <Button onClick={copy}>Copy</Button>}
        </span>
      )}
    </Field>
  );
}
