import { describe, expect, it } from "vitest";
import { emptyMaintenance, localTime, maintenanceDraft, maintenanceOf, utc } from "../src/alerts/maintenance";
import { emptyReceiver, receiverDraft, receiverOf } from "../src/alerts/receiver";
import { daysWords, emptyRule, hoursWords, ruleDraft, ruleOf, type ShownRule } from "../src/alerts/rule";
import { selectorWords } from "../src/alerts/selector";
import { accountDraft, accountOf } from "../src/settings/account";

describe("a rule", () => {
  const shown: ShownRule = {
    id: "news",
    name: "News",
    enabled: true,
    match: { groups: ["News"], severities: ["critical"] },
    receivers: ["desk"],
    hours: { zone: "Europe/Berlin", weekly: [{ days: ["mon", "fri"], from: "08:00", to: "18:00" }] },
    escalate: [{ after_ms: 900_000, receivers: ["chat"] }],
    recovery: false,
  };

  it("comes out as it went in", () => {
    expect(ruleDraft(ruleOf(shown, "UTC"))).toEqual(shown);
  });

  it("is told always unless hours are given", () => {
    const form = emptyRule("UTC");
    form.name = "All";
    form.receivers = ["am"];
    expect(ruleDraft(form)).toEqual({ name: "All", enabled: true, receivers: ["am"], recovery: true });
  });

  it("is put into words", () => {
    expect(selectorWords(shown.match)).toBe("critical; group News");
    expect(selectorWords({})).toBe("everything");
    expect(selectorWords({ conditions: ["no_video", "black"], streams: ["_server"] })).toBe(
      "no video or black; stream this server",
    );
    expect(hoursWords(shown.hours)).toBe("mon, fri 08:00 to 18:00 (Europe/Berlin)");
    expect(hoursWords(null)).toBe("always");
    expect(daysWords(["mon", "tue", "wed", "thu", "fri"])).toBe("mon to fri");
    expect(daysWords([])).toBe("every day");
  });
});

describe("a receiver", () => {
  it("keeps its secret, takes a new one, and loses it", () => {
    const shown = {
      id: "chat",
      name: "Chat",
      enabled: true,
      kind: "webhook" as const,
      url: "https://chat.example/hook",
      secret: { set: true },
    };
    const form = receiverOf(shown);
    expect(receiverDraft(form)).toEqual(shown);
    form.secret = { ...form.secret, choice: "remove" };
    expect(receiverDraft(form)).not.toHaveProperty("secret");
    form.secretFile = "chat-key";
    expect(receiverDraft(form)).toMatchObject({ secret_file: "chat-key" });
  });

  it("sends only what its kind has", () => {
    const form = emptyReceiver();
    form.to = ["desk@example.com"];
    form.url = "https://left.over/";
    expect(receiverDraft(form)).toEqual({ enabled: true, kind: "email", to: ["desk@example.com"] });
  });
});

describe("maintenance", () => {
  it("is local in the form and UTC outside", () => {
    const now = new Date("2026-11-22T22:10:00Z");
    expect(utc(localTime(now))).toBe("2026-11-22T22:10:00.000Z");
    expect(utc("")).toBeUndefined();
    expect(utc("never")).toBe("never");
    const form = emptyMaintenance(now);
    form.name = "Dishes";
    const draft = maintenanceDraft(form) as { from: string; to: string };
    expect(Date.parse(draft.to) - Date.parse(draft.from)).toBe(7_200_000);
    expect(maintenanceOf({ id: "d", name: "Dishes", from: draft.from, to: draft.to }).from).toBe(form.from);
  });
});

describe("an account", () => {
  it("comes out as it went in, its secret unseen", () => {
    const shown = {
      id: "provider-a",
      name: "Provider A",
      max_connections: 2,
      release_ms: 100,
      credentials: { type: "basic", username: "me", password: { set: true } },
    };
    expect(accountDraft(accountOf(shown))).toEqual(shown);
    const byFile = { ...shown, credentials: { type: "bearer", token_file: "key" } };
    expect(accountDraft(accountOf(byFile))).toEqual(byFile);
  });
});
