/** What the report file carries: one run, and the distributions of its names. */
import type { RunDetail, Window } from "../api/schema";
import type { TimeRange } from "../charts/uplot";

export interface ReportArgs {
  theme: "light" | "dark" | null;
  /** Where to download this very report; null in a file. */
  download: string | null;
  run: RunDetail;
  windows: { id: number; window: Window }[];
  version: string;
}

export function isReport(value: unknown): value is ReportArgs {
  return typeof value === "object" && value !== null && "run" in value && value.run !== null;
}

/** The whole run's distribution, of all requests. */
export function firstWindow(args: ReportArgs): Window | null {
  return args.windows.find(({ id }) => id === -1)?.window ?? null;
}

/** Windows of a file: the whole run only, of the names that were kept. */
export function fileWindows(args: ReportArgs): (range: TimeRange, id: number | null) => Promise<Window> {
  const byId = new Map(args.windows.map(({ id, window }) => [id, window]));
  return (_range, id) => {
    const window = byId.get(id ?? -1);
    return window === undefined
      ? Promise.reject(new Error("The report keeps no distribution of this name."))
      : Promise.resolve(window);
  };
}
