/** The series of the three charts of a run. */
import type { Arrivals } from "../api/schema";
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

export function users(of: Series): ChartSeries[] {
  return [
    {
      key: "users",
      label: "Users",
      colour: "series-users",
      values: of.users,
      keep: "max",
      fill: true,
      stepped: true,
    },
  ];
}
