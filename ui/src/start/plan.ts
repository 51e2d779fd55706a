/** Pictures of what a test will do, as far as that is known before it. */
import type { ArrivalPlan, ShapePlan } from "../api/templateArgs";

export interface Plan {
  title: string;
  unit: "users" | "rate";
  /** Seconds, and users or iterations per second. */
  points: readonly (readonly [number, number])[];
  /** Seconds; null: it goes on as its last point is. */
  end: number | null;
  /** What more there is to know. */
  note: string;
}

/** The picture of a shape; null: its class does not say how many users there will be. */
export function shapePicture(name: string, plan: ShapePlan): Plan | null {
  const last = plan.points.at(-1);
  if (last === undefined) return null;
  const read =
    plan.durations === "ends"
      ? "each duration read as the moment at which its stage ends, as in Locust's examples"
      : "durations read one after the other";
  return {
    title: `Users of ${name}`,
    unit: "users",
    points: plan.points,
    end: plan.time_limit === null ? last[0] : Math.min(plan.time_limit, last[0]),
    note: `Drawn from its stages, ${read}; what tick() makes of them only the test shows.`,
  };
}

export function arrivalPicture(plan: ArrivalPlan): Plan {
  const rates = plan.rates.map(({ rate, classes }) => `${classes.join(", ")}: ${rate}`);
  return {
    title: "Arrivals",
    unit: "rate",
    points: plan.points,
    end: plan.ends_at,
    note: `${rates.join("; ")}.`,
  };
}

/** The line as an SVG path in a box of that size. */
export function curve(
  plan: Plan,
  width: number,
  height: number,
): { path: string; right: number; highest: number; length: number } {
  const last = plan.points.at(-1) ?? [0, 0];
  // One without an end is drawn as going on for a while.
  const length = plan.end ?? (last[0] > 0 ? last[0] * 1.25 : 60);
  const points = plan.points.filter(([at]) => at <= length);
  const next = plan.points.find(([at]) => at > length);
  const before = points.at(-1);
  if (before !== undefined && before[0] < length) {
    // Cut where it ends, or drawn on to there.
    const rise = next === undefined ? 0 : (next[1] - before[1]) / (next[0] - before[0]);
    points.push([length, before[1] + rise * (length - before[0])]);
  }
  const highest = Math.max(0, ...points.map(([, value]) => value));
  const x = (at: number) => (length > 0 ? (at / length) * width : 0).toFixed(1);
  const y = (value: number) => (highest > 0 ? height - (value / highest) * (height - 6) : height).toFixed(1);
  const path = points
    .map(([at, value], index) => `${index === 0 ? "M" : "L"} ${x(at)} ${y(value)}`)
    .join(" ");
  return { path, right: Number(x(points.at(-1)?.[0] ?? 0)), highest, length };
}
