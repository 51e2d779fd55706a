/** Tables that locustfiles add: `extended_tables` says what they look like, `extended_stats` what is in them. */
import type { ExtendedTable } from "../api/templateArgs";
import type { Column } from "../components/table";
import type { Value } from "../lib/sort";

export type Record_ = Record<string, unknown>;

export function extendedColumns(table: ExtendedTable, rows: readonly Record_[]): Column<Record_>[] {
  return table.structure.map(({ key, title }) => {
    const numeric = rows.length > 0 && rows.every((row) => typeof row[key] === "number" || row[key] === null);
    return {
      key,
      title,
      numeric,
      value: (row) => (isPlain(row[key]) ? row[key] : JSON.stringify(row[key])),
      text: (row) => shown(row[key]),
    };
  });
}

/** The rows of a table in an answer of /stats/requests. */
export function extendedRows(answer: unknown, key: string): Record_[] {
  if (typeof answer !== "object" || answer === null) return [];
  const tables = (answer as { extended_stats?: unknown }).extended_stats;
  if (!Array.isArray(tables)) return [];
  const table = (tables as { key?: unknown; data?: unknown }[]).find((one) => one.key === key);
  return Array.isArray(table?.data) ? (table.data as Record_[]) : [];
}

function isPlain(value: unknown): value is Value {
  return value === null || value === undefined || ["number", "string", "boolean"].includes(typeof value);
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") {
    return Number.isInteger(value) ? value.toLocaleString("en-US") : String(Number(value.toPrecision(8)));
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value as string | boolean);
}
