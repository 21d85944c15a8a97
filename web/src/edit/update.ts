// Changing a part of a form: the rest stays.

/** A setter for one member of an object that is held elsewhere. */
export function updater<T extends object>(value: T, set: (value: T) => void) {
  return <Key extends keyof T>(key: Key) =>
    (part: T[Key]): void =>
      set({ ...value, [key]: part });
}

/** A list with one item made another. */
export function replaced<T>(list: readonly T[], index: number, item: T): T[] {
  return list.map((one, at) => (at === index ? item : one));
}

/** A list without one item. */
export function without<T>(list: readonly T[], index: number): T[] {
  return list.filter((_, at) => at !== index);
}
