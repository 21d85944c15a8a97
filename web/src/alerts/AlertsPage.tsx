// What is raised and who has seen it; who is told of what, how, and when not; what was told.

import type { JSX } from "preact";
import { get, type Schema } from "../api/client";
import { live } from "../live";
import { href } from "../router";
import { mayOperate } from "../session";
import "../styles/alerts.css";
import { Tabs } from "../ui/Tabs";
import { Empty } from "../ui/Trouble";
import { useAsk } from "../ui/useAsk";
import { Active } from "./Active";
import { MaintenanceTab } from "./MaintenanceTab";
import { Outbox } from "./Outbox";
import { Receivers } from "./Receivers";
import { Rules } from "./Rules";
import { SentTab } from "./SentTab";

export default function AlertsPage({ params }: { params: Record<string, string> }): JSX.Element {
  const tab = params["tab"] ?? "";
  // Every raised condition shows in a row: a change of any is a reason to count anew.
  const active = useAsk((signal) => get<Schema<"AlertList">>("alerts/active", { limit: 1 }, signal), [], 10_000);
  const raised = live.ready.value ? active.data.value?.total : undefined;
  const tabs = [
    { path: "/ui/alerts", text: "Active", count: raised ?? null, shown: true, page: <Active /> },
    { path: "/ui/alerts/rules", text: "Rules", shown: true, page: <Rules /> },
    { path: "/ui/alerts/receivers", text: "Receivers", shown: mayOperate.value, page: <Receivers /> },
    { path: "/ui/alerts/maintenance", text: "Maintenance", shown: true, page: <MaintenanceTab /> },
    { path: "/ui/alerts/outbox", text: "Outbox", shown: mayOperate.value, page: <Outbox /> },
    { path: "/ui/alerts/sent", text: "Sent", shown: mayOperate.value, page: <SentTab /> },
  ];
  const here = tabs.find((one) => one.path === (tab === "" ? "/ui/alerts" : `/ui/alerts/${tab}`));
  return (
    <>
      <h1>Alerts</h1>
      <Tabs label="Alerts" tabs={tabs.filter((one) => one.shown)} />
      {here?.shown ? (
        here.page
      ) : (
        <Empty>
          <p>{here ? `${here.text} is for operators: it leads to people and their systems.` : "There is nothing here."}</p>
          <a href={href("/ui/alerts")}>Active alerts</a>
        </Empty>
      )}
    </>
  );
}
