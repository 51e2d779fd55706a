/** The columns of the statistics table: Locust's, then the other percentiles, the rates of the whole run and the timing phases. */
import { PHASES } from "../charts/palette";
import type { PhaseRow } from "../charts/phases";
import type { Column } from "../components/table";
import { bytes, count, millis, percent, percentileName, rate } from "../lib/format";
import { failRatio, type StatRow } from "../lib/rows";

const NUMBER = { numeric: true, width: 80 };

/** `elapsed`: seconds of the run, for the rates of all of it. `active`: a run that is over has no current rates. */
export function statColumns(
  fractions: readonly number[],
  shown: readonly number[],
  elapsed: number,
  active = true,
): Column<StatRow>[] {
  const time = (key: string, title: string, value: (row: StatRow) => number): Column<StatRow> => ({
    ...NUMBER,
    key,
    title,
    unit: "ms",
    value: (row) => (row.requests === 0 ? null : value(row)),
    text: (row) => (row.requests === 0 ? "–" : millis(value(row))),
  });
  const percentile = (fraction: number, index: number): Column<StatRow> => ({
    ...NUMBER,
    width: 76,
    key: `p${fraction}`,
    title: percentileName(fraction),
    unit: "ms",
    optional: !shown.includes(fraction),
    value: (row) => (row.requests === 0 ? null : (row.percentiles[index] ?? null)),
    text: (row) => (row.requests === 0 ? "–" : millis(row.percentiles[index])),
    help: `${percentileName(fraction)} of the requests took at most this long`,
  });
  const perSecond = (
    key: string,
    title: string,
    value: (row: StatRow) => number,
    optional = false,
  ): Column<StatRow> => ({
    ...NUMBER,
    key,
    title,
    unit: "per s",
    optional,
    value,
    text: (row) => rate(value(row)),
  });
  const failing = (row: StatRow) => (row.failures > 0 ? "bad" : "zero");
  return [
    {
      key: "method",
      title: "Type",
      numeric: false,
      width: 78,
      value: (row) => row.method,
      text: (row) => row.method,
    },
    { key: "name", title: "Name", numeric: false, value: (row) => row.name, text: (row) => row.name },
    {
      ...NUMBER,
      width: 92,
      key: "requests",
      title: "Requests",
      value: (row) => row.requests,
      text: (row) => count(row.requests),
    },
    {
      ...NUMBER,
      key: "failures",
      title: "Fails",
      value: (row) => row.failures,
      text: (row) => count(row.failures),
      tone: failing,
    },
    {
      ...NUMBER,
      key: "failRatio",
      title: "Fails",
      unit: "%",
      value: failRatio,
      text: (row) => percent(failRatio(row)),
      tone: failing,
      help: "Failures per request",
    },
    time("median", "Median", (row) => row.median),
    ...fractions.map(percentile),
    time("avg", "Average", (row) => row.avg),
    time("min", "Min", (row) => row.min),
    time("max", "Max", (row) => row.max),
    {
      ...NUMBER,
      width: 90,
      key: "size",
      title: "Average size",
      value: (row) => row.size,
      text: (row) => (row.requests === 0 ? "–" : bytes(row.size)),
    },
    perSecond("rps", "Current RPS", (row) => (active ? row.rps : 0)),
    {
      ...perSecond("fps", "Current fails", (row) => (active ? row.fps : 0)),
      tone: (row) => (active && row.fps > 0 ? "bad" : "zero"),
    },
    perSecond("totalRps", "RPS, whole run", (row) => (elapsed > 0 ? row.requests / elapsed : 0), true),
    perSecond("totalFps", "Fails, whole run", (row) => (elapsed > 0 ? row.failures / elapsed : 0), true),
  ];
}

/** What keys of columns of timing phases begin with. */
const PHASE_PREFIX = "phase.";

/** Whether any of the columns needs the timing phases. */
export function needsPhases(keys: readonly string[]): boolean {
  return keys.some((key) => key.startsWith(PHASE_PREFIX));
}

/** The timing phases as columns, off unless chosen. `phases`: by the row's id; requests of other clients have none. */
export function phaseColumns(phases: ReadonlyMap<number, PhaseRow>): Column<StatRow>[] {
  return PHASES.map((phase) => ({
    ...NUMBER,
    key: `${PHASE_PREFIX}${phase.key}`,
    title: phase.label,
    unit: "ms, mean",
    group: "Timing phases",
    optional: true,
    value: (row) => phases.get(row.id)?.values[phase.key] ?? null,
    text: (row) => millis(phases.get(row.id)?.values[phase.key]),
    help: phase.help,
  }));
}

/** Keys shown when nobody has chosen. */
export function defaultKeys(columns: readonly Column<StatRow>[]): string[] {
  return columns.filter((column) => !column.optional).map((column) => column.key);
}

/** On a phone: what tells whether it goes well. */
export const PHONE_KEYS = ["name", "requests", "failRatio", "median", "p0.95", "rps"];
