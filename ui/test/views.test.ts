// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { phaseRows } from "../src/charts/phases";
import { appendHistory, appendPoint, concatenate, seriesOf, seriesOfName } from "../src/lib/series";
import { environment, keptNote, parameters } from "../src/report/info";
import { align, alignRates } from "../src/runs/align";
import { change, differences, enough } from "../src/runs/change";
import { parsePlace, placeQuery } from "../src/stores/router.svelte";
import { extendedColumns, extendedRows } from "../src/tabs/extended";
import { levelName, wanted } from "../src/tabs/logLines";
import { ratioRows } from "../src/tabs/ratio";
import { frames } from "../src/tabs/traceback";
import { valueOf, weights } from "../src/start/userSettings";
import { point } from "./samples";
import type { CompareRow, History, LogLine, Phases, RunDetail, RunSummary } from "../src/api/schema";

const history = (at: number[]): History => ({
  run: 1,
  stride: 1,
  append: false,
  began: at[0] ?? 0,
  until: (at.at(-1) ?? 0) + 1,
  at,
  users: at.map(() => 1),
  rps: at.map(() => 4),
  fps: at.map(() => 0),
  requests: at.map((_, index) => 4 * (index + 1)),
  failures: at.map(() => 0),
  avg: at,
  percentiles: [at.map(() => 5)],
  other: [],
});

describe("series", () => {
  it("has both latencies of open runs, whenever the second one begins and whatever the runs beside it have", () => {
    const open = { ...history([50, 51]), other: [[7, 8]] };
    const all = concatenate([seriesOf(history([1, 2])), seriesOf(open)], 1);
    expect(all.other).toEqual([[null, null, null, 7, 8]]);
    expect(concatenate([seriesOf(history([1, 2]))], 1).other).toEqual([]);
    const late = seriesOf(history([1, 2]));
    appendHistory(late, { ...history([3]), other: [[9]] });
    expect(late.other).toEqual([[null, null, 9]]);
    expect(appendPoint(late, { ...point(4), other: [4] }, 1)).toBe(true);
    expect(late.other).toEqual([[null, null, 9, 4]]);
  });

  it("puts runs one after another with a gap between them", () => {
    const all = concatenate([seriesOf(history([1, 2])), seriesOf(history([50, 51]))], 1);
    expect(all.at).toEqual([1, 2, 2.5, 50, 51]);
    expect(all.requests).toEqual([4, 8, 8, 12, 16]);
    expect(all.spans).toEqual([
      [1, 3],
      [50, 52],
    ]);
    expect(all.percentiles[0]).toEqual([5, 5, null, 5, 5]);
  });

  it("shows seconds without requests of a name as none, not as a line across them", () => {
    const series = seriesOfName({
      method: "GET",
      name: "/",
      stride: 1,
      began: 10,
      until: 21,
      at: [10, 11, 20],
      rps: [4, 4, 2],
      fps: [0, 0, 0],
      requests: [4, 8, 10],
      failures: [0, 0, 0],
      avg: [1, 1, 1],
      percentiles: [[5, 5, 5]],
    });
    expect(series.at).toEqual([10, 11, 12, 19, 20]);
    expect(series.requests).toEqual([4, 8, 8, 8, 10]);
    expect(series.percentiles[0]).toEqual([5, 5, null, null, 5]);
  });

  it("puts two runs on one axis", () => {
    const run = (started: number, at: number[]) =>
      ({
        summary: { started, requests: 4 * at.length },
        elapsed: at.length,
        chart_fractions: [0.95],
        history: history(at),
      }) as unknown as RunDetail;
    const aligned = align(run(100, [100, 101, 102]), run(900, [900, 902]), 0.95);
    expect(aligned.at).toEqual([0, 1, 2]);
    expect(aligned.users).toEqual([
      [1, 1, 1],
      [1, null, 1],
    ]);
    const rated = alignRates(run(100, [100, 101, 102]), run(900, [900, 902]));
    expect(rated).toEqual({
      at: [0, 1, 2],
      rps: [
        [4, 4, 4],
        [4, 0, 4],
      ],
      fps: [
        [0, 0, 0],
        [0, 0, 0],
      ],
      step: 1,
    });
  });
});

