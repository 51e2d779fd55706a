/** Which points of a line are joined, and which stand alone and need a dot to be seen. */
import type { Column } from "./decimate";

/** A line goes over gaps of so many seconds in any case … */
const SHORT = 10;
/** … and, where points are rare, over so many times their usual distance … */
const USUAL = 2.5;
/** … but not over more than this, or three points of the chart. */
const LONG = 60;

const there = (value: number | null | undefined): value is number => value !== null && value !== undefined;

/** Seconds without a value that a line goes over: what is longer is a time in which nothing came. */
export function bridged(at: readonly number[], column: Column, step = 1): number {
  const distances: number[] = [];
  let before: number | null = null;
  at.forEach((moment, index) => {
    if (!there(column[index])) return;
    if (before !== null) distances.push(moment - before);
    before = moment;
  });
  const usual = distances.sort((a, b) => a - b)[Math.floor(distances.length / 2)] ?? 0;
  return Math.min(Math.max(SHORT, USUAL * usual), Math.max(LONG, 3 * step));
}

/** The points that no line reaches, as indices. */
export function lonely(at: readonly number[], column: Column, bridge: number): number[] {
  const found: number[] = [];
  let before = Number.NEGATIVE_INFINITY;
  let candidate: number | null = null;
  at.forEach((moment, index) => {
    if (!there(column[index])) return;
    const joined = moment - before <= bridge;
    if (candidate !== null && !joined) found.push(candidate);
    candidate = joined ? null : index;
    before = moment;
  });
  if (candidate !== null) found.push(candidate);
  return found;
}
