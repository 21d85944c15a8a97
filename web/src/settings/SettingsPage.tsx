// One's own password; provider accounts; who is let in: users, tokens, keys; and what was done by whom.

import type { JSX } from "preact";
import { href } from "../router";
import { may, mayAdmin, mayOperate, me } from "../session";
import "../styles/settings.css";
import { Tabs } from "../ui/Tabs";
import { Empty } from "../ui/Trouble";
import { Accounts } from "./Accounts";
import { Audit } from "./Audit";
import { Keys } from "./Keys";
import { Password } from "./Password";
import { Tokens } from "./Tokens";
import { Users } from "./Users";

export default function SettingsPage({ params }: { params: Record<string, string> }): JSX.Element {
  const tab = params["tab"] ?? "";
  const tabs = [
    { path: "/ui/settings", text: "You", shown: true, page: <Password /> },
    { path: "/ui/settings/accounts", text: "Provider accounts", shown: mayOperate.value, page: <Accounts /> },
    { path: "/ui/settings/users", text: "Users", shown: mayAdmin.value, page: <Users /> },
    { path: "/ui/settings/tokens", text: "Tokens", shown: mayAdmin.value, page: <Tokens /> },
    { path: "/ui/settings/keys", text: "Signing keys", shown: mayAdmin.value, page: <Keys /> },
    { path: "/ui/settings/audit", text: "Audit log", shown: mayAdmin.value, page: <Audit /> },
  ];
  const here = tabs.find((one) => one.path === (tab === "" ? "/ui/settings" : `/ui/settings/${tab}`));
  return (
    <>
      <h1>Settings</h1>
      <Tabs label="Settings" tabs={tabs.filter((one) => one.shown)} />
      {here?.shown ? (
        here.page
      ) : (
        <Empty>
          <p>{here ? `${here.text} are seen by ${here.path.endsWith("accounts") ? "operators" : "administrators"}; you are ${me.value?.role ?? (may("operate") ? "an operator" : "a viewer")}.` : "There is nothing here."}</p>
          <a href={href("/ui/settings")}>Settings</a>
        </Empty>
      )}
    </>
  );
}
