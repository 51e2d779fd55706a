/** The histogram of response times, made ready for a logarithmic axis. */
import type { Window } from "../api/schema";

/** [low ms, high ms, requests] */
export type Bin = Window["bins"][number];

export interface LogBin {
  low: number;
  high: number;
  count: number;
}

/** Response times below a microsecond are one bin: they are not known finer, and a logarithm has no zero. */
const SMALLEST_MS = 0.001;

/** The bins on `buckets` steps of equal width on a logarithmic axis. */
export function logBins(bins: readonly Bin[], buckets: number): LogBin[] {
  const filled = bins.filter(([, , amount]) => amount > 0);
  const first = filled[0];
  const last = filled.at(-1);
  if (first === undefined || last === undefined) return [];
  const [low, high] = axis(Math.max(SMALLEST_MS, first[0]), Math.max(SMALLEST_MS, last[1]));
  const step = Math.log(high / low) / buckets;
  const out = Array.from({ length: buckets }, (_, index) => ({
    low: low * Math.exp(step * index),
    high: low * Math.exp(step * (index + 1)),
    count: 0,
  }));
  for (const [from, to, amount] of filled) spread(out, from, to, amount, low, step);
  return whole(out);
}

/** There is no half of a request: counts are rounded so that none is lost. */
function whole(bins: LogBin[]): LogBin[] {
  let sum = 0;
  let said = 0;
  return bins.map((bin) => {
    sum += bin.count;
    const count = Math.round(sum) - said;
    said += count;
    return { ...bin, count };
  });
}

/** A bin wider than a step is spread over the steps that it covers, so that coarse input shows no false gaps. */
function spread(out: LogBin[], from: number, to: number, amount: number, low: number, step: number): void {
  const place = (ms: number) => Math.log(Math.max(ms, low) / low) / step;
  const start = Math.min(out.length - 1, Math.max(0, place(from)));
  const end = Math.min(out.length, Math.max(start, place(to)));
  if (end - start < 1e-9) {
    const bin = out[Math.floor(start)];
    if (bin) bin.count += amount;
    return;
  }
  for (let index = Math.floor(start); index < end; index += 1) {
    const share = (Math.min(end, index + 1) - Math.max(start, index)) / (end - start);
    const bin = out[index];
    if (bin) bin.count += amount * share;
  }
}

/** The axis around [low, high]: at least a third of a decade, so that a single value is not a wall. */
export function axis(low: number, high: number): [number, number] {
  const ratio = high / low;
  if (ratio >= 2.2) return [low, high];
  const stretch = Math.sqrt(2.2 / Math.max(1, ratio));
  return [low / stretch, high * stretch];
}

/** 1-2-5 ticks within [low, high]. */
export function logTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let decade = 10 ** Math.floor(Math.log10(low)); decade <= high; decade *= 10) {
    for (const factor of [1, 2, 5]) {
      const value = Number((decade * factor).toPrecision(6));
      if (value >= low && value <= high) ticks.push(value);
    }
  }
  return ticks;
}

/** Points [fraction, ms] of the percentile curve: the upper edge below which that part of the requests lies. */
export function quantiles(bins: readonly Bin[]): [number, number][] {
  const total = bins.reduce((sum, [, , amount]) => sum + amount, 0);
  const out: [number, number][] = [];
  let seen = 0;
  for (const [, high, amount] of bins) {
    if (amount === 0) continue;
    seen += amount;
    out.push([seen / total, high]);
  }
  return out;
}

export interface Label {
  text: string;
  /** Where it points, px. */
  x: number;
  anchor: "start" | "end";
  row: number;
}

const LETTER = 7.4;

/** Puts each label into the first row where it covers none, to the left of its line near the right border. */
export function placeLabels(labels: readonly { text: string; x: number }[], width: number): Label[] {
  const taken: [number, number][][] = [];
  return labels.map(({ text, x }) => {
    const length = text.length * LETTER + 8;
    const anchor = x + length > width ? "end" : "start";
    const from = anchor === "start" ? x : x - length;
    let row = 0;
    while (taken[row]?.some(([left, right]) => from < right && from + length > left)) row += 1;
    (taken[row] ??= []).push([from, from + length]);
    return { text, x, anchor, row };
  });
}
