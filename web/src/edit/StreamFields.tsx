// All of a stream's definition.

import type { JSX } from "preact";
import { Button } from "../ui/Button";
import { AttributeFields } from "./AttributeFields";
import { CheckField, SelectField, TextField } from "./fields";
import { emptySource, MOST_SOURCES, moved, type StreamForm } from "./form";
import { ListField } from "./ListField";
import { MonitorFields } from "./MonitorFields";
import { SourceFields } from "./SourceFields";
import { replaced, updater, without } from "./update";

interface StreamFieldsProps {
  value: StreamForm;
  set: (value: StreamForm) => void;
  /** It is saved already: its id cannot be another. */
  saved: boolean;
  groups: readonly string[];
  accounts: readonly string[];
}

export function StreamFields({ value, set, saved, groups, accounts }: StreamFieldsProps): JSX.Element {
  const put = updater(value, set);
  return (
    <>
      <fieldset>
        <legend>What it is</legend>
        <div class="form-grid">
          <TextField at="/name" label="Name" value={value.name} set={put("name")} autofocus={!saved} maxLength={256} hint={saved ? undefined : "The host of its first source when it is left out"} />
          <TextField at="/id" label="Id" value={value.id} set={put("id")} mono disabled={saved} hint={saved ? "It cannot be changed" : "Made of the name when it is left out"} />
          <TextField at="/group" label="Group" value={value.group} set={put("group")} suggestions={groups} maxLength={256} />
          <ListField at="/tags" label="Tags" value={value.tags} set={put("tags")} placeholder="hd, sport" />
          <TextField at="/logo" label="Logo" type="url" value={value.logo} set={put("logo")} placeholder="https://example.com/logo.png" />
          <TextField at="/tvg_id" label="Id in the programme guide" value={value.tvgId} set={put("tvgId")} />
        </div>
        <CheckField at="/enabled" label="Enabled" value={value.enabled} set={put("enabled")} hint="Only then it is watched, and may be viewed" />
      </fieldset>
      <fieldset>
        <legend>Sources</legend>
        <div class="form-rows" id="field-sources" tabIndex={-1}>
          {value.sources.map((source, index) => (
            <SourceFields
              key={source.key}
              index={index}
              count={value.sources.length}
              value={source}
              set={(one) => put("sources")(replaced(value.sources, index, one))}
              move={(to) => put("sources")(moved(value.sources, index, to))}
              drop={() => put("sources")(without(value.sources, index))}
              accounts={accounts}
            />
          ))}
          <div class="row">
            <Button icon="add" disabled={value.sources.length >= MOST_SOURCES} onClick={() => put("sources")([...value.sources, emptySource()])}>
              Backup source
            </Button>
            <span class="hint">The first is pulled; when it fails, the next. At most {MOST_SOURCES}.</span>
          </div>
        </div>
      </fieldset>
      <fieldset>
        <legend>Playing</legend>
        <div class="form-grid">
          <SelectField
            at="/options/transcode"
            label="Convert"
            value={value.transcode}
            set={(text) => put("transcode")(text as StreamForm["transcode"])}
            options={[
              ["", "what a browser could not play"],
              ["always", "always"],
              ["never", "never"],
            ]}
          />
          <SelectField
            at="/options/quality"
            label="Quality for who asks for none"
            value={value.quality}
            set={put("quality")}
            options={[["", "as the server is set"], ...["low", "medium", "high", "source"].map((one) => [one, one] as const)]}
          />
          <TextField at="/options/linger_ms" label="Pull goes on after the last viewer, seconds" value={value.linger} set={put("linger")} decimal placeholder="as the server is set" />
        </div>
      </fieldset>
      <fieldset>
        <legend>Monitor</legend>
        <MonitorFields value={value} set={set} />
      </fieldset>
      <details class="form-part" id="field-attributes">
        <summary>M3U attributes{value.attributes.length > 0 && ` (${value.attributes.length})`}</summary>
        <AttributeFields value={value.attributes} set={put("attributes")} />
      </details>
    </>
  );
}
