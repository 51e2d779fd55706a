/** The history of a run in the page: columns that grow by a point a second. */
import type { History, NameHistory, Point } from "../api/schema";
import type { Column } from "../charts/decimate";
import type { Span } from "../charts/rates";

export interface Series {
  run: number;
  stride: number;
  /** When the runs in it really began and ended: within their first and last points. */
  spans: Span[];
  at: number[];
  users: Column;
  /** Requests until the end of each point. */
  requests: Column;
  /** Failures, the same way. */
  failures: Column;
  avg: Column;
  /** [fraction][point] */
  percentiles: Column[];
  /** The same of the latency of an open run that all other numbers are not of; empty in others. */
  other: Column[];
}

export function emptySeries(fractions = 0): Series {
  return {
    run: 0,
    stride: 1,
    spans: [],
    at: [],
    users: [],
    requests: [],
    failures: [],
    avg: [],
    percentiles: Array.from({ length: fractions }, () => []),
    other: [],
  };
}

export function seriesOf(history: History): Series {
  return {
    run: history.run,
    stride: history.stride,
    spans: history.at.length === 0 ? [] : [[history.began, history.until]],
    at: [...history.at],
    users: [...history.users],
    requests: [...history.requests],
    failures: [...history.failures],
    avg: [...history.avg],
    percentiles: history.percentiles.map((column) => [...column]),
    other: history.other.map((column) => [...column]),
  };
}

/** Adds what is newer than the last point; what is there already stays. */
export function appendHistory(series: Series, history: History): void {
  const last = series.at.at(-1) ?? Number.NEGATIVE_INFINITY;
  history.at.forEach((at, index) => {
    if (at <= last) return;
    series.at.push(at);
    series.users.push(history.users[index] ?? null);
    series.requests.push(history.requests[index] ?? null);
    series.failures.push(history.failures[index] ?? null);
    series.avg.push(history.avg[index] ?? null);
    history.percentiles.forEach((column, fraction) => {
      (series.percentiles[fraction] ??= []).push(column[index] ?? null);
    });
    const place = series.at.length - 1;
    history.other.forEach((column, fraction) => {
      put(series.other, fraction, place, column[index] ?? null);
    });
  });
  if (series.at.length > 0) series.spans = [[series.spans[0]?.[0] ?? history.began, history.until]];
}

/** Adds a second, of statistics that began then. False: its resolution is another one, the history has to be read again. */
export function appendPoint(series: Series, point: Point, since: number): boolean {
  if (series.at.length > 0 && point.stride !== series.stride) return false;
  series.stride = point.stride;
  const last = series.at.at(-1);
  if (last !== undefined && point.at < last) return true;
  // The same second again is a correction of it.
  const index = last === point.at ? series.at.length - 1 : series.at.length;
  series.at[index] = point.at;
  series.users[index] = point.users;
  series.requests[index] = point.requests;
  series.failures[index] = point.failures;
  series.avg[index] = point.avg;
  point.percentiles.forEach((value, fraction) => {
    (series.percentiles[fraction] ??= [])[index] = value;
  });
  point.other.forEach((value, fraction) => {
    put(series.other, fraction, index, value);
  });
  const began = series.spans[0]?.[0] ?? Math.min(Math.max(since, point.at), point.until);
  series.spans = [[began, point.until]];
  return true;
}

/** Puts a value in its place of a column that may have begun later than the others. */
function put(columns: Column[], fraction: number, index: number, value: number | null): void {
  const column = (columns[fraction] ??= []);
  while (column.length < index) column.push(null);
  column[index] = value;
}

/** Several runs one after another, with a gap between them. */
export function concatenate(list: readonly Series[], fractions: number): Series {
  const out = emptySeries(fractions);
  if (list.some((series) => series.other.length > 0)) out.other = emptySeries(fractions).percentiles;
  for (const series of list) {
    const gap = out.at.at(-1);
    const before: [number, number] = [out.requests.at(-1) ?? 0, out.failures.at(-1) ?? 0];
    if (gap !== undefined && series.at.length > 0) {
      out.at.push(gap + 0.5);
      out.requests.push(before[0]);
      out.failures.push(before[1]);
      for (const column of [out.users, out.avg, ...out.percentiles, ...out.other]) column.push(null);
    }
    out.stride = Math.max(out.stride, series.stride);
    out.spans.push(...series.spans);
    // No spreading into push: a long run has more points than a call has arguments.
    for (const at of series.at) out.at.push(at);
    for (const sum of series.requests) out.requests.push((sum ?? 0) + before[0]);
    for (const sum of series.failures) out.failures.push((sum ?? 0) + before[1]);
    copy(series.users, out.users);
    copy(series.avg, out.avg);
    for (const [columns, those] of [
      [out.percentiles, series.percentiles],
      [out.other, series.other],
    ] as const) {
      columns.forEach((column, index) => {
        const from = those[index] ?? [];
        copy(from, column);
        // One that has ended before the others, or was never there.
        for (let left = series.at.length - from.length; left > 0; left -= 1) column.push(null);
      });
    }
  }
  return out;
}

function copy(from: Column, to: Column): void {
  for (const value of from) to.push(value);
}

/** A name's course: seconds that are left out had no requests. */
export function seriesOfName(history: NameHistory): Series {
  const out = { ...emptySeries(history.percentiles.length), stride: history.stride };
  if (history.at.length > 0) out.spans = [[history.began, history.until]];
  const empty = (at: number) => {
    out.at.push(at);
    out.requests.push(out.requests.at(-1) ?? 0);
    out.failures.push(out.failures.at(-1) ?? 0);
    out.avg.push(null);
    for (const column of out.percentiles) column.push(null);
  };
  history.at.forEach((at, index) => {
    const before = out.at.at(-1);
    if (before !== undefined && at - before > history.stride * 1.5) {
      empty(before + history.stride);
      if (at - history.stride > before + history.stride) empty(at - history.stride);
    }
    out.at.push(at);
    out.requests.push(history.requests[index] ?? 0);
    out.failures.push(history.failures[index] ?? 0);
    out.avg.push(history.avg[index] ?? null);
    out.percentiles.forEach((column, fraction) =>
      column.push(history.percentiles[fraction]?.[index] ?? null),
    );
  });
  return out;
}
