// What is raised now, the gravest first; and saying that one has seen it.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get, part, remove, type Schema } from "../api/client";
import { live } from "../live";
import { href, place, setQuery } from "../router";
import { mayOperate } from "../session";
import { ConditionBadge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Since, slowNow, Time } from "../ui/Time";
import { toastProblem } from "../ui/Toast";
import { Empty, Loading, Trouble } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { useTurn } from "../ui/useTurn";
import { meaning } from "../ui/words";
import { Acknowledge } from "./Acknowledge";

export type Alert = Schema<"Alert">;

export function Active(): JSX.Element {
  const { query } = place.value;
  const [severity, open] = [query.get("severity") ?? "", query.get("open") === "1"];
  const asked = useAsk(
    (signal) => get<Schema<"AlertList">>("alerts/active", { limit: 1000, severity: severity || null, acknowledged: open ? false : null }, signal),
    [severity, open],
    10_000,
  );
  const [seen, setSeen] = useState<Alert | null>(null);
  // What live updates tell of conditions comes sooner.
  const turn = [...live.peekRows()].reduce((sum, row) => sum + row.conditions.length, live.version.value * 0);
  useTurn(turn, asked.reload);
  const takeBack = async (alert: Alert): Promise<void> => {
    try {
      await remove(`${pathOf(alert)}/acknowledgement`);
      asked.reload();
    } catch (error) {
      toastProblem("The acknowledgement was not taken back", error);
    }
  };
  const list = asked.data.value;
  return (
    <div class="stack">
      <div class="row">
        <select aria-label="Severity" value={severity} onChange={(event) => setQuery({ severity: event.currentTarget.value })}>
          <option value="">All severities</option>
          <option>critical</option>
          <option>warning</option>
          <option>info</option>
        </select>
        <label class="check">
          <input type="checkbox" checked={open} onChange={(event) => setQuery({ open: event.currentTarget.checked ? "1" : null })} />
          <span>Only what nobody has acknowledged</span>
        </label>
        {list && <span class="hint">{list.total} raised</span>}
      </div>
      {!list ? (
        asked.error.value ? (
          <Trouble error={asked.error.value} onRetry={asked.reload} />
        ) : (
          <Loading />
        )
      ) : list.items.length === 0 ? (
        <Empty>
          <p>{severity || open ? "Nothing of that sort is raised." : "Nothing is raised."}</p>
        </Empty>
      ) : (
        <ul class="alerts">
          {list.items.map((alert) => (
            <Row key={`${alert.stream} ${alert.condition.kind}`} alert={alert} acknowledge={() => setSeen(alert)} takeBack={() => void takeBack(alert)} />
          ))}
        </ul>
      )}
      {seen && (
        <Acknowledge
          alert={seen}
          close={(done) => {
            setSeen(null);
            if (done) asked.reload();
          }}
        />
      )}
    </div>
  );
}

export function pathOf(alert: Alert): string {
  return `alerts/active/${part(alert.stream)}/${part(alert.condition.kind)}`;
}

function Row({ alert, acknowledge, takeBack }: { alert: Alert; acknowledge: () => void; takeBack: () => void }): JSX.Element {
  const server = alert.stream === "_server";
  const { condition, acknowledged } = alert;
  return (
    <li class={`alert alert-${condition.severity}`}>
      <div class="alert-what">
        <ConditionBadge condition={condition} />
        <a href={href(server ? "/ui/system" : `/ui/streams/${part(alert.stream)}`)}>{server ? "This server" : alert.name || alert.stream}</a>
        {alert.group && <span class="hint">{alert.group}</span>}
        {alert.maintenance && <span class="alert-tag">in maintenance</span>}
      </div>
      <p class="alert-text">
        {condition.evidence?.text || meaning(condition.kind)}
        <span class="hint">
          {" "}
          for <Since at={condition.since} by={slowNow} />, since <Time at={condition.since} />
          {(alert.told ?? []).length > 0 ? `; told to ${alert.told.join(", ")}` : "; nobody was told"}
          {alert.escalations > 0 && `; escalated ${alert.escalations} times`}
        </span>
      </p>
      <div class="alert-who">
        {acknowledged ? (
          <>
            <span>
              Acknowledged by {acknowledged.by}, <Time at={acknowledged.at} />
              {acknowledged.until && (
                <>
                  , until <Time at={acknowledged.until} />
                </>
              )}
              {acknowledged.comment && <span class="hint"> “{acknowledged.comment}”</span>}
            </span>
            {mayOperate.value && <Button onClick={takeBack}>Take it back</Button>}
          </>
        ) : mayOperate.value ? (
          <Button onClick={acknowledge}>Acknowledge</Button>
        ) : (
          <span class="hint">Nobody has acknowledged it.</span>
        )}
      </div>
    </li>
  );
}
