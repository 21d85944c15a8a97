// Which conditions of which streams are told to which receivers.

import type { JSX } from "preact";
import { get } from "../api/client";
import { mayOperate } from "../session";
import { useAsk } from "../ui/useAsk";
import type { ShownReceiver } from "./receiver";
import { emptyRule, hoursWords, ruleDraft, ruleOf, type RuleForm, type ShownRule } from "./rule";
import { RecordsTab } from "./RecordsTab";
import { RuleFields } from "./RuleFields";
import { selectorWords } from "./selector";

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export function Rules(): JSX.Element {
  // Who may not change rules may not see who there is to be told.
  const asked = useAsk((signal) => (mayOperate.value ? get<{ items: ShownReceiver[] }>("alerts/receivers", { limit: 1000 }, signal) : Promise.resolve({ items: [] })), []);
  const receivers = (asked.data.value?.items ?? []).map((one) => [one.id, one.name] as const);
  return (
    <RecordsTab<ShownRule, RuleForm>
      what="rule"
      path="rules"
      hint="Each rule that matches tells its receivers; a receiver hears of one thing once."
      none="There are no rules: nobody is told of anything."
      columns={[
        { key: "name", title: "Name", cell: (rule) => <span class="cell-name">{rule.name}</span> },
        { key: "match", title: "About", wide: true, cell: (rule) => selectorWords(rule.match) },
        { key: "to", title: "Tells", cell: (rule) => rule.receivers.join(", ") },
        { key: "when", title: "When", cell: (rule) => hoursWords(rule.hours) },
        { key: "then", title: "Then", cell: (rule) => (rule.escalate ?? []).map((step) => `after ${step.after_ms / 60_000} min ${step.receivers.join(", ")}`).join("; ") || "–" },
        { key: "on", title: "State", cell: (rule) => (rule.enabled ? "on" : "off") },
      ]}
      empty={() => emptyRule(ZONE)}
      formOf={(shown) => ruleOf(shown, ZONE)}
      draftOf={ruleDraft}
      fields={(form, set, saved) => <RuleFields value={form} set={set} saved={saved} receivers={receivers} />}
    />
  );
}
