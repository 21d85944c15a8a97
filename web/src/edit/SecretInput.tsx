// A secret goes in and does not come out: what is there is kept, replaced or removed.

import { FieldFrame, useField, type FieldProps } from "./fields";
import type { SecretChoice, SecretField } from "./secret";

const CHOICES: readonly (readonly [SecretChoice, string])[] = [
  ["keep", "Keep"],
  ["replace", "Replace"],
  ["remove", "Remove"],
];

export function SecretInput(props: FieldProps & { value: SecretField; set: (value: SecretField) => void; autocomplete?: string }) {
  const { value, set } = props;
  const field = useField(props);
  const asks = value.choice === "replace";
  return (
    <FieldFrame {...props} wrong={field.wrong} group={!asks}>
      <div class="form-secret">
        {value.had && (
          <div class="form-segments" role="radiogroup" aria-label={`${props.label}: what becomes of it`}>
            {CHOICES.map(([choice, words]) => (
              <label key={choice} class={choice === value.choice ? "form-segment form-segment-on" : "form-segment"}>
                <input
                  type="radio"
                  name={`${field.id}-choice`}
                  id={!asks && choice === value.choice ? field.id : undefined}
                  checked={choice === value.choice}
                  disabled={props.disabled}
                  onChange={() => set({ ...value, choice })}
                />
                {words}
              </label>
            ))}
          </div>
        )}
        {asks ? (
          <input
            {...field.input}
            class="mono"
            type="password"
            value={value.value}
            autocomplete={props.autocomplete ?? "new-password"}
            placeholder={value.had ? "the new one" : undefined}
            disabled={props.disabled}
            onInput={(event) => set({ ...value, value: event.currentTarget.value })}
          />
        ) : (
          <span class="form-secret-note">
            {value.choice === "keep" ? "One is set. It is not shown." : "It is removed when you save."}
          </span>
        )}
      </div>
    </FieldFrame>
  );
}
