// A label, an input, and what is wrong with what is in it.

import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  /** What is wrong, in the server's words. */
  error?: string | null | undefined;
  hint?: ComponentChildren;
  class?: string;
  /** Gets what ties the input to its label and its error. */
  children: (bind: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean }) => ComponentChildren;
}

export function Field({ label, error, hint, class: more = "", children }: FieldProps): JSX.Element {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter((it) => it !== "").join(" ");
  return (
    <div class={`field ${error ? "wrong" : ""} ${more}`}>
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": Boolean(error) })}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

type InputProps = Omit<FieldProps, "children"> & Omit<JSX.InputHTMLAttributes<HTMLInputElement>, "label" | "onInput" | "value"> & {
  value: string | number;
  onInput: (value: string) => void;
};

/** A field of one line. */
export function TextField({ label, error, hint, class: more, value, onInput, ...rest }: InputProps): JSX.Element {
  return (
    <Field label={label} error={error} hint={hint} class={String(more ?? "")}>
      {(bind) => <input type="text" {...rest} {...bind} value={value} onInput={(event) => onInput(event.currentTarget.value)} />}
    </Field>
  );
}

export function SelectField(props: Omit<FieldProps, "children"> & { value: string; options: readonly (readonly [string, string])[]; onInput: (value: string) => void; disabled?: boolean }): JSX.Element {
  const { value, options, onInput, disabled, ...field } = props;
  return (
    <Field {...field}>
      {(bind) => (
        <select {...bind} value={value} disabled={disabled} onChange={(event) => onInput(event.currentTarget.value)}>
          {options.map(([key, text]) => (
            <option key={key} value={key}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Check(props: { label: ComponentChildren; checked: boolean; onInput: (checked: boolean) => void; disabled?: boolean; title?: string }): JSX.Element {
  return (
    <label class="check" title={props.title}>
      <input type="checkbox" checked={props.checked} disabled={props.disabled} onChange={(event) => props.onInput(event.currentTarget.checked)} />
      <span>{props.label}</span>
    </label>
  );
}
