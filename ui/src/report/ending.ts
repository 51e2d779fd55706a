/** How a run ended, and why, in a word and a few sentences. */
import type { RunDetail, Threshold } from "../api/schema";
import { clock, count, percent, plural, span } from "../lib/format";

export interface Ending {
  outcome: "passed" | "failed" | "nothing";
  word: string;
  why: string[];
}

const broken = (threshold: Threshold): boolean =>
  !threshold.warn && (threshold.outcome === "failed" || threshold.outcome === "no data");

/** "all p95 < 250 ms: 312.5 ms" */
const said = (threshold: Threshold): string =>
  `${threshold.subject} ${threshold.metric} ${threshold.required}: ${threshold.shown ?? "no data"}`;

/** So many broken thresholds are named; the table below has them all. */
const NAMED = 3;

export function ending(detail: RunDetail): Ending {
  const { summary, thresholds, exceptions } = detail;
  const why: string[] = [];
  const bad = thresholds.filter(broken);
  const strict = thresholds.filter((threshold) => !threshold.warn).length;
  const raised = exceptions.reduce((sum, exception) => sum + exception.count, 0);
  const failures = `${count(summary.failures)} of ${plural(summary.requests, "request")} failed (${percent(summary.fail_ratio)})`;

  if (bad.length > 0) {
    const more = bad.length > NAMED ? `, and ${count(bad.length - NAMED)} more` : "";
    const names = bad.slice(0, NAMED).map(said).join("; ");
    why.push(`${count(bad.length)} of ${plural(strict, "threshold")} not kept: ${names}${more}.`);
  } else if (strict > 0) {
    why.push(strict === 1 ? "The threshold was kept." : `All ${count(strict)} thresholds were kept.`);
  }
  if (summary.failures > 0)
    why.push(strict > 0 && bad.length === 0 ? `${failures}, which the thresholds allow.` : `${failures}.`);
  else if (summary.requests > 0) why.push("Every request succeeded.");
  if (raised > 0) why.push(`Tasks raised ${plural(raised, "exception")}.`);
  why.push(lasted(detail));

  const failed = bad.length > 0 || (strict === 0 && (summary.failures > 0 || raised > 0));
  if (failed) return { outcome: "failed", word: "Failed", why };
  if (summary.requests === 0) return { outcome: "nothing", word: "Nothing was sent", why };
  return { outcome: "passed", word: "Passed", why };
}

function lasted({ summary, thresholds, info }: RunDetail): string {
  const ran = span(summary.duration);
  if (summary.cut_off) return `Cut off after ${ran}.`;
  const stopped = thresholds.find(
    (threshold) => threshold.stop && broken(threshold) && threshold.at !== null,
  );
  if (stopped) return `Ended by a threshold after ${clock(stopped.at)}.`;
  const wanted = info["run_time"];
  if (typeof wanted === "number" && wanted > 0)
    return summary.duration >= wanted - 1
      ? `It ran its whole ${span(wanted)}.`
      : `It ran ${ran} of the ${span(wanted)} asked for.`;
  return `It ran ${ran}.`;
}
