/** The columns of the statistics table: Locust's, with exact response times; then the other percentiles, the rates of the whole run and the timing phases. */
import { PHASES } from "../charts/palette";
import type { PhaseRow } from "../charts/phases";
import type { Column } from "../components/table";
import { bytes, count, millis, percent, percentileName, rate } from "../lib/format";
import { failRatio, type StatRow } from "../lib/rows";

const NUMBER = { numeric: true, width: 72 };
/** What every table has at first, whatever the script asks for. */
const ALWAYS = 0.5;

/** Requests of some clients have no response time. */
const isTimed = (row: StatRow) => row.percentiles.some((ms) => ms !== null);

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
    value: (row) => (isTimed(row) ? value(row) : null),
    text: (row) => (isTimed(row) ? millis(value(row)) : "–"),
  });
  const percentile = (fraction: number, index: number): Column<StatRow> => ({
    ...NUMBER,
    key: `p${fraction}`,
    title: percentileName(fraction),
    unit: "ms",
    optional: fraction !== ALWAYS && !shown.includes(fraction),
    value: (row) => row.percentiles[index] ?? null,
    text: (row) => millis(row.percentiles[index]),
    help: percentileHelp(fraction),
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
  const whole = (counted: number) => (elapsed > 0 ? counted / elapsed : 0);
  const failing = (row: StatRow) => (row.failures > 0 ? "bad" : "zero");
  return [
    {
      key: "method",
      title: "Type",
      numeric: false,
      width: 70,
      value: (row) => row.method,
      text: (row) => row.method,
    },
    { key: "name", title: "Name", numeric: false, value: (row) => row.name, text: (row) => row.name },
    {
      ...NUMBER,
      width: 88,
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
    // The largest of all is Max.
    ...fractions.map(percentile).filter((_, index) => (fractions[index] ?? 0) < 1),
    time("avg", "Average", (row) => row.avg),
    time("min", "Min", (row) => row.min),
    time("max", "Max", (row) => row.max),
    {
      ...NUMBER,
      width: 82,
      key: "size",
      title: "Average size",
      value: (row) => row.size,
      text: (row) => (row.requests === 0 ? "–" : bytes(row.size)),
    },
    perSecond("rps", active ? "Current RPS" : "Avg RPS", (row) => (active ? row.rps : whole(row.requests))),
    {
      ...perSecond("fps", active ? "Current fails" : "Avg fails", (row) =>
        active ? row.fps : whole(row.failures),
      ),
      tone: (row) => ((active ? row.fps : row.failures) > 0 ? "bad" : "zero"),
    },
    perSecond("totalRps", "RPS, whole run", (row) => whole(row.requests), true),
    perSecond("totalFps", "Fails, whole run", (row) => whole(row.failures), true),
  ];
}

function percentileHelp(fraction: number): string {
  const share = Number((fraction * 100).toFixed(4));
  return fraction === 0.5
    ? "The median: half of the requests took at most this long"
    : `${share}% of the requests took at most this long`;
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
export const PHONE_KEYS = ["name", "requests", "failRatio", "p0.5", "p0.95"];

const NARROW: Partial<Record<string, number>> = { requests: 70, failRatio: 62 };

/** There, numbers have room for what they are. */
export function narrow(column: Column<StatRow>): Column<StatRow> {
  if (column.width === undefined) return column;
  return { ...column, width: Math.min(column.width, NARROW[column.key] ?? 54) };
}

/** In a window that is not quite wide enough: as much as numbers need. */
export function slim(column: Column<StatRow>): Column<StatRow> {
  if (column.width === undefined) return column;
  const room: Partial<Record<string, number>> = { requests: 80, size: 82 };
  return { ...column, width: Math.min(column.width, room[column.key] ?? 64) };
}
