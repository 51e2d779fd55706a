/** Parameters and environment of a run as lines of text. */
import type { RunDetail } from "../api/schema";
import { formatRunTime } from "../lib/runTime";
import { count, title } from "../lib/format";

export interface InfoLine {
  label: string;
  value: string;
}

const PARAMETERS: [key: string, label: string][] = [
  ["user_count", "Users"],
  ["spawn_rate", "Ramp up (users/s)"],
  ["run_time", "Run time"],
  ["warm_up", "Warm-up"],
  ["shape", "Shape"],
  ["profile", "Profile"],
  ["user_classes", "User classes"],
  ["command", "Command"],
];
const ELSEWHERE = new Set(["tasks", "host", "locustfile", "options", ...PARAMETERS.map(([key]) => key)]);

function text(key: string, value: unknown): string | null {
  if (value === null || value === undefined || value === "") return null;
  if (key === "run_time" && typeof value === "number") return formatRunTime(value);
  if (Array.isArray(value)) return value.length === 0 ? null : value.map(String).join(", ");
  if (typeof value === "object") {
    const parts = Object.entries(value as Record<string, unknown>).map(
      ([name, one]) => `${name}: ${String(one)}`,
    );
    return parts.length === 0 ? null : parts.join(", ");
  }
  return String(value as string | number | boolean);
}

function lines(pairs: [string, string, unknown][]): InfoLine[] {
  return pairs.flatMap(([key, label, value]) => {
    const shown = text(key, value);
    return shown === null ? [] : [{ label, value: shown }];
  });
}

/** What was asked for. */
export function parameters(info: RunDetail["info"]): InfoLine[] {
  const options = typeof info["options"] === "object" && info["options"] !== null ? info["options"] : {};
  return [
    ...lines(PARAMETERS.map(([key, label]) => [key, label, info[key]])),
    ...lines(
      Object.entries(options as Record<string, unknown>).map(([key, value]) => [key, title(key), value]),
    ),
  ];
}

/** Where it ran. */
export function environment(info: RunDetail["info"]): InfoLine[] {
  return lines(
    Object.entries(info)
      .filter(([key]) => !ELSEWHERE.has(key))
      .map(([key, value]) => [key, key === "version" ? "Compatible with Locust" : title(key), value]),
  );
}

/** Of how many names a report has the distributions, where not of all. */
export function keptNote(kept: number, all: number): string | null {
  return kept < all
    ? `A report keeps the distributions of the ${count(kept)} names with the most requests, of ${count(all)}.`
    : null;
}
