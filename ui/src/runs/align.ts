/** Two runs on one axis: seconds since each began. */
import type { RunDetail } from "../api/schema";
import type { Column } from "../charts/decimate";

type Pair = [Column, Column];

export interface Aligned {
  at: number[];
  rps: Pair;
  fps: Pair;
  users: Pair;
  percentile: Pair;
}

export function align(a: RunDetail, b: RunDetail, fraction: number): Aligned {
  const elapsed = (run: RunDetail) =>
    run.history.at.map((at) => Math.max(0, Math.round(at - run.summary.started)));
  const times: [number[], number[]] = [elapsed(a), elapsed(b)];
  const at = [...new Set([...times[0], ...times[1]])].sort((x, y) => x - y);
  const place = (values: readonly (number | null)[], own: number[]): Column => {
    const byTime = new Map(own.map((time, index) => [time, values[index] ?? null]));
    return at.map((time) => byTime.get(time) ?? null);
  };
  const pair = (column: (run: RunDetail) => readonly (number | null)[]): Pair => [
    place(column(a), times[0]),
    place(column(b), times[1]),
  ];
  return {
    at,
    rps: pair((run) => run.history.rps),
    fps: pair((run) => run.history.fps),
    users: pair((run) => run.history.users),
    percentile: pair((run) => run.history.percentiles[run.chart_fractions.indexOf(fraction)] ?? []),
  };
}
