// What two versions of a definition differ in, for who has to choose between them.

import { place, pointer } from "./mistakes";

/** Places in which two values differ, as people say them. */
export function differences(mine: unknown, theirs: unknown, at = ""): string[] {
  if (JSON.stringify(mine) === JSON.stringify(theirs)) return [];
  if (isObject(mine) && isObject(theirs)) {
    const names = new Set([...Object.keys(mine), ...Object.keys(theirs)]);
    return [...names].flatMap((name) => differences(mine[name], theirs[name], at + pointer(name)));
  }
  if (Array.isArray(mine) && Array.isArray(theirs) && mine.length === theirs.length && mine.some(isObject)) {
    return mine.flatMap((one, index) => differences(one, theirs[index], at + pointer(index)));
  }
  return [place(at)];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
