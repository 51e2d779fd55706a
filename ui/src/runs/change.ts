/** How a figure of one run differs from that of another, and whether that may mean anything. */
import type { CompareRow, RunSummary } from "../api/schema";
import { count, percent, span } from "../lib/format";

export type Verdict = "better" | "worse" | "same" | "unsure";

export interface Change {
  text: string;
  verdict: Verdict;
  /** −0.5 for half as much; infinite for what was nothing before. For sorting. */
  relative: number;
}

/** Differences below this are noise. */
const NOISE = 0.02;
/** Either run has to be this long, in seconds, before a difference is called better or worse … */
const ENOUGH_SECONDS = 20;
/** … and to have so many requests of a name: a mean of few is chance. */
const ENOUGH_REQUESTS = 30;

/**
 * How many requests a figure needs to be told from chance: of a percentile, so many that some lie above it. A proper test
 * would need more than two numbers; until there is one, what is too little is not coloured.
 */
export function enough(a: CompareRow | null, b: CompareRow | null, seconds: number, fraction = 0): boolean {
  if (a === null || b === null || seconds < ENOUGH_SECONDS) return false;
  const beyond = fraction > 0 && fraction < 1 ? 10 / (1 - fraction) : 0;
  return Math.min(a.requests, b.requests) >= Math.max(ENOUGH_REQUESTS, beyond);
}

/** `lowerIsBetter`: times and failures. `sure`: there is enough of it. Null when there is nothing to compare with. */
export function change(
  before: number | null | undefined,
  after: number | null | undefined,
  lowerIsBetter: boolean | null,
  sure = true,
): Change | null {
  if (before === null || before === undefined || after === null || after === undefined) return null;
  if (before === after) return { text: "=", verdict: "same", relative: 0 };
  const verdict = (difference: number): Verdict => (sure ? judge(difference, lowerIsBetter) : "unsure");
  if (before === 0) return { text: "new", verdict: verdict(after), relative: Number.POSITIVE_INFINITY };
  const relative = (after - before) / before;
  const text = `${relative > 0 ? "+" : "−"}${percent(Math.abs(relative))}`;
  return { text, verdict: Math.abs(relative) < NOISE ? "same" : verdict(relative), relative };
}

function judge(difference: number, lowerIsBetter: boolean | null): Verdict {
  if (lowerIsBetter === null) return "same";
  return difference > 0 === lowerIsBetter ? "worse" : "better";
}

/** Whether the runs had about as many users: else their rates differ for that. */
export function sameUsers(a: RunSummary, b: RunSummary): boolean {
  return Math.abs(a.max_users - b.max_users) <= 0.1 * Math.max(a.max_users, b.max_users);
}

/**
 * Seconds that the figures are of, as the duration is: until the end, though the last request may have been before it. What is decided
 * by the length of runs is decided by this one, which is shown: `elapsed` is what rates are divided by.
 */
export function measured(run: RunSummary): number {
  return run.ended - Math.max(run.started, run.since);
}

/** What was different between two runs besides the system under test. */
export function differences(a: RunSummary, b: RunSummary): string[] {
  const found: string[] = [];
  const pair = (one: string, other: string) => `${one} in A, ${other} in B`;
  if (!sameUsers(a, b)) found.push(`Users: ${pair(count(a.max_users), count(b.max_users))}.`);
  const [ofA, ofB] = [measured(a), measured(b)];
  if (Math.abs(ofA - ofB) > 0.1 * Math.max(ofA, ofB)) found.push(`Time: ${pair(span(ofA), span(ofB))}.`);
  if (a.host !== b.host) found.push(`Host: ${pair(a.host ?? "none", b.host ?? "none")}.`);
  if (a.locustfile !== b.locustfile)
    found.push(`Script: ${pair(a.locustfile ?? "none", b.locustfile ?? "none")}.`);
  if (Math.min(ofA, ofB) < ENOUGH_SECONDS)
    found.push(`Shorter than ${span(ENOUGH_SECONDS)}: no difference is called better or worse.`);
  if (a.cut_off || b.cut_off)
    found.push(`${a.cut_off ? (b.cut_off ? "Both runs were" : "A was") : "B was"} cut off.`);
  return found;
}
