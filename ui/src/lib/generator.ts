/** What the program sees of itself, for people. */
import type { Generator } from "../api/schema";
import type { Tile } from "../report/tiles";
import { count, millisWithUnit, percent, rate } from "./format";

/** From here on the thread of the users is all that a response time may tell of. */
const BUSY = 0.9;
/** What comes so late, in ms, is seen in the response times. */
const LATE_MS = 50;

const share = (of: Generator, kind: string) => of.cpu[kind] ?? 0;

function rest(of: Generator): number {
  return Object.entries(of.cpu).reduce(
    (sum, [kind, used]) => (kind === "main" || kind === "io" ? sum : sum + used),
    0,
  );
}

/** What keeps the numbers of this second from being those of the system under test. */
export function complaints(second: Generator): string[] {
  const found: string[] = [];
  if (share(second, "main") >= BUSY)
    found.push(
      "The thread that runs the users has no time to spare: more users make it slower, not the system under test busier.",
    );
  if (share(second, "io") >= BUSY) found.push("The I/O thread has no time to spare.");
  if ((second.lag_max ?? 0) >= LATE_MS)
    found.push(`An answer waited ${millisWithUnit(second.lag_max)} until its user went on.`);
  if (second.late > 0) found.push(`Tasks begin late: ${rate(second.late)} a second by more than 8 ms.`);
  return found;
}

export function generatorTiles(second: Generator): Tile[] {
  return [
    {
      label: "Thread of the users",
      value: percent(share(second, "main")),
      bad: share(second, "main") >= BUSY,
    },
    { label: "I/O thread", value: percent(share(second, "io")), bad: share(second, "io") >= BUSY },
    { label: "All other threads", value: percent(rest(second)) },
    { label: "Answers taken up after", value: millisWithUnit(second.lag) },
    {
      label: "Latest answer",
      value: millisWithUnit(second.lag_max),
      bad: (second.lag_max ?? 0) >= LATE_MS,
    },
    {
      label: "Tasks begun late",
      value: second.late === 0 ? "none" : `${rate(second.late)} of ${rate(second.starts)} a second`,
      bad: second.late > 0,
    },
    { label: "Latest task", value: millisWithUnit(second.start_delay_max) },
    { label: "Answers a turn", value: rate(second.completions_per_turn) },
    { label: "Turns a second", value: rate(second.turns) },
    { label: "Wakes a second", value: rate(second.wakes) },
    { label: "Commands at a time", value: rate(second.commands_per_round) },
    { label: "Longest queue", value: count(second.queue) },
    { label: "Waits for statistics", value: `${millisWithUnit(second.lock_wait)}/s` },
    { label: "Connections", value: count(second.connections) },
  ];
}

/** Processor time in % of a core, delays in ms. */
export function columnsOf(points: readonly Generator[]) {
  const column = (value: (point: Generator) => number | null) => points.map(value);
  return {
    at: points.map((point) => point.at),
    main: column((point) => 100 * share(point, "main")),
    io: column((point) => 100 * share(point, "io")),
    rest: column((point) => 100 * rest(point)),
    lag: column((point) => point.lag_max),
    start: column((point) => point.start_delay_max),
  };
}
