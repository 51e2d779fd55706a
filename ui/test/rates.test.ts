import { describe, expect, it } from "vitest";
import { bridged, lonely } from "../src/charts/gaps";
import { rates, stepOf, type Counted } from "../src/charts/rates";
import type { Column } from "../src/charts/decimate";

/** Always the same numbers, so that a failure can be looked at. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** A run of any length, resolution and density, that began and ended within its first and last points. */
function anyRun(next: () => number): { counted: Counted; sums: Column[] } {
  const stride = [1, 1, 1, 2, 8][Math.floor(next() * 5)] ?? 1;
  const points = 1 + Math.floor(next() ** 3 * 3_000);
  const base = 1_795_400_000 + Math.floor(next() * 1_000);
  const busy = next() ** 2;
  const at: number[] = [];
  const sums: Column[] = [[], []];
  let [requests, failures] = [0, 0];
  for (let index = 0; index < points; index += 1) {
    // A name's course leaves out what had no requests.
    if (next() > busy && index > 0) continue;
    at.push(base + index * stride);
    requests += Math.floor(next() * 20);
    failures += Math.floor(next() * 2);
    sums[0]?.push(requests);
    sums[1]?.push(failures);
  }
  const end = base + points * stride + ([0, -0.7 * stride, 0.6][Math.floor(next() * 3)] ?? 0);
  const began = base + next() * 0.9 * Math.min(1, end - base);
  return { counted: { at, stride, spans: [[began, end]] }, sums };
}

const total = (of: ReturnType<typeof rates>, column: number) =>
  (of.values[column] ?? []).reduce<number>(
    (sum, value, index) => sum + (value ?? 0) * (of.covers[index] ?? 0),
    0,
  );

describe("rates in a chart", () => {
  it("sum to the table, for any series of samples", () => {
    const next = random(7);
    for (let round = 0; round < 400; round += 1) {
      const { counted, sums } = anyRun(next);
      const limit = [50, 1_200][Math.floor(next() * 2)] ?? 50;
      const drawn = rates(counted, sums, limit);
      expect(total(drawn, 0)).toBeCloseTo(sums[0]?.at(-1) ?? 0, 6);
      expect(total(drawn, 1)).toBeCloseTo(sums[1]?.at(-1) ?? 0, 6);
      const [began, ended] = counted.spans[0] ?? [0, 0];
      expect(drawn.covers.reduce((sum, seconds) => sum + seconds, 0)).toBeCloseTo(ended - began, 6);
      expect(drawn.at).toEqual([...drawn.at].sort((a, b) => a - b));
      expect(drawn.at.length).toBeLessThanOrEqual(2 * limit + 2);
    }
  });

  it("sum to the table of several runs, with nothing between them", () => {
    const counted = {
      at: [10, 11, 11.5, 50, 51],
      stride: 1,
      spans: [[10.5, 12] as const, [50, 51.5] as const],
    };
    const drawn = rates(counted, [[30, 60, 60, 90, 120]], 100);
    expect(total(drawn, 0)).toBeCloseTo(120, 6);
    expect(drawn.values[0]).toContain(null);
  });

  it("are no comb of zeros and ones where requests are rare", () => {
    const at = Array.from({ length: 40 }, (_, index) => 1_000 + 3 * index);
    const counted = { at, stride: 1, spans: [[1_000, 1_120] as const] };
    const drawn = rates(counted, [at.map((_, index) => index + 1)], 1_200);
    expect(drawn.step).toBe(10);
    for (const value of drawn.values[0] ?? []) {
      expect(value).toBeGreaterThan(0.2);
      expect(value).toBeLessThan(0.5);
    }
  });

  it("are of single seconds where there is enough, and do not take a part of a second for an outage", () => {
    const at = [100, 101, 102, 103];
    const drawn = rates({ at, stride: 1, spans: [[100.2, 103.1]] }, [[80, 180, 280, 290]], 1_200);
    expect(drawn.step).toBe(1);
    for (const value of drawn.values[0] ?? []) expect(value).toBeCloseTo(100, 6);
  });

  it("stay where they are while the run goes on", () => {
    const run = (seconds: number) => {
      const at = Array.from({ length: seconds }, (_, index) => 7 + index);
      return rates({ at, stride: 1, spans: [[7, 7 + seconds]] }, [at.map((_, index) => index + 1)], 50);
    };
    expect(run(200).at.slice(0, 15)).toEqual(run(201).at.slice(0, 15));
  });

  it("of a part are those of the whole within it", () => {
    const at = Array.from({ length: 100 }, (_, index) => 100 + index);
    const sums = [at.map((_, index) => 10 * (index + 1))];
    const part = rates({ at, stride: 1, spans: [[100, 200]] }, sums, 1_200, [120, 130]);
    expect(part.at[0]).toBeLessThanOrEqual(120);
    expect(part.at.at(-1)).toBeGreaterThanOrEqual(129);
    expect(part.at.length).toBeLessThan(16);
    for (const value of part.values[0] ?? []) expect(value).toBe(10);
  });

  it("have a width that is round", () => {
    expect(stepOf(100, 10_000, 1, 1_200)).toBe(1);
    expect(stepOf(3_600, 100, 1, 1_200)).toBe(300);
    expect(stepOf(86_400, 1e7, 8, 1_200)).toBe(128);
    expect(stepOf(0, 0, 1, 1_200)).toBe(1);
  });
});

describe("points of a line", () => {
  it("are joined over the distances that are usual, and not over an outage", () => {
    const every3 = Array.from({ length: 20 }, (_, index) => 3 * index);
    expect(bridged(every3, every3)).toBe(10);
    const rare = Array.from({ length: 20 }, (_, index) => 20 * index);
    expect(bridged(rare, rare)).toBe(50);
    const busy = [...Array.from({ length: 30 }, (_, index) => index), 90, 91, 92];
    expect(bridged(busy, busy)).toBe(10);
    expect(bridged([], [])).toBe(10);
  });

  it("that no line reaches are found, every one of them", () => {
    expect(lonely([0, 100, 200], [1, 2, 3], 10)).toEqual([0, 1, 2]);
    expect(lonely([0, 1, 50, 90, 91], [1, 2, 3, 4, 5], 10)).toEqual([2]);
    expect(lonely([0, 1, 2, 3], [null, 5, null, null], 10)).toEqual([1]);
    expect(lonely([0, 3, 6], [1, null, 1], 10)).toEqual([]);
    expect(lonely([], [], 10)).toEqual([]);
  });

  it("are all seen: each is in a line or has a dot", () => {
    const next = random(3);
    for (let round = 0; round < 200; round += 1) {
      const at = Array.from({ length: 60 }, (_, index) => index * 2);
      const column: Column = at.map(() => (next() < 0.3 ? 1 : null));
      const bridge = bridged(at, column);
      const dots = new Set(lonely(at, column, bridge));
      const filled = at.map((_, index) => index).filter((index) => column[index] !== null);
      filled.forEach((index, place) => {
        const near = [filled[place - 1], filled[place + 1]].some(
          (other) => other !== undefined && Math.abs((at[other] ?? 0) - (at[index] ?? 0)) <= bridge,
        );
        expect(near || dots.has(index)).toBe(true);
      });
    }
  });
});
