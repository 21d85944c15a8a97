// Which lines are logged: others for a while, to find a fault.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get, put, remove, type Schema } from "../api/client";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { Time } from "../ui/Time";
import { toast, toastProblem } from "../ui/Toast";
import { useAsk } from "../ui/useAsk";

type Filter = Schema<"LogFilter">;

const USUAL = ["info", "debug", "info,sightglass::ingest=debug", "info,sightglass::monitor=debug", "warn"];

export function LogLevel(): JSX.Element {
  const asked = useAsk((signal) => get<Filter>("info/log-level", {}, signal), [], 30_000);
  const [level, setLevel] = useState("info,sightglass::ingest=debug");
  const [minutes, setMinutes] = useState("15");
  const now = asked.data.value;
  const change = async (work: () => Promise<unknown>, done: string): Promise<void> => {
    try {
      await work();
      toast(done);
      asked.reload();
    } catch (error) {
      toastProblem("The level was not changed", error);
    }
  };
  return (
    <form
      class="panel system-level"
      onSubmit={(event) => {
        event.preventDefault();
        void change(() => put("info/log-level", { level: level.trim(), seconds: Math.round(Number(minutes) * 60) }), "Other lines are logged for a while.");
      }}
    >
      <p>
        Logged now: <span class="mono">{now?.level ?? "…"}</span>
        {now?.until && (
          <>
            {" "}
            until <Time at={now.until} />, then <span class="mono">{now.configured}</span>
          </>
        )}
      </p>
      <Field label="Log these lines">
        {(bind) => (
          <>
            <input {...bind} class="mono" value={level} list="log-levels" onInput={(event) => setLevel(event.currentTarget.value)} />
            <datalist id="log-levels">
              {USUAL.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      <Field label="For minutes">{(bind) => <input {...bind} inputMode="numeric" value={minutes} onInput={(event) => setMinutes(event.currentTarget.value)} />}</Field>
      <Button kind="primary" type="submit" disabled={level.trim() === "" || !(Number(minutes) > 0)}>
        Switch
      </Button>
      {now?.until && <Button onClick={() => void change(() => remove("info/log-level"), "It is as configured again.")}>As configured</Button>}
    </form>
  );
}
