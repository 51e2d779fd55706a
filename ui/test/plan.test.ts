import { describe, expect, it } from "vitest";
import { arrivalPicture, curve, shapePicture, type Plan } from "../src/start/plan";

const plan = (points: [number, number][], end: number | null): Plan => ({
  title: "",
  unit: "users",
  points,
  end,
  note: "",
});

describe("curve", () => {
  it("fills the box from corner to corner", () => {
    const drawn = curve(plan([[0, 0], [10, 5], [20, 5]], 20), 200, 106); // prettier-ignore
    expect(drawn).toEqual({
      path: "M 0.0 106.0 L 100.0 6.0 L 200.0 6.0",
      right: 200,
      highest: 5,
      length: 20,
    });
  });

  it("is cut where the run ends before the stages do", () => {
    const drawn = curve(plan([[0, 0], [20, 10]], 10), 100, 106); // prettier-ignore
    expect(drawn).toMatchObject({ path: "M 0.0 106.0 L 100.0 6.0", highest: 5, length: 10 });
  });

  it("goes on where there is no end, for a while", () => {
    expect(curve(plan([[0, 7]], null), 60, 106)).toMatchObject({ length: 60, right: 60, highest: 7 });
    expect(curve(plan([[0, 0], [40, 7]], null), 50, 106)).toMatchObject({ length: 50, right: 50 }); // prettier-ignore
  });

  it("draws nothing upwards of nothing", () => {
    expect(curve(plan([[0, 0], [10, 0]], 10), 100, 50).path).toBe("M 0.0 50.0 L 100.0 50.0"); // prettier-ignore
    expect(curve(plan([], null), 100, 50).path).toBe("");
  });
});

describe("pictures", () => {
  it("of shapes say how they were read, and end with the limit", () => {
    const shape = { doc: "", time_limit: 30, durations: "ends" as const, points: [[0, 0], [60, 5]] as [number, number][] }; // prettier-ignore
    expect(shapePicture("Steps", shape)).toMatchObject({ end: 30, title: "Users of Steps" });
    expect(shapePicture("Steps", { ...shape, points: [] })).toBeNull();
  });

  it("of arrivals name the classes", () => {
    const rates = [{ rate: "5", classes: ["A", "B"] }];
    expect(arrivalPicture({ points: [[0, 5]], ends_at: null, rates }).note).toBe("A, B: 5.");
  });
});
