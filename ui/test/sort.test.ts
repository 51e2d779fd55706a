import { describe, expect, it } from "vitest";
import { matches, nextOrder, sorted, type Value } from "../src/lib/sort";
import { slice } from "../src/lib/virtual";

interface Row {
  name: string;
  value: Value;
}
const valueOf = (row: Row, key: string) => row[key as keyof Row];
const names = (rows: readonly Row[]) => rows.map((row) => row.name).join("");

describe("sorting", () => {
  const rows: Row[] = [
    { name: "b", value: 9 },
    { name: "a", value: 100 },
    { name: "d", value: null },
    { name: "c", value: 9 },
  ];

  it("compares numbers as numbers, keeps ties in order, and puts what is missing last", () => {
    expect(names(sorted(rows, { key: "value", direction: "asc" }, valueOf))).toBe("bcad");
    expect(names(sorted(rows, { key: "value", direction: "desc" }, valueOf))).toBe("abcd");
  });

  it("leaves the rows alone without an order", () => {
    expect(sorted(rows, null, valueOf)).toBe(rows);
  });

  it("sorts texts with numbers in them as people do", () => {
    const items = ["/item/10", "/item/9", "/Item/1"].map((name) => ({ name, value: name }));
    expect(sorted(items, { key: "name", direction: "asc" }, valueOf).map((row) => row.name)).toEqual([
      "/Item/1",
      "/item/9",
      "/item/10",
    ]);
  });

  it("goes through both directions and back to none", () => {
    const first = nextOrder(null, "value", true);
    expect(first).toEqual({ key: "value", direction: "desc" });
    const second = nextOrder(first, "value", true);
    expect(second).toEqual({ key: "value", direction: "asc" });
    expect(nextOrder(second, "value", true)).toBeNull();
    expect(nextOrder(first, "name", false)).toEqual({ key: "name", direction: "asc" });
  });
});

describe("filtering", () => {
  it("wants every word, in any case and order", () => {
    expect(matches("GET /Blog/[slug]", "blog get")).toBe(true);
    expect(matches("GET /Blog/[slug]", "blog post")).toBe(false);
    expect(matches("anything", "  ")).toBe(true);
  });
});

describe("virtual rows", () => {
  it("draws short tables whole", () => {
    expect(slice(100, 34, 9_999, 600)).toEqual({ start: 0, end: 100, above: 0, below: 0 });
  });

  it("draws only what is near the viewport, and keeps the height", () => {
    for (const scrollTop of [0, 1, 5_000, 170_000, 339_400, 400_000]) {
      const part = slice(10_000, 34, scrollTop, 600);
      expect(part.end - part.start).toBeLessThan(60);
      expect(part.above + part.below + (part.end - part.start) * 34).toBe(340_000);
      const first = Math.min(Math.floor(scrollTop / 34), 9_982);
      expect(part.start).toBeLessThanOrEqual(first);
      expect(part.end).toBeGreaterThanOrEqual(Math.min(10_000, first + 17));
    }
  });
});
