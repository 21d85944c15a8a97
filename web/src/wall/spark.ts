// The line of a bitrate.

/** An SVG path through the values, newest at the right edge; empty when nothing is known. Gaps break the line. */
export function sparkPath(values: readonly (number | null)[], width: number, height: number): string {
  let most = 0;
  for (const value of values) if (value !== null && value > most) most = value;
  if (most === 0) return "";
  const step = width / Math.max(1, values.length - 1);
  let path = "";
  let drawing = false;
  values.forEach((value, index) => {
    if (value === null) {
      drawing = false;
      return;
    }
    const x = Math.round(index * step * 10) / 10;
    const y = Math.round((height - 1 - (value / most) * (height - 2)) * 10) / 10;
    path += `${drawing ? "L" : "M"}${x} ${y}`;
    // A value alone would be no line at all.
    const alone = !drawing && (values[index + 1] ?? null) === null;
    // The newest stands at the edge: what goes on from there is not seen.
    if (alone) path += `h${Math.max(1, Math.round(step)) * (index === values.length - 1 ? -1 : 1)}`;
    drawing = true;
  });
  return path;
}
