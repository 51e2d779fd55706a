/**
 * Fewer points for long runs: each bucket of time keeps what a reader must not lose.
 *
 * A chart is about a thousand pixels wide; a day has 86 400 seconds. Rates and users are averaged within a bucket,
 * percentiles keep the bucket's largest value (a spike of one second must stay visible).
 */

export type Column = (number | null)[];
export type Keep = "mean" | "max";

export interface Columns {
  at: number[];
  values: Column[];
}

export function decimate(
  at: readonly number[],
  values: readonly Column[],
  keep: readonly Keep[],
  limit: number,
): Columns {
  if (at.length <= limit || limit < 2) return { at: [...at], values: values.map((column) => [...column]) };
  const span = (at.at(-1) ?? 0) - (at[0] ?? 0);
  // Borders at multiples of a power of two: they stay where they are while the chart moves on, and nothing shimmers.
  const step = 2 ** Math.ceil(Math.log2(span / (limit - 2)));
  const out: Columns = { at: [], values: values.map(() => []) };
  let start = 0;
  while (start < at.length) {
    const bucket = Math.floor((at[start] ?? 0) / step);
    let end = start + 1;
    while (end < at.length && Math.floor((at[end] ?? 0) / step) === bucket) end += 1;
    out.at.push(at[start] ?? 0);
    values.forEach((column, index) => {
      out.values[index]?.push(reduce(column, start, end, keep[index] ?? "mean"));
    });
    start = end;
  }
  // The last moment stays the last moment.
  const last = at.at(-1);
  if (last !== undefined && out.at.at(-1) !== last) {
    out.at.push(last);
    values.forEach((column, index) => out.values[index]?.push(column[at.length - 1] ?? null));
  }
  return out;
}

function reduce(column: Column, start: number, end: number, keep: Keep): number | null {
  let sum = 0;
  let found = 0;
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = start; index < end; index += 1) {
    const value = column[index];
    if (value === null || value === undefined) continue;
    sum += value;
    found += 1;
    if (value > largest) largest = value;
  }
  if (found === 0) return null;
  return keep === "max" ? largest : sum / found;
}

/** Indices [from, to) of the moments within [min, max], plus one on either side so that lines reach the border. */
export function visibleRange(at: readonly number[], min: number, max: number): [number, number] {
  let from = 0;
  while (from < at.length && (at[from] ?? 0) < min) from += 1;
  let to = at.length;
  while (to > from && (at[to - 1] ?? 0) > max) to -= 1;
  return [Math.max(0, from - 1), Math.min(at.length, to + 1)];
}
