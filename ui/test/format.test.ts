import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as format from "../src/lib/format";

describe("format", () => {
  it("groups thousands", () => {
    expect(format.count(1234567)).toBe("1,234,567");
    expect(format.count(null)).toBe("–");
  });

  it("writes figures as the program does where it writes no page", () => {
    const place = new URL("../../crates/report/src/figures.json", import.meta.url);
    const all = JSON.parse(readFileSync(place, "utf8")) as Record<string, [number, string][]>;
    for (const kind of ["count", "rate", "millis", "millisWithUnit", "percent"] as const) {
      const pairs = all[kind] ?? [];
      expect(pairs.length).toBeGreaterThan(5);
      expect(pairs.map(([value]) => [value, format[kind](value)])).toEqual(pairs);
      expect(format[kind](null)).toBe("–");
    }
  });

  it("uses binary units for bytes", () => {
    expect([0, 1023, 1024, 1536 * 1024].map(format.bytes)).toEqual(["0 B", "1,023 B", "1.0 KiB", "1.5 MiB"]);
  });

  it("shows clocks and spans", () => {
    expect([7, 725, 3725].map(format.clock)).toEqual(["0:07", "12:05", "1:02:05"]);
    expect([4.6, 45, 200, 3720, 90_000].map(format.span)).toEqual([
      "4.6 s",
      "45 s",
      "3 min 20 s",
      "1 h 2 min",
      "1 d 1 h",
    ]);
  });

  it("adds the date to moments of other days only", () => {
    const now = new Date(2026, 10, 23, 14, 3, 9).getTime() / 1000;
    expect(format.moment(now - 60, now)).toBe("14:02:09");
    expect(format.moment(now - 86_400, now)).toBe("2026-11-22 14:03:09");
    expect(format.moment(null, now)).toBe("–");
  });

  it("names percentiles without rounding noise", () => {
    expect([0.5, 0.95, 0.999, 0.9999, 1].map(format.percentileName)).toEqual([
      "p50",
      "p95",
      "p99.9",
      "p99.99",
      "p100",
    ]);
  });

  it("names time zones by what they are ahead of Greenwich", () => {
    expect([0, 60, 330, -180, -210, 845].map(format.zone)).toEqual([
      "UTC",
      "UTC+1",
      "UTC+5:30",
      "UTC−3",
      "UTC−3:30",
      "UTC+14:05",
    ]);
  });

  it("asks the clock of the reader for the moment in question, summer time and all", () => {
    const before = process.env["TZ"];
    try {
      process.env["TZ"] = "Europe/Berlin";
      expect([1_763_900_000, 1_752_000_000].map(format.zoneHere)).toEqual([60, 120]);
      process.env["TZ"] = "UTC";
      expect(format.zoneHere(1_763_900_000)).toBe(0);
    } finally {
      process.env["TZ"] = before;
    }
  });
});
