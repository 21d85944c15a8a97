// Imports a playlist: what it would do first, line by line; then it is done.

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Problem } from "../api/client";
import { AreaField, MistakesContext, TextField } from "../edit/fields";
import { mistakesOf, Summary } from "../edit/Summary";
import { problemFrom } from "../edit/useSave";
import { href } from "../router";
import { mayOperate } from "../session";
import { BulkValidation } from "../streams/BulkValidation";
import "../styles/import.css";
import "../styles/streams.css";
import { Button } from "../ui/Button";
import { count } from "../ui/format";
import { toast } from "../ui/Toast";
import { Empty } from "../ui/Trouble";
import { bodyOf, summary, type ImportReport } from "./input";
import { ReportTable } from "./ReportTable";
import { sendImport, type Sent } from "./send";

const WAYS = [
  ["text", "Paste"],
  ["file", "File"],
  ["url", "Address"],
] as const;
type Way = (typeof WAYS)[number][0];

export default function ImportPage(): JSX.Element {
  const [way, setWay] = useState<Way>("text");
  const [text, setText] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [url, setUrl] = useState("");
  const [sent, setSent] = useState<Sent | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [report, setReport] = useState<ImportReport | null>(null);
  const [validates, setValidates] = useState<readonly string[] | null>(null);
  const abort = useRef<AbortController | null>(null);
  const given = bodyOf(way, { text, file, url });

  if (!mayOperate.value) {
    return (
      <Empty>
        <h1>Playlists are imported by operators</h1>
        <a href={href("/ui/streams")}>All streams</a>
      </Empty>
    );
  }

  /** What was tried with other input says nothing about this one. */
  const anew = <T,>(set: (value: T) => void) => (value: T): void => {
    set(value);
    setReport(null);
    setProblem(null);
    setValidates(null);
  };
  const send = async (dryRun: boolean): Promise<void> => {
    if (!given) return;
    const mine = new AbortController();
    abort.current = mine;
    setProblem(null);
    setSent({ share: 0, sent: false });
    try {
      const answer = await sendImport(given, dryRun, setSent, mine.signal);
      setReport(answer);
      if (!dryRun) toast(`Imported: ${summary(answer)}.`);
    } catch (error) {
      if (!mine.signal.aborted) setProblem(problemFrom(error));
    } finally {
      setSent(null);
    }
  };
  const changes = report ? report.added + report.changed : 0;
  const touched = (report?.rows ?? []).flatMap((row) => ((row.action === "added" || row.action === "changed") && row.id ? [row.id] : []));

  return (
    <MistakesContext.Provider value={mistakesOf(problem)}>
      <p class="crumbs">
        <a href={href("/ui/streams")}>Streams</a>
      </p>
      <h1>Import a playlist</h1>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void send(true);
        }}
      >
        <Summary problem={problem} />
        <fieldset>
          <legend>Where it is</legend>
          <div class="form-segments import-ways" role="radiogroup" aria-label="How it is given">
            {WAYS.map(([key, words]) => (
              <label key={key} class={key === way ? "form-segment form-segment-on" : "form-segment"}>
                <input type="radio" name="way" checked={key === way} onChange={() => anew(setWay)(key)} />
                {words}
              </label>
            ))}
          </div>
          {way === "text" && <AreaField at="/text" label="M3U playlist" value={text} set={anew(setText)} rows={10} mono placeholder={'#EXTM3U\n#EXTINF:-1 tvg-id="news.example" group-title="News",News\nhttps://example.com/live/news.m3u8'} />}
          {way === "file" && <FileInput file={file} set={anew(setFile)} />}
          {way === "url" && <TextField at="/url" label="Address of the playlist" type="url" value={url} set={anew(setUrl)} mono placeholder="http://provider.example/get.php?type=m3u" hint="The server fetches it, under the same rules as any source" />}
        </fieldset>
        <div class="row">
          <Button kind={report?.dry_run ? "plain" : "primary"} type="submit" disabled={!given || sent !== null}>
            Show what would change
          </Button>
          {report?.dry_run && (
            <Button kind="primary" disabled={changes === 0 || sent !== null} onClick={() => void send(false)}>
              {changes === 0 ? "Nothing to import" : `Import ${count(changes, "change")}`}
            </Button>
          )}
          {sent && <Button onClick={() => abort.current?.abort()}>Stop</Button>}
        </div>
        {sent && (
          <div class="progress">
            <span role="status">{sent.sent ? "The server reads it…" : `Sending: ${Math.round(sent.share * 100)} %`}</span>
            {sent.sent ? <progress aria-label="The server reads it" /> : <progress max={1} value={sent.share} aria-label="Sending" />}
          </div>
        )}
      </form>
      {report && <ReportTable report={report} />}
      {report && !report.dry_run && touched.length > 0 && (
        <section class="panel import-validation">
          {validates ? (
            <BulkValidation ids={validates} close={() => setValidates(null)} />
          ) : (
            <div class="row">
              <Button onClick={() => setValidates(touched)}>Validate {count(touched.length, "imported stream")}</Button>
              <a class="button" href={href("/ui/streams")}>
                All streams
              </a>
            </div>
          )}
        </section>
      )}
    </MistakesContext.Provider>
  );
}

/** A file is chosen, or dropped on the field. */
function FileInput({ file, set }: { file: File | null; set: (file: File | null) => void }): JSX.Element {
  const [over, setOver] = useState(false);
  return (
    <label
      class={over ? "import-drop import-over" : "import-drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        set(event.dataTransfer?.files[0] ?? null);
      }}
    >
      <span>{file ? `${file.name}, ${Math.ceil(file.size / 1024)} KiB` : "Choose a playlist, or drop it here"}</span>
      <input type="file" accept=".m3u,.m3u8,audio/x-mpegurl,text/plain" onChange={(event) => set(event.currentTarget.files?.[0] ?? null)} />
    </label>
  );
}
