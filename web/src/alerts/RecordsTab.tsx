// Rules, receivers and maintenance windows are alike: a table, and a dialog to add or change one.

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { get, part, patch, remove } from "../api/client";
import { RecordDialog } from "../edit/RecordDialog";
import { mayOperate } from "../session";
import { Button } from "../ui/Button";
import { confirm } from "../ui/Dialog";
import { Table, type Column } from "../ui/Table";
import { toast, toastProblem } from "../ui/Toast";
import { Empty, Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";

interface Shown {
  id: string;
  name: string;
  enabled?: boolean;
  /** It comes from the configuration, and is changed there. */
  built_in?: boolean;
}

interface RecordsProps<Row extends Shown, Form> {
  what: string;
  /** Where they are, below `alerts/`. */
  path: string;
  hint: string;
  none: string;
  columns: readonly Column<Row>[];
  empty: () => Form;
  formOf: (shown: Row) => Form;
  draftOf: (form: Form) => Record<string, unknown>;
  fields: (form: Form, set: (form: Form) => void, saved: boolean) => ComponentChildren;
  /** What else can be done with one. */
  more?: (row: Row) => ComponentChildren;
  above?: ComponentChildren;
}

export function RecordsTab<Row extends Shown, Form>(props: RecordsProps<Row, Form>): JSX.Element {
  const path = `alerts/${props.path}`;
  const asked = useAsk((signal) => get<{ items: Row[] }>(path, { limit: 1000 }, signal), [path], 30_000);
  const [edited, setEdited] = useState<{ id: string | null } | null>(null);
  const rows = asked.data.value?.items;
  if (!rows) return asked.error.value ? <Trouble error={asked.error.value} onRetry={asked.reload} /> : <Loading />;

  const act = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
      asked.reload();
    } catch (error) {
      toastProblem(what, error);
    }
  };
  const drop = async (row: Row): Promise<void> => {
    if (!(await confirm(`Remove ${row.name}?`, `The ${props.what} is gone then.`, "Remove"))) return;
    await act(`${row.name} was not removed`, () => remove(`${path}/${part(row.id)}`));
  };
  const toggle = (row: Row): Promise<void> =>
    act(`${row.name} was not changed`, async () => {
      await patch(`${path}/${part(row.id)}`, { enabled: !row.enabled });
      toast(`${row.name} is ${row.enabled ? "off" : "on"}.`);
    });
  const buttons = (row: Row): ComponentChildren => {
    if (row.built_in) {
      return (
        <span class="alerts-do">
          {props.more?.(row)}
          <span class="hint">from the configuration, changed there</span>
        </span>
      );
    }
    return (
      <span class="alerts-do">
        {props.more?.(row)}
        {row.enabled !== undefined && <Button onClick={() => void toggle(row)}>{row.enabled ? "Turn off" : "Turn on"}</Button>}
        <Button onClick={() => setEdited({ id: row.id })}>Change</Button>
        <Button kind="danger" onClick={() => void drop(row)}>
          Remove
        </Button>
      </span>
    );
  };
  const columns: Column<Row>[] = [...props.columns];
  if (mayOperate.value) columns.push({ key: "do", title: <span class="sr">What can be done</span>, cell: buttons });
  return (
    <div class="stack">
      <div class="spread">
        <p class="hint alerts-hint">{props.hint}</p>
        {mayOperate.value && (
          <Button kind="primary" icon="add" onClick={() => setEdited({ id: null })}>
            {props.what.charAt(0).toUpperCase() + props.what.slice(1)}
          </Button>
        )}
      </div>
      {props.above}
      {rows.length === 0 ? (
        <Empty>
          <p>{props.none}</p>
        </Empty>
      ) : (
        <Table<Row> label={`${props.what}s`} rows={rows} rowKey={(row) => row.id} columns={columns} rowClass={(row) => (row.enabled === false ? "alerts-off" : "")} />
      )}
      {edited && (
        <RecordDialog<Row, Form>
          what={props.what}
          path={path}
          id={edited.id}
          empty={props.empty}
          formOf={props.formOf}
          draftOf={props.draftOf}
          fields={props.fields}
          close={(changed) => {
            setEdited(null);
            if (changed) asked.reload();
          }}
        />
      )}
    </div>
  );
}
