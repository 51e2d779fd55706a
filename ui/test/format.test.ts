import { describe, expect, it } from "vitest";
import * as format from "../src/lib/format";

describe("format", () => {
  it("groups thousands", () => {
    expect(format.count(1234567)).toBe("1,234,567");
    expect(format.count(null)).toBe("–");
  });

  it("shows rates with the digits that matter", () => {
    expect([0, 0.25, 9.999, 12.34, 1234.5].map(format.rate)).toEqual(["0", "0.25", "10.00", "12.3", "1,235"]);
  });

  it("never rounds a failure away, nor a success", () => {
    expect(format.percent(0)).toBe("0%");
    expect(format.percent(0.00001)).toBe("<0.01%");
    expect(format.percent(0.0012)).toBe("0.12%");
    expect(format.percent(0.9999)).toBe(">99.9%");
    expect(format.percent(1)).toBe("100%");
  });

  it("shows small response times with digits and large ones without", () => {
    expect([0, 0.0004, 0.42, 3.14, 7, 12.6, 1234.4].map(format.millis)).toEqual([
      "0",
      "<0.01",
      "0.42",
      "3.1",
      "7",
      "13",
      "1,234",
    ]);
    expect(format.millisWithUnit(950)).toBe("950 ms");
    expect(format.millisWithUnit(12_345)).toBe("12.35 s");
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
      "50%",
      "95%",
      "99.9%",
      "99.99%",
      "100%",
    ]);
    expect(format.percentileShort(0.999)).toBe("p99.9");
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
