// How the server itself is: what it is short of, what runs in it, what it says.

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { live } from "../live";
import { href } from "../router";
import { mayOperate } from "../session";
import { Events } from "../stream/Events";
import "../styles/stream.css";
import "../styles/system.css";
import { Tabs } from "../ui/Tabs";
import { Empty } from "../ui/Trouble";
import { Log } from "./Log";
import { Overview } from "./Overview";

export default function SystemPage({ params }: { params: Record<string, string> }): JSX.Element {
  const tab = params["tab"] ?? "";
  const conditions = live.server.value?.conditions.length ?? 0;
  const tabs = [
    { path: "/ui/system", text: "Overview", shown: true, page: () => <Overview /> },
    { path: "/ui/system/log", text: "Log", shown: mayOperate.value, page: () => <Log /> },
    {
      path: "/ui/system/events",
      text: "Events",
      shown: true,
      page: () => (
        <section class="panel">
          <Events path="info/events" turn={conditions} />
        </section>
      ),
    },
  ];
  const here = tabs.find((one) => one.path === (tab === "" ? "/ui/system" : `/ui/system/${tab}`));
  useEffect(() => {
    document.title = `${here?.text === "Overview" || !here ? "System" : here.text} – Sightglass`;
  }, [here?.text]);
  return (
    <>
      <h1>System</h1>
      <Tabs label="System" tabs={tabs.filter((one) => one.shown)} />
      {here?.shown ? (
        here.page()
      ) : (
        <Empty>
          <p>{here ? "The log is for operators: it names hosts and clients." : "There is nothing here."}</p>
          <a href={href("/ui/system")}>Overview</a>
        </Empty>
      )}
    </>
  );
}