describe("comparisons", () => {
  it("say what is better and what is worse", () => {
    expect(change(100, 150, true)).toEqual({ text: "+50.0%", verdict: "worse", relative: 0.5 });
    expect(change(100, 50, true)).toEqual({ text: "−50.0%", verdict: "better", relative: -0.5 });
    expect(change(100, 150, false)?.verdict).toBe("better");
    expect(change(100, 150, null)?.verdict).toBe("same");
  });

  it("take small differences for noise, and what is missing for nothing", () => {
    expect(change(100, 101, true)?.verdict).toBe("same");
    expect(change(5, 5, true)?.text).toBe("=");
    expect(change(0, 3, true)).toMatchObject({ text: "new", verdict: "worse" });
    expect(change(null, 3, true)).toBeNull();
  });

  it("call nothing better or worse of which there is too little", () => {
    const row = (requests: number) => ({ requests }) as CompareRow;
    expect(change(1, 6, true, false)).toMatchObject({ text: "+500.0%", verdict: "unsure" });
    expect(enough(row(4), row(1), 600)).toBe(false);
    expect(enough(row(500), row(400), 10)).toBe(false);
    expect(enough(row(500), row(400), 60)).toBe(true);
    expect(enough(row(500), row(400), 60, 0.99)).toBe(false);
    expect(enough(row(2000), row(1000), 60, 0.99)).toBe(true);
    expect(enough(null, row(400), 60)).toBe(false);
  });

  it("say what else was different", () => {
    const run = (more: Partial<RunSummary>) =>
      ({
        max_users: 10,
        started: 100,
        since: 100,
        ended: 160,
        elapsed: 60,
        host: "http://a",
        locustfile: "x.py",
        cut_off: false,
        ...more,
      }) as RunSummary;
    expect(differences(run({}), run({}))).toEqual([]);
    expect(
      differences(
        run({ max_users: 15, since: 130, elapsed: 29.1 }),
        run({ ended: 115, elapsed: 14.2, cut_off: true }),
      ),
    ).toEqual([
      "Users: 15 in A, 10 in B.",
      "Time: 30 s in A, 15 s in B.",
      "Shorter than 20 s: no difference is called better or worse.",
      "B was cut off.",
    ]);
    // Two that took as long are as long, whenever their last requests were; times that are said to differ look different.
    expect(differences(run({ elapsed: 40 }), run({ elapsed: 59 }))).toEqual([]);
    expect(differences(run({ ended: 120, elapsed: 12 }), run({ ended: 120 }))).toEqual([]);
  });
});

