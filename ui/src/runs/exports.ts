/** A past run as files: what the server makes is linked, the table of figures is written here. */
import type { RunDetail } from "../api/schema";
import { percentileName } from "../lib/format";
import { rowList, totalRow } from "../lib/rows";

/** One cell of a CSV file: quoted where it has to be, and never taken for a formula by a spreadsheet. */
function cell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A row a name, then the total; times in milliseconds with every digit that is known. */
export function csvOf(detail: RunDetail): string {
  const fractions = detail.fractions.filter((fraction) => fraction < 1);
  const head = [
    "Type",
    "Name",
    "Requests",
    "Failures",
    "Requests/s",
    "Failures/s",
    "Average (ms)",
    "Min (ms)",
    ...fractions.map((fraction) => `${percentileName(fraction)} (ms)`),
    "Max (ms)",
    "Average size (bytes)",
  ];
  const rate = (counted: number) => (detail.elapsed > 0 ? counted / detail.elapsed : 0);
  const rows = [...rowList(detail.names, detail.rows), totalRow(detail.total)].map((row) => {
    const timed = row.percentiles.some((ms) => ms !== null);
    const time = (ms: number) => (timed ? ms : null);
    return [
      row.method,
      row.name,
      row.requests,
      row.failures,
      rate(row.requests),
      rate(row.failures),
      time(row.avg),
      time(row.min),
      ...fractions.map((_, index) => row.percentiles[index] ?? null),
      time(row.max),
      row.size,
    ];
  });
  return [head, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
