/**
 * Rates as a chart shows them: what was counted within each of some equal stretches of time, divided by how long that was.
 *
 * Whatever the width of a stretch, they sum to the table: a rate times its seconds is a number of requests, and each request is
 * in one of them. Where there are few requests the stretches are wider, or the chart would be a comb of zeros and ones.
 */
import type { Column } from "./decimate";

/** Begin and end of a run, unix seconds, to a fraction. */
export type Span = readonly [began: number, until: number];

export interface Counted {
  /** Begin of each point, rising. */
  at: readonly number[];
  /** Seconds of a point. */
  stride: number;
  /** The runs that it is of, one after another. */
  spans: readonly Span[];
}

export interface Rates {
  at: number[];
  /** By column: a second's worth of what was counted. */
  values: Column[];
  /** How many seconds each stretch covers. */
  covers: number[];
  /** Width of a whole one, in seconds. */
  step: number;
}

/** So many requests make a rate that is no comb. */
const ENOUGH = 5;
/** Wider stretches leave at least this many in the picture. */
const FEWEST = 12;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400];

/** The width of a stretch where `requests` came within so many seconds, of which the chart has room for `limit`. */
export function stepOf(seconds: number, requests: number, stride: number, limit: number): number {
  const room = seconds / Math.max(2, limit);
  const quiet = requests > 0 ? Math.min((ENOUGH * seconds) / requests, seconds / FEWEST) : 0;
  const wanted = Math.max(stride, room, quiet);
  if (stride > 1) return stride * 2 ** Math.ceil(Math.log2(wanted / stride));
  return STEPS.find((step) => step >= wanted) ?? 86_400 * Math.ceil(wanted / 86_400);
}

/** What was counted until the moment, which is the begin of a point or lies beyond all. */
function until(at: readonly number[], sums: Column, moment: number): number {
  let low = 0;
  let high = at.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((at[middle] ?? 0) < moment) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : (sums[low - 1] ?? 0);
}

/**
 * `width`: of a stretch, where it is not to be chosen here. `sums`: columns of what had been counted at the end of each point, the first of them the requests. `range`: what of it is shown.
 * A first or last stretch that is hardly begun counts with its neighbour: a part of a second is no outage.
 */
export function rates(
  counted: Counted,
  sums: readonly Column[],
  limit: number,
  range: readonly [number, number] | null = null,
  width: number | null = null,
): Rates {
  const { at, spans, stride } = counted;
  const shown = spans
    .map(([from, to]): Span => [Math.max(from, range?.[0] ?? from), Math.min(to, range?.[1] ?? to)])
    .filter(([from, to]) => to > from);
  const seconds = shown.reduce((sum, [from, to]) => sum + to - from, 0);
  const requests = sums[0] ?? [];
  const found = shown.reduce(
    (sum, [from, to]) => sum + until(at, requests, Math.ceil(to)) - until(at, requests, Math.floor(from)),
    0,
  );
  const step = width ?? stepOf(seconds, found, stride, limit);
  const out: Rates = { at: [], values: sums.map(() => []), covers: [], step };
  spans.forEach((span) => {
    const [began, ended] = span;
    if (range !== null && (ended < range[0] || began > range[1])) return;
    const last = out.at.at(-1);
    if (last !== undefined) {
      // Between two runs there is nothing, which is not zero.
      out.at.push(last + 0.5);
      out.covers.push(0);
      for (const column of out.values) column.push(null);
    }
    for (const [from, to] of stretches(span, step, range)) {
      const isLast = to >= ended;
      // The last point may have been late: what it counted belongs to this run all the same.
      const end = isLast ? Math.max(Math.ceil(ended), Math.floor(ended) + stride) : to;
      out.at.push(Math.floor(from));
      out.covers.push(to - from);
      sums.forEach((column, index) => {
        const many = until(at, column, end) - until(at, column, Math.floor(from));
        out.values[index]?.push(many / (to - from));
      });
    }
  });
  return out;
}

/** A run cut at multiples of the step: they stay where they are while the run goes on, and nothing shimmers. */
function stretches([began, ended]: Span, step: number, range: readonly [number, number] | null): Span[] {
  const first = range === null ? began : Math.max(began, Math.floor(range[0] / step) * step - step);
  const end = range === null ? ended : Math.min(ended, Math.ceil(range[1] / step) * step + step);
  const borders = [first];
  for (let border = (Math.floor(first / step) + 1) * step; border < end; border += step) borders.push(border);
  borders.push(end);
  const short = (index: number) => (borders[index + 1] ?? 0) - (borders[index] ?? 0) < step / 2;
  if (borders.length > 2 && short(0)) borders.splice(1, 1);
  if (borders.length > 2 && short(borders.length - 2)) borders.splice(borders.length - 2, 1);
  return borders.slice(1).map((to, index): Span => [borders[index] ?? first, to]);
}
