// M3U attributes that mean nothing here, kept for the way out.

import type { JSX } from "preact";
import { Button, IconButton } from "../ui/Button";
import { TextField } from "./fields";
import { emptyAttribute, type AttributeForm } from "./form";
import { pointer } from "./mistakes";
import { replaced, without } from "./update";

export function AttributeFields({ value, set }: { value: readonly AttributeForm[]; set: (value: AttributeForm[]) => void }): JSX.Element {
  return (
    <div class="form-rows">
      {value.map((one, index) => (
        <div key={one.key} class="form-line">
          <TextField at={`/attributes/${index}#name`} label="Attribute" value={one.name} set={(name) => set(replaced(value, index, { ...one, name }))} placeholder="tvg-chno" />
          <TextField at={pointer("attributes", one.name.trim())} label="Value" value={one.value} set={(text) => set(replaced(value, index, { ...one, value: text }))} />
          <IconButton icon="trash" label={`Remove attribute ${one.name}`} onClick={() => set(without(value, index))} />
        </div>
      ))}
      <div>
        <Button icon="add" onClick={() => set([...value, emptyAttribute()])}>
          Attribute
        </Button>
      </div>
    </div>
  );
}
