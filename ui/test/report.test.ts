import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ClassUsers, Exception, Fan, RunDetail, RunSummary, Threshold } from "../src/api/schema";
import { tableOf } from "../src/charts/chartTable";
import { rates } from "../src/charts/rates";
import { fanOf, throughput, users } from "../src/charts/runCharts";
import { rate } from "../src/lib/format";
import { emptySeries } from "../src/lib/series";
import { answers, bandList, boundsNote } from "../src/report/answers";
import { ending } from "../src/report/ending";

const threshold = (outcome: string, more: Partial<Threshold> = {}) =>
  ({
    subject: "all",
    metric: "p95",
    required: "< 250 ms",
    outcome,
    shown: "312.5 ms",
    warn: false,
    stop: false,
    at: null,
    ...more,
  }) as Threshold;

function run(summary: Partial<RunSummary>, more: Partial<RunDetail> = {}): RunDetail {
  const whole = { requests: 1_774, failures: 0, fail_ratio: 0, duration: 60.2, cut_off: false, ...summary };
  return { summary: whole, thresholds: [], exceptions: [], info: {}, ...more } as unknown as RunDetail;
}

describe("how a run ended", () => {
  const said = (detail: RunDetail) => [ending(detail).word, ...ending(detail).why].join(" | ");

  it("is told by its thresholds, if it has some", () => {
    const failed = { failures: 41, fail_ratio: 41 / 1_774 };
    expect(said(run(failed, { thresholds: [threshold("ok"), threshold("failed")] }))).toBe(
      "Failed | 1 of 2 thresholds not kept: all p95 < 250 ms: 312.5 ms. | 41 of 1,774 requests failed (2.3%). | It ran 1 min.",
    );
    expect(said(run(failed, { thresholds: [threshold("ok"), threshold("failed", { warn: true })] }))).toBe(
      "Passed | The threshold was kept. | 41 of 1,774 requests failed (2.3%), which the thresholds allow. | It ran 1 min.",
    );
    const many = Array.from({ length: 5 }, () => threshold("no data", { shown: null }));
    expect(ending(run({}, { thresholds: many })).why[0]).toMatch(/^5 of 5 .*no data, and 2 more\.$/);
  });

  it("is told by failures and exceptions, if it has none", () => {
    expect(said(run({}))).toBe("Passed | Every request succeeded. | It ran 1 min.");
    expect(ending(run({ failures: 1, fail_ratio: 1 / 1_774 })).outcome).toBe("failed");
    const raised = [{ count: 3 } as Exception];
    expect(said(run({}, { exceptions: raised }))).toContain(
      "Failed | Every request succeeded. | Tasks raised 3 exceptions.",
    );
    expect(said(run({ requests: 0 }))).toBe("Nothing was sent | It ran 1 min.");
  });

  it("says how long it ran of what was asked for, and what cut it short", () => {
    const last = (detail: RunDetail) => ending(detail).why.at(-1);
    expect(last(run({}, { info: { run_time: 60 } }))).toBe("It ran its whole 1 min.");
    expect(last(run({ duration: 12 }, { info: { run_time: 60 } }))).toBe(
      "It ran 12 s of the 1 min asked for.",
    );
    expect(last(run({ cut_off: true }))).toBe("Cut off after 1 min.");
    expect(last(run({}, { thresholds: [threshold("failed", { stop: true, at: 42 })] }))).toBe(
      "Ended by a threshold after 0:42.",
    );
  });
});

describe("answers and bands", () => {
  it("are listed by how many there were, with words", () => {
    expect(answers({ "0": 2, "200": 90, "418": 5, "503": 7 })).toEqual([
      { status: "200", meaning: "OK", requests: 90, bad: false },
      { status: "503", meaning: "Service Unavailable", requests: 7, bad: true },
      { status: "418", meaning: "client error", requests: 5, bad: true },
      { status: "–", meaning: "no answer", requests: 2, bad: true },
    ]);
  });

  it("sum to all requests", () => {
    const bands = { bounds: [0.5, 10, 200], requests: [1, 20, 300, 4], untimed: 5 };
    const list = bandList(bands);
    expect(list.map(({ label }) => label)).toEqual([
      "up to 0.5 ms",
      "0.5 – 10 ms",
      "10 – 200 ms",
      "over 200 ms",
      "without a time",
    ]);
    expect(list.reduce((sum, { requests }) => sum + requests, 0)).toBe(330);
    expect(bandList({ bounds: [1], requests: [3, 0], untimed: 0 })).toEqual([
      { label: "up to 1 ms", requests: 3 },
    ]);
    expect(bandList({ bounds: [], requests: [0], untimed: 2 }).at(-1)?.requests).toBe(2);
    expect(boundsNote(bands)).toContain("(3)");
  });
});

describe("charts of the report", () => {
  const series = { ...emptySeries(), stride: 1, at: [10, 11, 12, 13], users: [1, 3, 3, 2], spans: [] };

  it("show the users of each class, which sum to all", () => {
    const classes: ClassUsers = {
      at: [10, 11, 13],
      classes: ["A", "B"],
      users: [
        [1, 1, 0],
        [0, 2, 2],
      ],
    };
    const [all, ...lines] = users(series, classes);
    expect(lines.map(({ label }) => label)).toEqual(["B", "A"]);
    series.at.forEach((_, index) => {
      expect(lines.reduce((sum, line) => sum + (line.values[index] ?? 0), 0)).toBe(all?.values[index]);
    });
    expect(users(series, { at: [10], classes: ["A"], users: [[1]] })).toHaveLength(1);
    const many = Array.from({ length: 20 }, (_, index) => `C${index}`);
    const lots = users(series, { at: [10], classes: many, users: many.map((_, index) => [index]) });
    expect(lots).toHaveLength(9);
    expect(lots.at(-1)?.label).toBe("13 other classes");
    expect(lots.slice(1).reduce((sum, line) => sum + (line.values[0] ?? 0), 0)).toBe(190);
  });

  it("fill each percentile down to the one below", () => {
    const fan: Fan = {
      width: 5,
      at: [10, 15],
      requests: [3, 4],
      fractions: [0, 0.5, 1],
      percentiles: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    };
    expect(fanOf(fan).map(({ label, downTo }) => [label, downTo])).toEqual([
      ["Min", undefined],
      ["p50", 0],
      ["Max", 1],
    ]);
  });

  it("are there as tables, whose counts are those of the statistics", () => {
    const sums = [
      [3, 7, 7, 12],
      [0, 1, 1, 1],
    ];
    const counted = { at: series.at, stride: 1, spans: [[10.4, 14] as const] };
    for (const limit of [2, 1_200]) {
      const drawn = rates(counted, sums, limit);
      const shown = throughput({
        requests: sums[0] ?? [],
        failures: sums[1] ?? [],
        percentiles: [],
        avg: [],
        other: [],
      });
      const table = tableOf(shown, drawn, rate);
      expect(table.heads).toEqual(["RPS", "Failures/s", "Requests", "Failures"]);
      const column = (at: number) => table.rows.reduce((sum, { cells }) => sum + Number(cells[at]), 0);
      expect([column(2), column(3)]).toEqual([12, 1]);
    }
  });
});

describe("the page and what is no page", () => {
  it("name percentiles the same", async () => {
    const { percentileName } = await import("../src/lib/format");
    const all = JSON.parse(
      readFileSync(new URL("../../crates/report/src/figures.json", import.meta.url), "utf8"),
    ) as { percentileName: [number, string][] };
    for (const [fraction, name] of all.percentileName) expect(percentileName(fraction)).toBe(name);
  });
});
