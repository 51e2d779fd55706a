/** The series of the three charts of a run. */
import type { Arrivals, ClassUsers, Fan } from "../api/schema";
import { percentileName } from "../lib/format";
import type { Series } from "../lib/series";
import type { Column } from "./decimate";
import { percentileColour } from "./palette";
import type { ChartSeries } from "./uplot";

interface Timed {
  requests: Column;
  failures: Column;
  percentiles: Column[];
  avg: Column;
  other: Column[];
}

export function throughput(of: Timed): ChartSeries[] {
  return [
    { key: "rps", label: "RPS", colour: "series-rps", values: of.requests, keep: "rate", fill: true },
    { key: "fps", label: "Failures/s", colour: "series-fail", values: of.failures, keep: "rate", fill: true },
  ];
}

export function responseTimes(
  of: Timed,
  fractions: readonly number[],
  chosen: readonly number[],
  average: boolean,
  other = "",
): ChartSeries[] {
  const series: ChartSeries[] = fractions.flatMap((fraction, index) =>
    chosen.includes(fraction)
      ? [
          {
            key: `p${fraction}`,
            label: percentileName(fraction),
            colour: percentileColour(fraction),
            values: of.percentiles[index] ?? [],
            keep: "max",
          },
        ]
      : [],
  );
  // Of an open run: the latency that all other numbers are not of.
  fractions.forEach((fraction, index) => {
    const values = of.other[index];
    if (!chosen.includes(fraction) || values === undefined || other === "") return;
    series.push({
      key: `other${fraction}`,
      label: `${percentileName(fraction)} ${other}`,
      colour: percentileColour(fraction),
      values,
      keep: "max",
      dashed: true,
    });
  });
  if (average) {
    series.push({
      key: "avg",
      label: "Average",
      colour: "text-3",
      values: of.avg,
      keep: "mean",
      dashed: true,
    });
  }
  return series;
}

/** What the latency is called that the charts of a run do not show as theirs; empty: it has only one. */
export function otherLatency(arrivals: Arrivals | null): string {
  if (arrivals === null) return "";
  return arrivals.latencies.reads === "service" ? "since intended start" : "service time";
}

/** So many classes have a line; the rest have one together. */
const MOST_CLASSES = 8;

/** All users, and those of each class if there are several. */
export function users(of: Series, classes: ClassUsers | null = null): ChartSeries[] {
  const line = (key: string, label: string, colour: string, values: Column): ChartSeries => ({
    key,
    label,
    colour,
    values,
    keep: "max",
    stepped: true,
  });
  const all: ChartSeries = { ...line("users", "Users", "series-users", of.users), fill: true };
  if (classes === null || classes.classes.length < 2) return [all];
  const byClass = classes.classes
    .map((name, index) => ({ name, users: classes.users[index] ?? [] }))
    .sort((a, b) => Math.max(0, ...b.users) - Math.max(0, ...a.users));
  const shown = byClass.slice(0, byClass.length > MOST_CLASSES ? MOST_CLASSES - 1 : MOST_CLASSES);
  const rest = byClass.slice(shown.length);
  if (rest.length > 0) {
    const sum = classes.at.map((_, at) => rest.reduce((total, one) => total + (one.users[at] ?? 0), 0));
    shown.push({ name: `${rest.length} other classes`, users: sum });
  }
  const lines = shown.map(({ name, users }, index) =>
    line(`class ${name}`, name, `series-${(index % 6) + 1}`, stepsAt(of, classes.at, users)),
  );
  return [all, ...lines];
}

/** What changed at those moments, at the end of each point of a series. */
function stepsAt(of: Series, changes: readonly number[], values: readonly number[]): Column {
  let next = 0;
  let value = 0;
  return of.at.map((at, index) => {
    while (next < changes.length && (changes[next] ?? 0) < at + of.stride) value = values[next++] ?? 0;
    // Between two runs there are none.
    return of.users[index] === null ? null : value;
  });
}

/** Percentiles over time, each filled down to the one below. */
export function fanOf(fan: Fan): ChartSeries[] {
  return fan.fractions.map((fraction, index) => ({
    key: `p${Number((fraction * 100).toFixed(4))}`,
    label: fraction === 0 ? "Min" : fraction === 1 ? "Max" : percentileName(fraction),
    colour: percentileColour(fraction),
    values: fan.percentiles[index] ?? [],
    keep: "max",
    ...(index > 0 ? { downTo: index - 1 } : {}),
  }));
}
