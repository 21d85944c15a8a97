import { expect, test } from "vitest";
import { Problem, problemOf } from "../src/api/client";
import { describe as describeLink } from "../src/frame/LinkBadge";
import { inside, isPage, match } from "../src/router";
import { bits, bytes, count, duration, percent } from "../src/ui/format";

test("paths are those below the base", () => {
  expect(inside("/tv/ui/new", "/tv/")).toBe("/ui/new");
  expect(inside("/tv", "/tv/")).toBe("/");
  expect(inside("/tvs/x", "/tv/")).toBeNull();
  expect(inside("/", "/")).toBe("/");
});

test("patterns give parameters", () => {
  expect(match("/ui/streams/{id}", "/ui/streams/a%2Fb")).toEqual({ id: "a/b" });
  expect(match("/ui/streams/{id}", "/ui/streams")).toBeNull();
  expect(match("/ui/streams/{id}/edit", "/ui/streams/x/edit/")).toEqual({ id: "x" });
  expect(match("/ui/{x}", "/ui/%")).toBeNull();
  expect(match("/", "/")).toEqual({});
});

test("what is not the page's is the server's", () => {
  expect(["/", "/ui", "/ui/new"].every(isPage)).toBe(true);
  expect(["/metrics", "/api/openapi.json", "/uix"].some(isPage)).toBe(false);
});

test("numbers for people", () => {
  expect(bits(2_480_000)).toBe("2.48 Mbit/s");
  expect(bits(999_960)).toBe("1.00 Mbit/s");
  expect(bits(null)).toBe("–");
  expect(bytes(132 * 1024 * 1024)).toBe("132 MiB");
  expect(bytes(512)).toBe("512 B");
  expect([5, 65, 3661, 100_000].map(duration)).toEqual(["5 s", "1 min", "1 h 01 min", "1 d 3 h"]);
  expect(percent(0.1234)).toBe("12.3 %");
  expect([count(1, "viewer"), count(3, "viewer")]).toEqual(["1 viewer", "3 viewers"]);
});

test("problem details, and what stands for them", async () => {
  const body = { title: "The definition has mistakes", detail: "one", code: "invalid_definition", stage: "dns" };
  const found = await problemOf(new Response(JSON.stringify(body), { status: 422, headers: { "retry-after": "7" } }));
  expect(found).toBeInstanceOf(Problem);
  expect([found.code, found.detail, found.retryAfter, found.members["stage"]]).toEqual(["invalid_definition", "one", 7, "dns"]);
  const proxy = await problemOf(new Response("<html>Bad gateway</html>", { status: 502 }));
  expect([proxy.code, proxy.title, proxy.retryAfter]).toEqual(["http_502", "The server answered 502", null]);
});

test("the badge says how fresh it is", () => {
  const heard = new Date(2026, 10, 22, 14, 3, 59).getTime();
  expect(describeLink({ kind: "live" }, 0).text).toBe("live");
  expect(describeLink({ kind: "reconnecting", heard }, heard + 1000).text).toBe("reconnecting");
  expect(describeLink({ kind: "reconnecting", heard }, heard + 9000).text).toBe("stale since 14:03:59");
  expect(describeLink({ kind: "reconnecting", heard: null }, heard).text).toBe("reconnecting");
  expect(describeLink({ kind: "polling" }, 0).text).toBe("polling");
});
