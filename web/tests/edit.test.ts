import { describe, expect, it } from "vitest";
import { draftOf, emptyForm, emptyHeader, formOf, moved, type ShownStream } from "../src/edit/form";
import { fieldId, Mistakes, place, pointer, sentence } from "../src/edit/mistakes";
import { milliseconds, number, secondsText } from "../src/edit/numbers";
import { isSecretHeader, sameServer, secretField, secretValue } from "../src/edit/secret";

const shown: ShownStream = {
  id: "news",
  name: "News",
  group: "Germany",
  logo: "https://example.com/news.png",
  tvg_id: "news.example",
  enabled: true,
  tags: ["hd"],
  sources: [
    {
      url: "https://example.com/live/news.m3u8",
      user_agent: "VLC/3.0.20",
      headers: { Referer: "https://example.com/", "X-Key": { set: true } },
      credentials: { type: "basic", username: "me", password: { set: true } },
      timeout_ms: 8000,
      account: "provider-a",
    },
    { url: "http://backup.example/news.ts", headers: {} },
  ],
  options: {
    transcode: false,
    quality: "medium",
    linger_ms: 30_000,
    monitor: {
      mode: "continuous",
      interval_ms: 10_000,
      still_picture: true,
      failover_on: ["black"],
      conditions: { silent: { hold_ms: 60_000, severity: "warning" }, bitrate: { enabled: false } },
    },
  },
  attributes: { "tvg-chno": "7" },
};

describe("a definition in the form", () => {
  it("comes out as it went in", () => {
    expect(draftOf(formOf(shown))).toEqual(shown);
  });

  it("says nothing about what is as usual", () => {
    const form = emptyForm();
    form.name = " News ";
    const [source] = form.sources;
    if (source) source.url = " http://h/1 ";
    expect(draftOf(form)).toEqual({
      name: "News",
      enabled: true,
      tags: [],
      sources: [{ url: "http://h/1", headers: {} }],
      options: {},
      attributes: {},
    });
  });

  it("keeps, replaces and removes secrets", () => {
    const form = formOf(shown);
    const source = form.sources[0];
    if (!source) throw new Error("a source");
    const header = source.headers[1];
    if (!header?.kept) throw new Error("a kept header");
    header.kept = { ...header.kept, choice: "remove" };
    source.secret = { ...source.secret, choice: "replace", value: "new" };
    source.headers.push({ ...emptyHeader(), name: "X-New", value: "1" });
    const draft = draftOf(form) as { sources: { headers: unknown; credentials: unknown }[] };
    expect(draft.sources[0]?.headers).toEqual({ Referer: "https://example.com/", "X-New": "1" });
    expect(draft.sources[0]?.credentials).toEqual({ type: "basic", username: "me", password: "new" });
    source.secret = { ...source.secret, choice: "remove" };
    const without = draftOf(form) as { sources: { credentials: unknown }[] };
    expect(without.sources[0]?.credentials).toEqual({ type: "basic", username: "me", password: "" });
    source.auth = "none";
    expect((draftOf(form) as { sources: object[] }).sources[0]).not.toHaveProperty("credentials");
  });

  it("sends what is no number as it was typed, for the server to say so", () => {
    const form = formOf(shown);
    form.linger = "soon";
    expect((draftOf(form) as { options: { linger_ms: unknown } }).options.linger_ms).toBe("soon");
  });

  it("moves a source", () => {
    expect(moved(["a", "b", "c"], 2, 0)).toEqual(["c", "a", "b"]);
    expect(moved(["a", "b"], 0, 5)).toEqual(["a", "b"]);
  });
});

describe("secrets", () => {
  it("are kept unless something else is said", () => {
    expect(secretValue(secretField({ set: true }))).toEqual({ set: true });
    expect(secretValue(secretField({ set: false }))).toBeUndefined();
    expect(secretValue(secretField(undefined))).toBeUndefined();
  });

  it("are in all headers but those that are shown", () => {
    expect(["Referer", "origin", "Accept", "Accept-Language"].some(isSecretHeader)).toBe(false);
    expect(["Cookie", "X-Api-Key", "Authorization"].every(isSecretHeader)).toBe(true);
  });

  it("stay on their server", () => {
    expect(sameServer("http://h/1", "http://h/2?x")).toBe(true);
    expect(sameServer("rtsp://h:554/1", "rtsp://h:555/1")).toBe(false);
    expect(sameServer("http://h/1", "nonsense")).toBe(false);
  });
});

describe("mistakes", () => {
  const mistakes = new Mistakes([
    { pointer: "/sources/0/url", problem: "is there twice", allowed: "another" },
    { pointer: "/tags/2", problem: "is too long", allowed: "64 characters" },
    { pointer: "", problem: "is no object", allowed: "an object" },
  ]);

  it("stand beside their fields", () => {
    expect(mistakes.at("/sources/0/url")).toBe("Is there twice; allowed: another");
    expect(mistakes.at("/sources/0")).toBeUndefined();
    expect(mistakes.within("/tags")).toBe("Is too long; allowed: 64 characters");
    expect(mistakes.within("/tag")).toBeUndefined();
  });

  it("are told even when no field is theirs", () => {
    expect(mistakes.elsewhere(["/sources", "/tags"]).map(sentence)).toEqual(["Is no object; allowed: an object"]);
  });

  it("have places that people understand", () => {
    expect(place("/sources/0/url")).toBe("source 1, url");
    expect(place("/options/monitor/conditions/no_video/hold_ms")).toBe("options, monitor, conditions, no video, hold ms");
    expect(place("")).toBe("all of it");
    expect(pointer("sources", 0, "headers", "a/b~c")).toBe("/sources/0/headers/a~1b~0c");
    expect(fieldId("/sources/0/url")).toBe("field-sources-0-url");
  });
});

describe("numbers", () => {
  it("are seconds for people", () => {
    expect(secondsText(1500)).toBe("1.5");
    expect(secondsText(undefined)).toBe("");
    expect(milliseconds("1,5")).toBe(1500);
    expect(milliseconds(" ")).toBeUndefined();
    expect(number("x1")).toBe("x1");
  });
});
