/** The columns that the server sends, as the rows that tables show. */
import type { Name, Rows } from "../api/schema";

export interface StatRow {
  id: number;
  method: string;
  name: string;
  requests: number;
  failures: number;
  avg: number;
  min: number;
  max: number;
  size: number;
  rps: number;
  fps: number;
  /** By the stream's `fractions`. */
  percentiles: (number | null)[];
}

export const TOTAL_ID = -1;

export function rowAt(rows: Rows, index: number, method: string, name: string): StatRow {
  const at = (column: number[]) => column[index] ?? 0;
  return {
    id: rows.id[index] ?? TOTAL_ID,
    method,
    name,
    requests: at(rows.requests),
    failures: at(rows.failures),
    avg: at(rows.avg),
    min: at(rows.min),
    max: at(rows.max),
    size: at(rows.size),
    rps: at(rows.rps),
    fps: at(rows.fps),
    percentiles: rows.percentiles.map((column) => column[index] ?? null),
  };
}

export function totalRow(rows: Rows): StatRow {
  return { ...rowAt(rows, 0, "", "Aggregated"), id: TOTAL_ID };
}

/** The rows of a run that is over, in the order of Locust's tables. */
export function rowList(names: readonly Name[], rows: Rows): StatRow[] {
  const byId = new Map(names.map((entry) => [entry.id, entry]));
  return rows.id
    .map((id, index) => {
      const entry = byId.get(id);
      return rowAt(rows, index, entry?.method ?? "", entry?.name ?? `#${id}`);
    })
    .sort(byName);
}

/** By name, then method: the order of Locust's tables. */
export function byName(a: StatRow, b: StatRow): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.method < b.method ? -1 : a.method > b.method ? 1 : 0;
}

export function failRatio(row: { requests: number; failures: number }): number {
  return row.requests === 0 ? (row.failures > 0 ? 1 : 0) : row.failures / row.requests;
}

export const EMPTY_TOTAL: StatRow = {
  id: TOTAL_ID,
  method: "",
  name: "Aggregated",
  requests: 0,
  failures: 0,
  avg: 0,
  min: 0,
  max: 0,
  size: 0,
  rps: 0,
  fps: 0,
  percentiles: [],
};
