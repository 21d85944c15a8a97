// Numbers and times for people, in the viewer's language and zone.

const UNITS = ["", "k", "M", "G", "T"];

function scaled(value: number, thousand: number): [string, string] {
  let unit = 0;
  let rest = value;
  while (Math.abs(rest) >= thousand * 0.9995 && unit < UNITS.length - 1) {
    rest /= thousand;
    unit += 1;
  }
  const digits = unit === 0 || Math.abs(rest) >= 100 ? 0 : Math.abs(rest) >= 10 ? 1 : 2;
  return [rest.toFixed(digits), UNITS[unit] ?? ""];
}

/** `2.48 Mbit/s` */
export function bits(perSecond: number | null | undefined): string {
  if (perSecond === null || perSecond === undefined) return "–";
  const [text, unit] = scaled(perSecond, 1000);
  return `${text} ${unit}bit/s`;
}

/** `132 MiB` */
export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined) return "–";
  const [text, unit] = scaled(count, 1024);
  return unit === "" ? `${text} B` : `${text} ${unit === "k" ? "K" : unit}iB`;
}

export function percent(share: number | null | undefined, digits = 1): string {
  return share === null || share === undefined ? "–" : `${(share * 100).toFixed(digits)} %`;
}

/** `3 s`, `4 min`, `2 h 05 min`, `3 d 4 h` */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "–";
  const all = Math.max(0, Math.round(seconds));
  if (all < 60) return `${all} s`;
  const minutes = Math.floor(all / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const SHORT = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const LONG = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

type Moment = string | number | Date;

/** `14:03:59` */
export const clock = (at: Moment): string => CLOCK.format(new Date(at));
/** `14:03:59` today, `Nov 21, 14:03` on other days. */
export function when(at: Moment, now: Moment = Date.now()): string {
  const date = new Date(at);
  return date.toDateString() === new Date(now).toDateString() ? CLOCK.format(date) : SHORT.format(date);
}
/** With weekday, date, time and zone. */
export const inFull = (at: Moment): string => LONG.format(new Date(at));

/** `1 viewer`, `3 viewers` */
export const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`;
