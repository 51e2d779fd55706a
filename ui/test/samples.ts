/** Events of the stream, as small as they can be. */
import type { Failure, Hello, Point, Rows, Status, Tick } from "../src/api/schema";

export const FRACTIONS = [0.5, 0.95];

export function rows(values: { id: number; requests: number; failures?: number }[]): Rows {
  const column = (value: number) => values.map(() => value);
  return {
    id: values.map(({ id }) => id),
    requests: values.map(({ requests }) => requests),
    failures: values.map(({ failures = 0 }) => failures),
    avg: column(12),
    min: column(1),
    max: column(99),
    size: column(500),
    rps: column(3),
    fps: column(0),
    percentiles: FRACTIONS.map((fraction) => column(fraction * 100)),
  };
}

export const status: Status = {
  state: "running",
  user_count: 5,
  target_user_count: 5,
  spawn_rate: 1,
  host: "http://example.com",
  started: 1_000,
  ended: null,
  run_time: null,
  shape: null,
  profile: null,
  user_classes: { User: 5 },
  is_distributed: false,
  workers: [],
  lag: 0,
  arrivals: null,
  warm_up: null,
};

export function hello(more: Partial<Hello> = {}): Hello {
  return {
    boot: "a",
    version: "1",
    resumed: false,
    seq: 0,
    run: 1,
    now: Date.now() / 1000,
    fractions: FRACTIONS,
    chart_fractions: FRACTIONS,
    default_chart_fractions: FRACTIONS,
    default_table_fractions: [0.95],
    store: true,
    runs: [],
    status,
    ...more,
  };
}

export function tick(seq: number, more: Partial<Tick> = {}): Tick {
  return {
    seq,
    run: 1,
    at: 1_000 + seq,
    full: false,
    status,
    elapsed: seq,
    since: 1_000,
    total: rows([{ id: -1, requests: seq * 10 }]),
    names: [],
    rows: rows([]),
    errors: [],
    thresholds: [],
    verdict: { level: "none", summary: "", reasons: [] },
    measures: [],
    points: [],
    ...more,
  };
}

export function point(at: number, stride = 1): Point {
  return {
    at,
    users: 5,
    rps: 3,
    fps: 0,
    requests: 10,
    failures: 0,
    avg: 12,
    percentiles: [10, 95],
    other: [],
    stride,
    until: at + stride,
  };
}

export function failure(key: string, occurrences: number): Failure {
  return { key, method: "GET", name: "/", error: key, occurrences, first_seen: 1, last_seen: 2 };
}
