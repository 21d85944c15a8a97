// How a stream is watched, and what differs in judging its conditions.

import type { JSX } from "preact";
import { useContext } from "preact/hooks";
import { FAILOVER_KINDS, SEVERITIES, STREAM_KINDS } from "../stream/words";
import { meaning, spaced } from "../ui/words";
import { CheckField, ChoiceField, MistakesContext, SelectField, TextField } from "./fields";
import { EMPTY_CONDITION, type ConditionForm, type StreamForm } from "./form";
import { fieldId, pointer } from "./mistakes";
import { updater } from "./update";

const AT = "/options/monitor";

export function MonitorFields({ value, set }: { value: StreamForm; set: (value: StreamForm) => void }): JSX.Element {
  const put = updater(value, set);
  return (
    <>
      <div class="form-grid">
        <SelectField
          at={`${AT}/mode`}
          label="How closely"
          value={value.mode}
          set={put("mode")}
          options={[
            ["", "as the server is set"],
            ["sampled", "sampled: a part of each interval"],
            ["continuous", "continuous: every packet"],
            ["off", "off: not at all"],
          ]}
        />
        <TextField at={`${AT}/interval_ms`} label="Between two looks, seconds" value={value.interval} set={put("interval")} decimal placeholder="as the server is set" hint="2 to 3600" />
        <CheckField at={`${AT}/still_picture`} label="The picture may stand still" value={value.stillPicture} set={put("stillPicture")} hint="A logo, a test card: never frozen" />
        <ChoiceField
          at={`${AT}/failover_on`}
          label="Go on to the next source when it is"
          value={value.failoverOn}
          set={put("failoverOn")}
          options={FAILOVER_KINDS.map((kind) => [kind, kind] as const)}
        />
      </div>
      <details>
        <summary>Conditions that are judged otherwise{Object.keys(value.conditions).length > 0 && ` (${Object.keys(value.conditions).length})`}</summary>
        <div class="table-box" role="region" aria-label="Conditions" tabIndex={0}>
          <table class="form-conditions table">
            <thead>
              <tr>
                <th scope="col">Condition</th>
                <th scope="col">Raised</th>
                <th scope="col">Hold, s</th>
                <th scope="col">Clear, s</th>
                <th scope="col">Severity</th>
              </tr>
            </thead>
            <tbody>
              {STREAM_KINDS.map((kind) => (
                <ConditionRow
                  key={kind}
                  kind={kind}
                  value={value.conditions[kind] ?? EMPTY_CONDITION}
                  set={(one) => set({ ...value, conditions: { ...value.conditions, [kind]: one } })}
                />
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

function ConditionRow({ kind, value, set }: { kind: string; value: ConditionForm; set: (value: ConditionForm) => void }): JSX.Element {
  const mistakes = useContext(MistakesContext);
  const put = updater(value, set);
  const at = (name: string): string => `${AT}/conditions${pointer(kind, name)}`;
  const time = (name: "hold" | "clear", words: string): JSX.Element => {
    const wrong = mistakes.at(at(`${name}_ms`));
    const id = fieldId(at(`${name}_ms`));
    return (
      <td class={wrong ? "field wrong" : undefined}>
        <input
          id={id}
          inputMode="decimal"
          aria-label={`${spaced(kind)}: ${words}, seconds`}
          aria-invalid={wrong !== undefined}
          aria-describedby={wrong ? `${id}-wrong` : undefined}
          value={value[name]}
          placeholder="usual"
          onInput={(event) => put(name)(event.currentTarget.value)}
        />
        {wrong && (
          <p class="error" id={`${id}-wrong`}>
            {wrong}
          </p>
        )}
      </td>
    );
  };
  return (
    <tr>
      <th scope="row" title={meaning(kind)}>
        {spaced(kind)}
      </th>
      <td>
        <select id={fieldId(at("enabled"))} aria-label={`${spaced(kind)}: raised`} value={value.enabled} onChange={(event) => put("enabled")(event.currentTarget.value as ConditionForm["enabled"])}>
          <option value="">as usual</option>
          <option value="yes">yes</option>
          <option value="no">never</option>
        </select>
      </td>
      {time("hold", "hold")}
      {time("clear", "clear")}
      <td>
        <select id={fieldId(at("severity"))} aria-label={`${spaced(kind)}: severity`} value={value.severity} onChange={(event) => put("severity")(event.currentTarget.value)}>
          <option value="">as usual</option>
          {SEVERITIES.map((severity) => (
            <option key={severity}>{severity}</option>
          ))}
        </select>
      </td>
    </tr>
  );
}