describe("views", () => {
  it("keep task names as they are in the ratio", () => {
    const rows = ratioRows({
      My_User: { ratio: 0.5, tasks: { do_it_2: { ratio: 1, tasks: { inner: { ratio: 0.25 } } } } },
    });
    expect(rows.map(({ name, depth, ratio }) => [name, depth, ratio])).toEqual([
      ["My_User", 0, 0.5],
      ["do_it_2", 1, 1],
      ["inner", 2, 0.25],
    ]);
    expect(ratioRows(null)).toEqual([]);
  });

  it("tell the user's own frames from the library's", () => {
    const lines = frames(
      '  File "/v/site-packages/locust/user/task.py", line 1, in run\n    x()\n  File "/home/me/locustfile.py", line 9, in t\n    y()\n',
    );
    expect(lines.map((line) => line.kind)).toEqual(["place", "code", "own", "code"]);
  });

  it("filter the log by level, node and words", () => {
    const line = (seq: number, level: number, node: string, text: string): LogLine => ({
      seq,
      at: 1,
      level,
      node,
      line: text,
    });
    const lines = [
      line(1, 20, "master", "hello"),
      line(2, 40, "w_1", "Boom here"),
      line(3, 30, "master", "careful"),
    ];
    expect(wanted(lines, 30, null, "").map((one) => one.seq)).toEqual([2, 3]);
    expect(wanted(lines, 0, "w_1", "").map((one) => one.seq)).toEqual([2]);
    expect(wanted(lines, 0, null, "boom").map((one) => one.seq)).toEqual([2]);
    expect([10, 20, 30, 40, 50].map(levelName)).toEqual(["debug", "info", "warning", "error", "critical"]);
  });

  it("have the total first and then the slowest phases", () => {
    const phases: Phases = {
      id: [1, -1, 2, 3],
      method: ["GET", "", "GET", "GET"],
      name: ["/quick", "", "/slow", "/none"],
      count: [5, 10, 5, 0],
      blocked: [0, 0, 0, 0],
      queue: [0, 0, 0, 0],
      dns: [0, 1, 2, 0],
      connect: [0, 0, 0, 0],
      tls: [0, 0, 0, 0],
      send: [0, 0, 0, 0],
      wait: [3, 4, 50, 0],
      receive: [1, 1, 1, 0],
      times: [],
    };
    expect(phaseRows(phases).map((row) => [row.name, row.total])).toEqual([
      ["Aggregated", 6],
      ["/slow", 53],
      ["/quick", 4],
    ]);
    expect(phaseRows(phases, "quick").map((row) => row.name)).toEqual(["Aggregated", "/quick"]);
  });

  it("show tables that locustfiles add", () => {
    const table = {
      key: "k",
      structure: [
        { key: "name", title: "Name" },
        { key: "size", title: "Size" },
      ],
    };
    const rows = extendedRows({ extended_stats: [{ key: "k", data: [{ name: "/", size: 12345 }] }] }, "k");
    const columns = extendedColumns(table, rows);
    expect(columns.map((column) => column.numeric)).toEqual([false, true]);
    expect(columns.map((column) => column.text(rows[0] ?? {}))).toEqual(["/", "12,345"]);
    expect(extendedRows({}, "k")).toEqual([]);
  });

  it("say of which names a report has no distribution", () => {
    expect(keptNote(200, 1_234)).toMatch(/distributions of the 200 names .* of 1,234/);
    expect(keptNote(200, 200)).toBeNull();
  });

  it("list parameters and environment of a run", () => {
    const info = {
      user_count: 10,
      run_time: 90,
      options: { my_arg: "x" },
      tasks: {},
      python: "3.11",
      platform: null,
      user_classes: ["A", "B"],
    };
    expect(parameters(info)).toEqual([
      { label: "Users", value: "10" },
      { label: "Run time", value: "1m30s" },
      { label: "User classes", value: "A, B" },
      { label: "My arg", value: "x" },
    ]);
    expect(environment(info)).toEqual([{ label: "Python", value: "3.11" }]);
  });
});

describe("settings of a user class", () => {
  it("are typed by what they were", () => {
    expect(valueOf("number", "2.5", 1)).toBe(2.5);
    expect(valueOf("number", "", 1)).toBeInstanceOf(Error);
    expect(valueOf("text", "", null)).toBeNull();
    expect(valueOf("json", "[1]", [])).toEqual([1]);
    expect(valueOf("json", "[1", [])).toBeInstanceOf(Error);
  });

  it("show each task once, with its weight", () => {
    expect(weights(["index", "index", "slow"])).toEqual([
      ["index", 2],
      ["slow", 1],
    ]);
  });
});

describe("addresses", () => {
  it("keep other people's parameters and drop the access token", () => {
    const place = parsePlace("?tab=charts&name=GET%20%2F");
    expect(place).toMatchObject({ tab: "charts", name: "GET /" });
    expect(placeQuery({ ...place, tab: "stats", name: null }, "?token=abc&embed=1&tab=charts")).toBe(
      "?embed=1&tab=stats",
    );
  });
});
