// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { LOG_LINES_KEPT, LiveStore } from "../src/stores/live.svelte";
import type { History } from "../src/api/schema";
import { failure, hello, point, rows, status, tick } from "./samples";

const names = [
  { id: 0, method: "POST", name: "/b" },
  { id: 1, method: "GET", name: "/b" },
  { id: 2, method: "GET", name: "/a" },
];

function history(at: number[], more: Partial<History> = {}): History {
  const column = at.map(() => 1);
  return {
    run: 1,
    stride: 1,
    append: false,
    began: at[0] ?? 0,
    until: (at.at(-1) ?? 0) + 1,
    at,
    users: column,
    rps: column,
    fps: column,
    requests: column,
    failures: column,
    avg: column,
    percentiles: [column, column],
    other: [],
    ...more,
  };
}

describe("the live store", () => {
  let live: LiveStore;

  beforeEach(() => {
    live = new LiveStore();
    live.hello(hello());
    live.tick(tick(1, { full: true, names, rows: rows(names.map(({ id }) => ({ id, requests: 5 }))) }));
  });

  it("shows names by name, then method", () => {
    expect(live.rows.map((row) => `${row.method} ${row.name}`)).toEqual(["GET /a", "GET /b", "POST /b"]);
  });

  it("changes only the rows that came", () => {
    const before = live.rows;
    live.tick(tick(2, { rows: rows([{ id: 1, requests: 8 }]) }));
    expect(live.rows.map((row) => row.requests)).toEqual([5, 8, 5]);
    expect(live.rows[0]).toBe(before[0]);
    expect(live.total.requests).toBe(20);
  });

  it("remembers a name that came before its first row", () => {
    live.tick(tick(2, { names: [{ id: 7, method: "GET", name: "/late" }] }));
    live.tick(tick(3, { rows: rows([{ id: 7, requests: 1 }]) }));
    expect(live.rows.find((row) => row.id === 7)?.name).toBe("/late");
    expect(live.names.map((name) => name.name)).toContain("/late");
  });

  it("forgets rows and failures with a full tick", () => {
    live.tick(tick(2, { errors: [failure("x", 3)] }));
    live.tick(tick(3, { full: true, total: rows([{ id: -1, requests: 0 }]) }));
    expect(live.rows).toEqual([]);
    expect(live.errors).toEqual([]);
    expect(live.total.requests).toBe(0);
  });

  it("empties the charts with a reset, but not when the end of the run comes", () => {
    live.history(history([1_000, 1_001]));
    live.tick(tick(2, { full: true }));
    live.tick(tick(3, { full: true }));
    expect(live.series.at).toHaveLength(2);
    live.tick(tick(4, { full: true, total: rows([{ id: -1, requests: 0 }]) }));
    expect(live.series.at).toHaveLength(0);
  });

  it("keeps the history that comes with a reconnection after a reset", () => {
    live.tick(tick(90));
    live.hello(hello());
    live.history(history([1_050, 1_051]));
    live.tick(tick(3, { full: true }));
    expect(live.series.at).toEqual([1_050, 1_051]);
  });

  it("counts a failure once, however often it is sent", () => {
    live.tick(tick(2, { errors: [failure("x", 3), failure("y", 1)] }));
    live.tick(tick(3, { errors: [failure("x", 4)] }));
    expect(live.errors.map((one) => [one.key, one.occurrences])).toEqual([
      ["x", 4],
      ["y", 1],
    ]);
  });

  it("adds a point a second and takes a second sent again as its correction", () => {
    live.history(history([1_000, 1_001]));
    live.tick(tick(2, { points: [point(1_002)] }));
    live.tick(tick(3, { points: [{ ...point(1_002), requests: 99 }] }));
    expect(live.series.at).toEqual([1_000, 1_001, 1_002]);
    expect(live.series.requests.at(-1)).toBe(99);
  });

  it("appends only what is missing after a reconnection", () => {
    live.history(history([1_000, 1_001, 1_002]));
    live.history(history([1_001, 1_002, 1_003, 1_004], { append: true }));
    expect(live.series.at).toEqual([1_000, 1_001, 1_002, 1_003, 1_004]);
  });

  it("reads the history again when its resolution has changed", async () => {
    const answer = history([1_000, 1_002, 1_004], { stride: 2 });
    const fetched = vi.fn(() => Promise.resolve(new Response(JSON.stringify(answer))));
    vi.stubGlobal("fetch", fetched);
    live.history(history([1_000, 1_001]));
    live.tick(tick(2, { points: [point(1_003, 2), point(1_004, 2)] }));
    await vi.waitFor(() => expect(live.series.stride).toBe(2));
    expect(live.series.at).toEqual([1_000, 1_002, 1_004]);
    expect(fetched).toHaveBeenCalledTimes(1);
    vi.unstubAllGlobals();
  });

  it("begins new charts with a new run, and marks it", () => {
    live.history(history([1_000, 1_001]));
    live.tick(tick(2, { run: 2, full: true, status: { ...status, started: 2_000 }, points: [point(2_000)] }));
    expect(live.series.at).toEqual([2_000]);
    expect(live.marks.find((mark) => mark.run === 2)?.started).toBe(2_000);
  });

  it("ends with the numbers of the end, and knows the run's place in the store", () => {
    live.end({
      run: 1,
      id: "abc",
      started: 1_000,
      ended: 1_060,
      elapsed: 60,
      total: rows([{ id: -1, requests: 851, failures: 82 }]),
      requests: 851,
      failures: 82,
    });
    expect([live.total.requests, live.total.failures]).toEqual([851, 82]);
    expect(live.marks).toContainEqual({ run: 1, started: 1_000, ended: 1_060, id: "abc" });
  });

  it("takes the whole state again on the same connection, as a page gets it that was too slow", () => {
    live.history(history([1_000, 1_001]));
    live.hello(hello({ seq: 40 }));
    live.history(history([1_000, 1_001, 1_002]));
    live.tick(tick(41, { full: true, names: names.slice(0, 1), rows: rows([{ id: 0, requests: 77 }]) }));
    expect(live.rows.map((row) => row.requests)).toEqual([77]);
    expect(live.series.at).toHaveLength(3);
  });

  it("forgets everything when another server answers", () => {
    live.logs({ append: true, lines: [{ seq: 1, at: 1, level: 20, node: "master", line: "old" }] });
    live.hello(hello({ boot: "b", seq: 0, run: 0 }));
    expect(live.rows).toEqual([]);
    expect(live.logLines).toEqual([]);
    live.tick(tick(1, { run: 0, full: true, total: rows([{ id: -1, requests: 0 }]) }));
    expect(live.total.requests).toBe(0);
  });

  it("keeps log lines once, in bounded number", () => {
    const line = (seq: number) => ({ seq, at: 1, level: 20, node: "master", line: `${seq}` });
    live.logs({ append: false, lines: [line(1), line(2)] });
    live.logs({ append: true, lines: [line(2), line(3)] });
    expect(live.logLines.map((one) => one.seq)).toEqual([1, 2, 3]);
    live.logs({ append: true, lines: Array.from({ length: LOG_LINES_KEPT }, (_, index) => line(index + 4)) });
    expect(live.logLines).toHaveLength(LOG_LINES_KEPT);
    expect(live.logLines.at(-1)?.seq).toBe(LOG_LINES_KEPT + 3);
  });

  it("knows since when the server is gone", () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("refused")));
    live.connection("lost");
    const since = live.lostAt;
    expect(live.offline).toBe(true);
    live.connection("connecting");
    live.connection("lost");
    expect(live.lostAt).toBe(since);
    live.connection("open");
    expect(live.lostAt).toBeNull();
    vi.unstubAllGlobals();
  });
});

describe("a connection that is refused", () => {
  it("is told from one that is lost", async () => {
    const live = new LiveStore();
    vi.stubGlobal("fetch", () => Promise.resolve(new Response('{"error": "no token"}', { status: 401 })));
    live.connection("lost");
    await vi.waitFor(() => expect(live.refused).toBe(true));
    live.connection("open");
    expect(live.refused).toBe(false);
    vi.unstubAllGlobals();
  });
});
