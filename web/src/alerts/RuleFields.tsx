// Who is told of what, when, and who is next while nobody acknowledges.

import type { JSX } from "preact";
import { CheckField, ChoiceField, TextField } from "../edit/fields";
import { replaced, updater, without } from "../edit/update";
import { Button, IconButton } from "../ui/Button";
import { DAYS, emptySpan, emptyStep, type RuleForm } from "./rule";
import { SelectorFields } from "./SelectorFields";

interface RuleProps {
  value: RuleForm;
  set: (value: RuleForm) => void;
  saved: boolean;
  receivers: readonly (readonly [string, string])[];
}

export function RuleFields({ value, set, saved, receivers }: RuleProps): JSX.Element {
  const put = updater(value, set);
  return (
    <>
      <div class="form-grid">
        <TextField at="/name" label="Name" value={value.name} set={put("name")} />
        <TextField at="/id" label="Id" value={value.id} set={put("id")} mono disabled={saved} hint={saved ? "It cannot be changed" : "Made of the name when it is left out"} />
      </div>
      <CheckField at="/enabled" label="Enabled" value={value.enabled} set={put("enabled")} />
      <SelectorFields value={value.selector} set={put("selector")} />
      <fieldset>
        <legend>Who is told</legend>
        <ChoiceField at="/receivers" label="Receivers" value={value.receivers} set={put("receivers")} options={receivers} />
        <CheckField at="/recovery" label="Recoveries are told, too" value={value.recovery} set={put("recovery")} />
      </fieldset>
      <fieldset>
        <legend>When</legend>
        <CheckField at="/hours" label="Always" value={value.always} set={put("always")} hint="What is raised outside of its hours is told when they begin, if it still lasts" />
        {!value.always && <HoursFields value={value} set={set} />}
      </fieldset>
      <fieldset>
        <legend>Escalation</legend>
        <p class="hint">Who is told next while nobody acknowledges.</p>
        <div class="form-rows">
          {value.escalate.map((step, index) => (
            <section key={step.key} class="form-source" aria-label={`Step ${index + 1}`}>
              <header>
                <h3>Step {index + 1}</h3>
                <IconButton icon="trash" label={`Remove step ${index + 1}`} onClick={() => put("escalate")(without(value.escalate, index))} />
              </header>
              <TextField
                at={`/escalate/${index}/after_ms`}
                label="After so many minutes"
                value={step.after}
                set={(after) => put("escalate")(replaced(value.escalate, index, { ...step, after }))}
                decimal
              />
              <ChoiceField
                at={`/escalate/${index}/receivers`}
                label="Receivers"
                value={step.receivers}
                set={(chosen) => put("escalate")(replaced(value.escalate, index, { ...step, receivers: chosen }))}
                options={receivers}
              />
            </section>
          ))}
          <div>
            <Button icon="add" disabled={value.escalate.length >= 10} onClick={() => put("escalate")([...value.escalate, emptyStep()])}>
              Step
            </Button>
          </div>
        </div>
      </fieldset>
    </>
  );
}

const ZONES: readonly string[] = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];

function HoursFields({ value, set }: { value: RuleForm; set: (value: RuleForm) => void }): JSX.Element {
  const put = updater(value, set);
  return (
    <div class="form-rows">
      <TextField at="/hours/zone" label="Time zone" value={value.zone} set={put("zone")} suggestions={ZONES} hint="Such as Europe/Berlin or UTC" />
      {value.weekly.map((span, index) => {
        const change = (part: Partial<typeof span>): void => put("weekly")(replaced(value.weekly, index, { ...span, ...part }));
        const at = `/hours/weekly/${index}`;
        return (
          <section key={span.key} class="form-source" aria-label={`Hours ${index + 1}`}>
            <header>
              <h3>Hours {index + 1}</h3>
              <IconButton icon="trash" label={`Remove hours ${index + 1}`} disabled={value.weekly.length === 1} onClick={() => put("weekly")(without(value.weekly, index))} />
            </header>
            <ChoiceField at={`${at}/days`} label="Days" value={span.days} set={(days) => change({ days })} options={DAYS.map((day) => [day, day] as const)} hint="None stands for every day" />
            <div class="form-grid">
              <TextField at={`${at}/from`} label="From" value={span.from} set={(from) => change({ from })} placeholder="08:00" />
              <TextField at={`${at}/to`} label="To" value={span.to} set={(to) => change({ to })} placeholder="18:00" hint="24:00 is midnight; an earlier time is on the next day" />
            </div>
          </section>
        );
      })}
      <div>
        <Button icon="add" disabled={value.weekly.length >= 50} onClick={() => put("weekly")([...value.weekly, emptySpan()])}>
          Hours
        </Button>
      </div>
    </div>
  );
}
