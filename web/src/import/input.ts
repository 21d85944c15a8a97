// What is given to import: text, a file or an address; and what the server makes of it.

export type ImportBody = { body: string | Blob; type: string };

export interface ImportRow {
  line: number;
  id?: string | null;
  name: string;
  action: "added" | "changed" | "unchanged" | "skipped";
  reason?: string | null;
}

export interface ImportReport {
  dry_run: boolean;
  added: number;
  changed: number;
  unchanged: number;
  skipped: number;
  rows: ImportRow[];
}

/** An address goes as JSON, the server fetches it; a playlist goes as it is. */
export function bodyOf(kind: "text" | "file" | "url", given: { text: string; file: Blob | null; url: string }): ImportBody | null {
  switch (kind) {
    case "text":
      return given.text.trim() === "" ? null : { body: given.text, type: "audio/x-mpegurl" };
    case "file":
      return given.file === null ? null : { body: given.file, type: "audio/x-mpegurl" };
    case "url":
      return given.url.trim() === "" ? null : { body: JSON.stringify({ url: given.url.trim() }), type: "application/json" };
  }
}

/** What would change, in a sentence. */
export function summary(report: ImportReport): string {
  const part = (count: number, word: string): string => `${count} ${word}`;
  return [
    part(report.added, "added"),
    part(report.changed, "changed"),
    part(report.unchanged, "unchanged"),
    part(report.skipped, "skipped"),
  ].join(", ");
}

/** Rows of these actions; the others are only counted. */
export function shown(report: ImportReport, actions: ReadonlySet<string>): ImportRow[] {
  return report.rows.filter((row) => actions.has(row.action));
}
