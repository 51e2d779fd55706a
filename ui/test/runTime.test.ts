import { describe, expect, it } from "vitest";
import { formatRunTime, parseRunTime } from "../src/lib/runTime";

describe("run times", () => {
  it.each([
    ["20", 20],
    ["20s", 20],
    ["3m", 180],
    ["2h", 7200],
    ["1h20m", 4800],
    ["3h30m10s", 12_610],
    [" 5m ", 300],
  ])("reads %s", (text, seconds) => {
    expect(parseRunTime(text)).toBe(seconds);
  });

  it.each(["", "5x", "m", "1m2h", "-3", "1.5h", "1h 20m"])("refuses %j", (text) => {
    expect(parseRunTime(text)).toBeNull();
  });

  it("writes what it reads", () => {
    for (const seconds of [1, 59, 60, 61, 3600, 3661, 86_400]) {
      expect(parseRunTime(formatRunTime(seconds))).toBe(seconds);
    }
  });
});
