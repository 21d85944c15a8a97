// A list of short texts: what is in it can be taken out one by one, what is typed is added by Enter, comma, or leaving it.

import { useState } from "preact/hooks";
import { FieldFrame, useField, type FieldProps } from "./fields";

interface List extends FieldProps {
  value: readonly string[];
  set: (value: string[]) => void;
  suggestions?: readonly string[];
  placeholder?: string;
  /** Texts may hold commas (groups do): then only Enter adds. */
  commas?: boolean;
}

export function ListField(props: List) {
  const field = useField({ ...props, within: true });
  const [typed, setTyped] = useState("");
  const add = (text: string): void => {
    const parts = props.commas ? [text] : text.split(",");
    const fresh = parts.map((one) => one.trim()).filter((one) => one !== "" && !props.value.includes(one));
    if (fresh.length > 0) props.set([...props.value, ...new Set(fresh)]);
    setTyped("");
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && typed.trim() !== "") {
      // Enter in an empty field sends the form, as anywhere else.
      event.preventDefault();
      add(typed);
    } else if (event.key === "Backspace" && typed === "" && props.value.length > 0) {
      props.set(props.value.slice(0, -1));
    }
  };
  const list = props.suggestions?.length ? `${field.id}-list` : undefined;
  return (
    <FieldFrame {...props} wrong={field.wrong}>
      <div class="form-list">
        {props.value.map((one) => (
          <span key={one} class="form-chip">
            {one}
            <button
              type="button"
              aria-label={`Remove ${one} from ${props.label}`}
              disabled={props.disabled}
              onClick={() => props.set(props.value.filter((other) => other !== one))}
            >
              ×
            </button>
          </span>
        ))}
        <input
          {...field.input}
          class="form-list-input"
          value={typed}
          list={list}
          placeholder={props.value.length === 0 ? props.placeholder : undefined}
          autocomplete="off"
          spellcheck={false}
          disabled={props.disabled}
          onInput={(event) => {
            const text = event.currentTarget.value;
            if (!props.commas && text.includes(",")) add(text);
            else setTyped(text);
          }}
          onKeyDown={onKey}
          onBlur={() => add(typed)}
        />
      </div>
      {list && (
        <datalist id={list}>
          {props.suggestions
            ?.filter((one) => !props.value.includes(one))
            .map((one) => (
              <option key={one} value={one} />
            ))}
        </datalist>
      )}
    </FieldFrame>
  );
}
