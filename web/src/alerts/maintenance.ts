// A maintenance window as its form edits it, and back. Fields hold local time, the API has UTC.

import { present, text } from "../edit/numbers";
import { EMPTY_SELECTOR, selectorDraft, selectorOf, type SelectorForm, type ShownSelector } from "./selector";

export interface MaintenanceForm {
  id: string;
  name: string;
  from: string;
  to: string;
  selector: SelectorForm;
  comment: string;
}

export interface ShownMaintenance {
  id: string;
  name: string;
  from: string;
  to: string;
  match?: ShownSelector;
  comment?: string | null;
  active?: boolean;
}

/** A window that begins now and lasts two hours. */
export function emptyMaintenance(now: Date): MaintenanceForm {
  return {
    id: "",
    name: "",
    from: localTime(now),
    to: localTime(new Date(now.getTime() + 2 * 3_600_000)),
    selector: { ...EMPTY_SELECTOR },
    comment: "",
  };
}

export function maintenanceOf(shown: ShownMaintenance): MaintenanceForm {
  return {
    id: shown.id,
    name: shown.name,
    from: localTime(new Date(shown.from)),
    to: localTime(new Date(shown.to)),
    selector: selectorOf(shown.match),
    comment: shown.comment ?? "",
  };
}

export function maintenanceDraft(form: MaintenanceForm): Record<string, unknown> {
  return present({
    id: text(form.id),
    name: text(form.name),
    from: utc(form.from),
    to: utc(form.to),
    match: selectorDraft(form.selector),
    comment: text(form.comment),
  });
}

/** What a field of type `datetime-local` takes. */
export function localTime(at: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The time of such a field in UTC; what is no time goes as it is, for the server to say so. */
export function utc(field: string): string | undefined {
  if (field.trim() === "") return undefined;
  const at = new Date(field);
  return Number.isNaN(at.getTime()) ? field : at.toISOString();
}
