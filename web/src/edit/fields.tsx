// Fields of forms: a label, the field, what it takes, and beside it what the server says is wrong with it. Each names its
// place in what is sent by a JSON pointer.

import { createContext, type ComponentChildren } from "preact";
import { useContext } from "preact/hooks";
import "../styles/forms.css";
import { fieldId, NO_MISTAKES, type Mistakes } from "./mistakes";

/** What is wrong with the form that the fields are in. */
export const MistakesContext = createContext<Mistakes>(NO_MISTAKES);

export interface FieldProps {
  /** Where it is in what is sent. */
  at: string;
  label: string;
  /** What it takes. */
  hint?: ComponentChildren;
  disabled?: boolean;
  required?: boolean;
  /** Mistakes of items within count as its own. */
  within?: boolean;
}

/** What a field needs to be told apart, described and marked as wrong. */
export function useField({ at, hint, within }: FieldProps) {
  const mistakes = useContext(MistakesContext);
  const wrong = within ? mistakes.within(at) : mistakes.at(at);
  const id = fieldId(at);
  const described = [hint === undefined ? "" : `${id}-hint`, wrong === undefined ? "" : `${id}-wrong`];
  return {
    id,
    wrong,
    input: {
      id,
      "aria-invalid": wrong !== undefined,
      "aria-describedby": described.filter((one) => one !== "").join(" ") || undefined,
    },
  };
}

/** The frame of a field. */
export function FieldFrame(props: FieldProps & { wrong: string | undefined; children: ComponentChildren; group?: boolean }) {
  const id = fieldId(props.at);
  return (
    <div class={props.wrong === undefined ? "field" : "field wrong"}>
      {props.group ? (
        <span class="form-label" id={`${id}-label`}>
          {props.label}
        </span>
      ) : (
        <label class="form-label" for={id}>
          {props.label}
          {props.required && <span class="form-required"> (needed)</span>}
        </label>
      )}
      {props.children}
      {props.wrong !== undefined && (
        <p class="error" id={`${id}-wrong`}>
          <span aria-hidden="true">⚠ </span>
          {props.wrong}
        </p>
      )}
      {props.hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {props.hint}
        </p>
      )}
    </div>
  );
}

interface Text extends FieldProps {
  value: string;
  set: (value: string) => void;
  type?: "text" | "url" | "password" | "datetime-local" | "time" | "email";
  placeholder?: string;
  autocomplete?: string;
  suggestions?: readonly string[];
  maxLength?: number;
  mono?: boolean;
  decimal?: boolean;
  readOnly?: boolean;
  autofocus?: boolean;
}

export function TextField(props: Text) {
  const field = useField(props);
  const list = props.suggestions?.length ? `${field.id}-list` : undefined;
  return (
    <FieldFrame {...props} wrong={field.wrong}>
      <input
        {...field.input}
        class={props.mono ? "mono" : undefined}
        type={props.type ?? "text"}
        inputMode={props.decimal ? "decimal" : undefined}
        value={props.value}
        placeholder={props.placeholder}
        autocomplete={props.autocomplete ?? "off"}
        spellcheck={false}
        maxLength={props.maxLength}
        required={props.required}
        disabled={props.disabled}
        readOnly={props.readOnly}
        list={list}
        autofocus={props.autofocus}
        onInput={(event) => props.set(event.currentTarget.value)}
      />
      {list && (
        <datalist id={list}>
          {props.suggestions?.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </FieldFrame>
  );
}

export function AreaField(props: FieldProps & { value: string; set: (value: string) => void; rows?: number; placeholder?: string; mono?: boolean }) {
  const field = useField(props);
  return (
    <FieldFrame {...props} wrong={field.wrong}>
      <textarea
        {...field.input}
        class={props.mono ? "mono" : undefined}
        rows={props.rows ?? 3}
        value={props.value}
        placeholder={props.placeholder}
        spellcheck={false}
        disabled={props.disabled}
        onInput={(event) => props.set(event.currentTarget.value)}
      />
    </FieldFrame>
  );
}

export function SelectField(props: FieldProps & { value: string; set: (value: string) => void; options: readonly (readonly [string, string])[] }) {
  const field = useField(props);
  const known = props.options.some(([value]) => value === props.value);
  return (
    <FieldFrame {...props} wrong={field.wrong}>
      <select
        {...field.input}
        value={props.value}
        disabled={props.disabled}
        onChange={(event) => props.set(event.currentTarget.value)}
      >
        {/* What a newer server, or its configuration, has beside what is known here is kept. */}
        {!known && <option value={props.value}>{props.value}</option>}
        {props.options.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </FieldFrame>
  );
}

export function CheckField(props: FieldProps & { value: boolean; set: (value: boolean) => void }) {
  const field = useField(props);
  return (
    <div class="field">
      <label class="check">
        <input
          {...field.input}
          type="checkbox"
          checked={props.value}
          disabled={props.disabled}
          onChange={(event) => props.set(event.currentTarget.checked)}
        />
        <span>{props.label}</span>
      </label>
      {field.wrong !== undefined && (
        <p class="error" id={`${field.id}-wrong`}>
          {field.wrong}
        </p>
      )}
      {props.hint !== undefined && (
        <p class="hint" id={`${field.id}-hint`}>
          {props.hint}
        </p>
      )}
    </div>
  );
}

/** Some of a few: a row of boxes to tick. */
export function ChoiceField(
  props: FieldProps & {
    value: readonly string[];
    set: (value: string[]) => void;
    options: readonly (readonly [string, string])[];
  },
) {
  const field = useField({ ...props, within: true });
  const all = props.options.map(([value]) => value);
  // What is chosen and not offered any more can be taken away.
  const gone = props.value.filter((one) => !all.includes(one)).map((one) => [one, `${one} (not there)`] as const);
  const toggle = (value: string, on: boolean): void => {
    const order = [...all, ...gone.map(([one]) => one)];
    props.set(order.filter((one) => (one === value ? on : props.value.includes(one))));
  };
  return (
    <FieldFrame {...props} wrong={field.wrong} group>
      <div
        class="form-choices"
        role="group"
        id={field.id}
        tabIndex={-1}
        aria-labelledby={`${field.id}-label`}
        aria-describedby={field.input["aria-describedby"]}
      >
        {[...props.options, ...gone].map(([value, words]) => (
          <label key={value} class="form-choice">
            <input
              type="checkbox"
              checked={props.value.includes(value)}
              disabled={props.disabled}
              onChange={(event) => toggle(value, event.currentTarget.checked)}
            />
            <span>{words}</span>
          </label>
        ))}
        {props.options.length + gone.length === 0 && <span class="hint">There are none.</span>}
      </div>
    </FieldFrame>
  );
}
