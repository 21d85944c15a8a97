// Request headers. Values that may be credentials are not shown once they are saved.

import type { JSX } from "preact";
import { Button, IconButton } from "../ui/Button";
import { TextField } from "./fields";
import type { HeaderForm } from "./form";
import { pointer } from "./mistakes";
import { SecretInput } from "./SecretInput";
import { isSecretHeader } from "./secret";
import { replaced, without } from "./update";

export function HeaderFields({ at, value, set, add }: { at: string; value: readonly HeaderForm[]; set: (value: HeaderForm[]) => void; add: () => void }): JSX.Element {
  return (
    <div class="form-rows">
      {value.map((header, index) => {
        const put = (part: Partial<HeaderForm>): void => set(replaced(value, index, { ...header, ...part }));
        const place = at + pointer(header.name.trim());
        return (
          <div key={header.key} class="form-line">
            {/* What is kept is kept under its name. */}
            <TextField at={`${at}/${index}#name`} label="Header" value={header.name} set={(name) => put({ name })} readOnly={header.kept?.choice === "keep"} suggestions={["Referer", "Origin", "Cookie", "X-Api-Key"]} />
            {header.kept ? (
              <SecretInput at={place} label="Value" value={header.kept} set={(kept) => put({ kept })} />
            ) : (
              <TextField
                at={place}
                label="Value"
                value={header.value}
                set={(text) => put({ value: text })}
                hint={header.name.trim() !== "" && isSecretHeader(header.name) ? "Not shown again once it is saved" : undefined}
              />
            )}
            <IconButton icon="trash" label={`Remove header ${header.name}`} onClick={() => set(without(value, index))} />
          </div>
        );
      })}
      <div>
        <Button icon="add" onClick={add}>
          Header
        </Button>
      </div>
    </div>
  );
}
