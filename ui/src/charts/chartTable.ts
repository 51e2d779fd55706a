/** What a chart shows, as rows of a table. */
import { count } from "../lib/format";
import type { ChartSeries, Drawn } from "./uplot";

export interface ChartRow {
  at: number;
  cells: string[];
}

/** More rows than a chart has points would be no use to anybody. */
const MOST = 1_500;
/** What the counts behind rates are called. */
const COUNTED: Record<string, string> = { rps: "Requests", fps: "Failures" };

export function tableOf(
  series: readonly ChartSeries[],
  drawn: Drawn,
  format: (value: number) => string,
): { heads: string[]; rows: ChartRow[]; more: number } {
  const covers = drawn.covers;
  const counted = covers ? series.filter((one) => one.keep === "rate") : [];
  const heads = [
    ...series.map((one) => one.label),
    ...counted.map((one) => COUNTED[one.key] ?? `${one.label}, all`),
  ];
  const cell = (value: number | null | undefined, write: (value: number) => string) =>
    value === null || value === undefined ? "–" : write(value);
  const all = drawn.at.map((at, index): ChartRow => ({
    at,
    cells: [
      ...series.map((_, position) => cell(drawn.values[position]?.[index], format)),
      ...counted.map((one) => {
        const value = drawn.values[series.indexOf(one)]?.[index];
        return cell(value, (rate) => count(Math.round(rate * (covers?.[index] ?? 0))));
      }),
    ],
  }));
  // Between two runs there is nothing.
  const filled = all.filter((row) => row.cells.some((text) => text !== "–"));
  return { heads, rows: filled.slice(-MOST), more: Math.max(0, filled.length - MOST) };
}
