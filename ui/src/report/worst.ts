/** Where to look first: the slowest names, those that failed most, and what kinds of failures there were. */
import type { Failure } from "../api/schema";
import { failRatio, type StatRow } from "../lib/rows";

/** So many of each. */
export const FEW = 5;

export interface Kind {
  text: string;
  occurrences: number;
}

/** The slowest by their 95th percentile, the `p95`th of a row. */
export function slowest(rows: readonly StatRow[], p95: number): StatRow[] {
  const of = (row: StatRow) => row.percentiles[p95] ?? Number.NEGATIVE_INFINITY;
  return [...rows]
    .filter((row) => row.percentiles[p95] !== null && row.percentiles[p95] !== undefined)
    .sort((a, b) => of(b) - of(a))
    .slice(0, FEW);
}

/** Those that failed most often. */
export function failing(rows: readonly StatRow[]): StatRow[] {
  return [...rows]
    .filter((row) => row.failures > 0)
    .sort((a, b) => b.failures - a.failures || failRatio(b) - failRatio(a))
    .slice(0, FEW);
}

const STATUS =
  /^(?:HTTPError|BadStatusCode|[A-Za-z]*Error)?\(?['"]?(\d{3}) (?:Client|Server) Error: ([^:'"]+)/;

/** A failure without what differs from name to name: a status with its reason, or the class of an exception. */
export function kindOf(error: string): string {
  const status = STATUS.exec(error);
  if (status) return `${status[1] ?? ""} ${(status[2] ?? "").replace(/ for url$/, "")}`.trim();
  // What a script has said of a response is the script's word for it.
  const said = /^CatchResponseError\((['"])([\s\S]*)\1\)$/.exec(error)?.[2];
  const raised = said === undefined ? /^([A-Za-z_][\w.]*)\(/.exec(error)?.[1] : said;
  const text = raised ?? error;
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** Failures by kind, the most frequent first. */
export function kinds(failures: readonly Failure[]): Kind[] {
  const found = new Map<string, number>();
  for (const { error, occurrences } of failures)
    found.set(kindOf(error), (found.get(kindOf(error)) ?? 0) + occurrences);
  return [...found]
    .map(([text, occurrences]) => ({ text, occurrences }))
    .sort((a, b) => b.occurrences - a.occurrences);
}
