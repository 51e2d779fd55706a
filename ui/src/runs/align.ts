/** Two runs on one axis: seconds since each began. */
import type { RunDetail } from "../api/schema";
import type { Column } from "../charts/decimate";
import { rates, stepOf, type Rates } from "../charts/rates";

type Pair = [Column, Column];

export interface Aligned {
  at: number[];
  users: Pair;
  percentile: Pair;
}

export interface AlignedRates {
  at: number[];
  rps: Pair;
  fps: Pair;
  /** Seconds that each is the mean of. */
  step: number;
}

/** Values of both at the moments of either. */
function together(times: readonly [readonly number[], readonly number[]]) {
  const at = [...new Set([...times[0], ...times[1]])].sort((x, y) => x - y);
  const place = (own: readonly number[], values: Column): Column => {
    const byTime = new Map(own.map((time, index) => [time, values[index] ?? null]));
    return at.map((time) => byTime.get(time) ?? null);
  };
  return { at, pair: (a: Column, b: Column): Pair => [place(times[0], a), place(times[1], b)] };
}

export function align(a: RunDetail, b: RunDetail, fraction: number): Aligned {
  const elapsed = (run: RunDetail) =>
    run.history.at.map((at) => Math.max(0, Math.round(at - run.summary.started)));
  const { at, pair } = together([elapsed(a), elapsed(b)]);
  const column = (run: RunDetail) => run.history.percentiles[run.chart_fractions.indexOf(fraction)] ?? [];
  return {
    at,
    users: pair(a.history.users, b.history.users),
    percentile: pair(column(a), column(b)),
  };
}

const POINTS = 1_200;

/** Requests and failures per second, of stretches that are as long in both: else one looked smoother than the other. */
export function alignRates(a: RunDetail, b: RunDetail): AlignedRates {
  const steps = [a, b].map(({ history, elapsed, summary }) =>
    stepOf(elapsed, summary.requests, history.stride, POINTS),
  );
  const step = Math.max(...steps);
  const of = ({ history, summary }: RunDetail): Rates => {
    const begin = Math.floor(summary.started);
    const counted = {
      at: history.at.map((at) => at - begin),
      stride: history.stride,
      spans: history.at.length === 0 ? [] : [[history.began - begin, history.until - begin] as const],
    };
    return rates(counted, [history.requests, history.failures], POINTS, null, step);
  };
  const [one, other] = [of(a), of(b)];
  const { at, pair } = together([one.at, other.at]);
  const columns = (index: number) => pair(one.values[index] ?? [], other.values[index] ?? []);
  return { at, rps: columns(0), fps: columns(1), step };
}
