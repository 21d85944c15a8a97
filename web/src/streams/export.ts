// A playlist of some streams out of that of all: the server exports by group alone.

const ID = /\ssightglass-id=(?:"([^"]*)"|'([^']*)'|([^\s,]+))/;
const PREVIEW = /\/streams\/preview\/([a-z0-9._-]+)/;

/** The playlist with the entries of these streams only. */
export function pick(playlist: string, ids: ReadonlySet<string>): string {
  const kept: string[] = [];
  let entry: string[] = [];
  for (const line of playlist.split(/\r?\n/)) {
    if (line === "") continue;
    if (line.startsWith("#EXTM3U")) {
      kept.push(line);
      continue;
    }
    entry.push(line);
    // Its address ends an entry.
    if (line.startsWith("#")) continue;
    if (ids.has(idOf(entry, line))) kept.push(...entry);
    entry = [];
  }
  return `${kept.join("\n")}\n`;
}

/** Sources name their stream, previews lead to it. */
function idOf(entry: readonly string[], address: string): string {
  const named = ID.exec(entry.find((line) => line.startsWith("#EXTINF")) ?? "");
  return named?.[1] ?? named?.[2] ?? named?.[3] ?? PREVIEW.exec(address)?.[1] ?? "";
}

/** Hands a text over as a file. */
export function download(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
