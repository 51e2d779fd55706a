/** The series of the three charts of a run. */
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
