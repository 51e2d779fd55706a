import { describe, expect, it } from "vitest";
import { decimate, visibleRange } from "../src/charts/decimate";

const day = Array.from({ length: 86_400 }, (_, index) => index);

describe("decimation", () => {
  it("leaves short series as they are, in copies", () => {
    const at = [1, 2, 3];
    const values = [5, null, 7];
    const thin = decimate(at, [values], ["mean"], 10);
    expect(thin).toEqual({ at, values: [values] });
    expect(thin.values[0]).not.toBe(values);
  });

  it("keeps a spike of one second in a day", () => {
    const times = day.map((second) => (second === 54_321 ? 9_000 : 20));
    const thin = decimate(day, [times], ["max"], 1_200);
    expect(thin.at.length).toBeLessThanOrEqual(1_202);
    expect(Math.max(...(thin.values[0] ?? []).map((value) => value ?? 0))).toBe(9_000);
  });

  it("keeps the mean of rates", () => {
    const rates = day.map((second) => (second % 2 === 0 ? 10 : 30));
    const thin = decimate(day, [rates], ["mean"], 1_000);
    for (const value of thin.values[0]?.slice(0, -1) ?? []) expect(value).toBe(20);
  });

  it("draws the same points when a second is added", () => {
    const later = [...day, 86_400, 86_401];
    const before = decimate(day, [day], ["mean"], 1_000);
    const after = decimate(later, [later], ["mean"], 1_000);
    expect(after.at.slice(0, before.at.length - 2)).toEqual(before.at.slice(0, -2));
  });

  it("keeps gaps, and the last moment", () => {
    const values = day.map((second) => (second < 50_000 ? null : 1));
    const thin = decimate(day, [values], ["max"], 500);
    expect(thin.values[0]?.[0]).toBeNull();
    expect(thin.at.at(-1)).toBe(86_399);
    expect(thin.at.length).toBe(thin.values[0]?.length);
  });
});

describe("the visible range", () => {
  it("has a point more on either side, so that lines reach the border", () => {
    expect(visibleRange([0, 1, 2, 3, 4, 5], 2, 3)).toEqual([1, 5]);
    expect(visibleRange([0, 1, 2], -5, 10)).toEqual([0, 3]);
    expect(visibleRange([], 0, 1)).toEqual([0, 0]);
  });
});
