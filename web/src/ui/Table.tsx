// A table that scrolls inside its own box on narrow screens.

import type { ComponentChildren, JSX } from "preact";

export interface Column<Row> {
  key: string;
  title: ComponentChildren;
  cell: (row: Row) => ComponentChildren;
  /** Numbers stand on the right. */
  number?: boolean;
  /** Gets what is left of the width. */
  wide?: boolean;
}

export function Table<Row>(props: { label: string; columns: readonly Column<Row>[]; rows: readonly Row[]; rowKey: (row: Row) => string; rowClass?: (row: Row) => string }): JSX.Element {
  const shape = (column: Column<Row>): string => `${column.number ? "number" : ""} ${column.wide ? "wide" : ""}`;
  return (
    <div class="table-box" role="region" aria-label={props.label} tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column.key} scope="col" class={shape(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.rowKey(row)} class={props.rowClass?.(row)}>
              {props.columns.map((column) => (
                <td key={column.key} class={shape(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
