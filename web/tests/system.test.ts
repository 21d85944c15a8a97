import { describe, expect, it } from "vitest";
import { cores, nearness } from "../src/system/rates";
import { differences } from "../src/edit/differences";

describe("figures of the server", () => {
  it("tell cores from seconds", () => {
    const before = { at: 1000, seconds: new Map([["1", 2], ["2", 5]]) };
    const now = { at: 3000, seconds: new Map([["1", 3], ["2", 1], ["3", 9]]) };
    expect([...cores(before, now)]).toEqual([["1", 0.5]]);
    expect(cores(null, now).size).toBe(0);
  });

  it("tell how near a warning is, of too much and of too little", () => {
    expect(nearness({ value: 45, threshold: 90, clears_at: 85 })).toBe(0.5);
    expect(nearness({ value: 1000, threshold: 500, clears_at: 625 })).toBe(0.5);
    expect(nearness({ value: 0, threshold: 500, clears_at: 625 })).toBe(1);
  });
});

describe("what two versions differ in", () => {
  it("is told by place", () => {
    const mine = { name: "a", sources: [{ url: "1" }, { url: "2" }], tags: ["x"] };
    const theirs = { name: "b", sources: [{ url: "1" }, { url: "3" }], tags: ["x", "y"] };
    expect(differences(mine, theirs)).toEqual(["name", "source 2, url", "tags"]);
    expect(differences(mine, mine)).toEqual([]);
  });
});
