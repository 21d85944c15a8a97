// Times in which people work on something and want to hear nothing of it.

import type { JSX } from "preact";
import { AreaField, TextField } from "../edit/fields";
import { updater } from "../edit/update";
import { Badge } from "../ui/Badge";
import { slowNow, Time } from "../ui/Time";
import { emptyMaintenance, maintenanceDraft, maintenanceOf, type MaintenanceForm, type ShownMaintenance } from "./maintenance";
import { RecordsTab } from "./RecordsTab";
import { selectorWords } from "./selector";
import { SelectorFields } from "./SelectorFields";

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export function MaintenanceTab(): JSX.Element {
  return (
    <RecordsTab<ShownMaintenance, MaintenanceForm>
      what="maintenance window"
      path="maintenance"
      hint="Nothing that a window matches is told while it lasts; what is still raised at its end is."
      none="No maintenance is planned."
      columns={[
        { key: "name", title: "Name", cell: (one) => <span class="cell-name">{one.name}</span> },
        { key: "state", title: "State", cell: (one) => <State one={one} /> },
        { key: "from", title: "From", cell: (one) => <Time at={one.from} /> },
        { key: "to", title: "To", cell: (one) => <Time at={one.to} /> },
        { key: "match", title: "About", cell: (one) => selectorWords(one.match) },
        { key: "comment", title: "Comment", wide: true, cell: (one) => one.comment },
      ]}
      empty={() => emptyMaintenance(new Date())}
      formOf={maintenanceOf}
      draftOf={maintenanceDraft}
      fields={(form, set, saved) => <Fields value={form} set={set} saved={saved} />}
    />
  );
}

function State({ one }: { one: ShownMaintenance }): JSX.Element {
  const now = slowNow.value;
  if (one.active || (Date.parse(one.from) <= now && now < Date.parse(one.to))) return <Badge tone="warning">now</Badge>;
  return <Badge tone="muted">{Date.parse(one.to) <= now ? "over" : "planned"}</Badge>;
}

function Fields({ value, set, saved }: { value: MaintenanceForm; set: (value: MaintenanceForm) => void; saved: boolean }): JSX.Element {
  const put = updater(value, set);
  return (
    <>
      <div class="form-grid">
        <TextField at="/name" label="Name" value={value.name} set={put("name")} />
        <TextField at="/id" label="Id" value={value.id} set={put("id")} mono disabled={saved} hint={saved ? "It cannot be changed" : "Made of the name when it is left out"} />
        <TextField at="/from" label={`From, ${ZONE}`} type="datetime-local" value={value.from} set={put("from")} />
        <TextField at="/to" label={`To, ${ZONE}`} type="datetime-local" value={value.to} set={put("to")} />
      </div>
      <AreaField at="/comment" label="Comment" value={value.comment} set={put("comment")} rows={2} />
      <SelectorFields value={value.selector} set={put("selector")} />
    </>
  );
}
