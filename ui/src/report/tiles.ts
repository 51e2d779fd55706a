/** The figures at the head of a run. */
import type { RunSummary } from "../api/schema";
import { count, millisWithUnit, percent, rate, span } from "../lib/format";

export interface Tile {
  label: string;
  value: string;
  bad?: boolean;
}

export function tiles(summary: RunSummary): Tile[] {
  return [
    { label: "Duration", value: span(summary.duration) },
    { label: "Users at most", value: count(summary.max_users) },
    { label: "Requests", value: count(summary.requests) },
    { label: "Requests per second", value: rate(summary.rps) },
    {
      label: "Failures",
      value: summary.failures === 0 ? "none" : `${count(summary.failures)} (${percent(summary.fail_ratio)})`,
      bad: summary.failures > 0,
    },
    { label: "p50", value: millisWithUnit(summary.p50) },
    { label: "p95", value: millisWithUnit(summary.p95) },
    { label: "p99", value: millisWithUnit(summary.p99) },
  ];
}
