// How many side by side: the shape in which pictures of 16 to 9 are largest.

export interface Shape {
  readonly columns: number;
  readonly rows: number;
}

export function shapeOf(count: number, width: number, height: number): Shape {
  let best: Shape = { columns: 1, rows: Math.max(1, count) };
  let largest = 0;
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.max(1, Math.ceil(count / columns));
    const size = Math.min(width / columns, (height / rows) * (16 / 9));
    if (size > largest) {
      largest = size;
      best = { columns, rows };
    }
  }
  return best;
}

/** Where a key leads from one place to another among `count`; null when nowhere. */
export function moved(at: number, key: string, count: number, columns: number): number | null {
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const step = steps[key];
  if (step === undefined) return null;
  const next = at + step;
  return next >= 0 && next < count ? next : null;
}
