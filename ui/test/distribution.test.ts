import { describe, expect, it } from "vitest";
import { axis, logBins, logTicks, placeLabels, quantiles, type Bin } from "../src/charts/distribution";

const total = (bins: { count: number }[]) => bins.reduce((sum, bin) => sum + bin.count, 0);

describe("the distribution on a logarithmic axis", () => {
  const bins: Bin[] = [
    [1, 2, 10],
    [2, 4, 0],
    [40, 41, 5],
    [900, 1000, 1],
  ];

  it("loses no request, whatever the number of steps", () => {
    for (const steps of [3, 20, 77]) expect(total(logBins(bins, steps))).toBeCloseTo(16, 6);
  });

  it("has steps of one ratio from the smallest to the largest", () => {
    const steps = logBins(bins, 10);
    expect(steps[0]?.low).toBeCloseTo(1);
    expect(steps.at(-1)?.high).toBeCloseTo(1000);
    const ratios = steps.map((step) => step.high / step.low);
    for (const ratio of ratios) expect(ratio).toBeCloseTo(ratios[0] ?? 0, 9);
  });

  it("takes response times of zero", () => {
    expect(
      total(
        logBins(
          [
            [0, 0, 7],
            [0, 5, 3],
          ],
          12,
        ),
      ),
    ).toBeCloseTo(10, 6);
    expect(total(logBins([[0, 0, 7]], 12))).toBeCloseTo(7, 6);
    expect(logBins([], 12)).toEqual([]);
  });

  it("widens the axis of a single value", () => {
    const [low, high] = axis(20, 20);
    expect(low).toBeLessThan(20);
    expect(high / low).toBeCloseTo(2.2);
  });

  it("has round ticks within it", () => {
    expect(logTicks(0.8, 60)).toEqual([1, 2, 5, 10, 20, 50]);
  });

  it("gives the part of the requests below each edge", () => {
    expect(quantiles(bins).map(([part, ms]) => [Number(part.toFixed(4)), ms])).toEqual([
      [0.625, 2],
      [0.9375, 41],
      [1, 1000],
    ]);
  });
});

describe("labels of percentiles", () => {
  it("cover each other nowhere and stay in the picture", () => {
    const labels = placeLabels(
      [0, 10, 700, 760, 790].map((x) => ({ text: "p50 20 ms", x })),
      800,
    );
    const boxes = labels.map(({ x, anchor, row }) => ({ row, from: anchor === "start" ? x : x - 74 }));
    boxes.forEach((a, index) => {
      expect(a.from + 74).toBeLessThanOrEqual(801);
      for (const b of boxes.slice(index + 1)) {
        if (a.row === b.row) expect(Math.abs(a.from - b.from)).toBeGreaterThanOrEqual(74);
      }
    });
  });
});
