/** How a figure of one run differs from that of another. */
import { percent } from "../lib/format";

export type Verdict = "better" | "worse" | "same";

export interface Change {
  text: string;
  verdict: Verdict;
}

/** Differences below this are noise. */
const NOISE = 0.02;

/** `lowerIsBetter`: times and failures. Null when there is nothing to compare with. */
export function change(
  before: number | null | undefined,
  after: number | null | undefined,
  lowerIsBetter: boolean | null,
): Change | null {
  if (before === null || before === undefined || after === null || after === undefined) return null;
  if (before === after) return { text: "=", verdict: "same" };
  if (before === 0) return { text: "new", verdict: judge(after, lowerIsBetter) };
  const relative = (after - before) / before;
  const text = `${relative > 0 ? "+" : "−"}${percent(Math.abs(relative))}`;
  if (Math.abs(relative) < NOISE) return { text, verdict: "same" };
  return { text, verdict: judge(relative, lowerIsBetter) };
}

function judge(difference: number, lowerIsBetter: boolean | null): Verdict {
  if (lowerIsBetter === null) return "same";
  return difference > 0 === lowerIsBetter ? "worse" : "better";
}
