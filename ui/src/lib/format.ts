/** Numbers, durations and moments as people read them. Everything shown in the page goes through here. */

const NONE = "–";
const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

type Maybe = number | null | undefined;

function known(value: Maybe): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

// The same rules as crates/report/src/figures.rs, which writes what is not a page: figures.json holds both to them.

/** Half up, in steps of a power of ten. */
function rounded(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Math.floor(value * factor + 0.5) / factor;
}

function fixed(value: number, decimals: number): string {
  const [whole = "", rest] = rounded(value, decimals).toFixed(decimals).split(".");
  const said = grouped.format(Number(whole));
  return rest === undefined ? said : `${said}.${rest}`;
}

/** 1234567 → "1,234,567". */
export function count(value: Maybe): string {
  return known(value) ? grouped.format(value) : NONE;
}

/** A rate per second: two decimals below ten, one below a thousand, none above. */
export function rate(value: Maybe): string {
  if (!known(value)) return NONE;
  if (value <= 0) return "0";
  if (value < 0.005) return "<0.01";
  if (value < 9.995) return fixed(value, 2);
  return fixed(value, value < 999.95 ? 1 : 0);
}

/** Milliseconds without the unit: two decimals below one, one below ten, none above. They are known to the microsecond. */
export function millis(value: Maybe): string {
  if (!known(value)) return NONE;
  const ms = rounded(value, 3);
  if (ms <= 0) return "0";
  if (ms < 0.005) return "<0.01";
  if (ms < 0.995) return fixed(ms, 2);
  return fixed(ms, ms < 9.95 ? 1 : 0);
}

/** Milliseconds with their unit: "420 ms", "12.35 s". */
export function millisWithUnit(value: Maybe): string {
  if (!known(value)) return NONE;
  const ms = rounded(value, 3);
  return ms >= 10_000 ? `${fixed(ms / 1000, 2)} s` : `${millis(value)} ms`;
}

/** A ratio of 0..1 as a percentage; never "0 %" for what did happen, nor "100 %" for what did not always. */
export function percent(ratio: Maybe): string {
  if (!known(ratio)) return NONE;
  const value = ratio * 100;
  if (value <= 0) return "0%";
  if (value < 0.01) return "<0.01%";
  if (value < 0.995) return `${fixed(value, 2)}%`;
  if (value > 100) return `${fixed(value, value < 999.95 ? 1 : 0)}%`;
  if (value === 100) return "100%";
  return value > 99.9 ? ">99.9%" : `${fixed(value, 1)}%`;
}

/** Bytes with a binary unit. */
export function bytes(value: Maybe): string {
  if (!known(value)) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let left = value;
  let unit = 0;
  while (left >= 1024 && unit < units.length - 1) {
    left /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${grouped.format(left)} B` : `${fixed(left, 1)} ${units[unit] ?? ""}`;
}

/** Seconds as a clock: "0:07", "12:05", "1:02:05". */
export function clock(seconds: Maybe): string {
  if (!known(seconds)) return NONE;
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const two = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Seconds in words: "45 s", "3 min 20 s", "1 h 2 min". */
export function span(seconds: Maybe): string {
  if (!known(seconds)) return NONE;
  if (seconds < 10 && !Number.isInteger(seconds)) return `${fixed(seconds, 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor((whole % 86_400) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  return whole % 60 > 0 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
}

/** Unix seconds as local time of day, with the date when it is not today's. */
export function moment(unix: Maybe, now = Date.now() / 1000): string {
  if (!known(unix) || unix <= 0) return NONE;
  const date = new Date(unix * 1000);
  return new Date(now * 1000).toDateString() === date.toDateString() ? timeOfDay(unix) : dateTime(unix);
}

/** The moment since which there are figures, if that is not since the run began; null: it is. */
export function figuresSince(started: Maybe, since: Maybe): string | null {
  return known(started) && known(since) && since > started + 1 ? timeOfDay(since) : null;
}

/** Unix seconds as "14:03:09", local. */
export function timeOfDay(unix: number): string {
  const date = new Date(unix * 1000);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

/** Unix seconds as "2026-11-23 14:03:09", local. */
export function dateTime(unix: number): string {
  const date = new Date(unix * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${timeOfDay(unix)}`;
}

/** Minutes east of Greenwich as "UTC", "UTC+5:30", "UTC−3". */
export function zone(minutes: number): string {
  if (minutes === 0) return "UTC";
  const rest = Math.abs(minutes) % 60;
  const hours = Math.floor(Math.abs(minutes) / 60);
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest === 0 ? "" : `:${String(rest).padStart(2, "0")}`}`;
}

/** How many minutes east of Greenwich the clock of whoever reads this is, at that moment. */
export function zoneHere(unix = Date.now() / 1000): number {
  // `|| 0`: there is a negative zero.
  return -new Date(unix * 1000).getTimezoneOffset() || 0;
}

/** 0.5 → "p50", 0.999 → "p99.9": the name of a percentile, everywhere but in Locust's own formats. With all its digits. */
export function percentileName(fraction: number): string {
  return `p${(fraction * 100).toFixed(12).replace(/\.?0+$/, "")}`;
}

/** "my_argument" → "My argument". */
export function title(key: string): string {
  const words = key.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "1 user", "2 users". */
export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${grouped.format(amount)} ${amount === 1 ? one : many}`;
}
