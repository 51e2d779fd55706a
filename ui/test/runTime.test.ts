import { describe, expect, it } from "vitest";
import { formatRunTime } from "../src/lib/runTime";

describe("run times", () => {
  it("are written as Locust writes them", () => {
    expect([0, 1, 60, 61, 3600, 4800, 12_610].map(formatRunTime)).toEqual([
      "0s",
      "1s",
      "1m",
      "1m1s",
      "1h",
      "1h20m",
      "3h30m10s",
    ]);
  });
});
