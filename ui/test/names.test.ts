import { describe, expect, it } from "vitest";
import { visible } from "../src/lib/names";

describe("names of requests", () => {
  it("that differ in what has no shape look different", () => {
    expect(visible("/plain path")).toBe("/plain path");
    expect(visible(" /a ")).toBe("␣/a␣");
    expect(visible("/a\tb\n")).toBe("/a⇥b⏎");
    expect(visible("\u202e/a\u200b")).toBe("‹202e›/a‹200b›");
    expect(visible("  ")).toBe("␣␣");
    expect(visible("")).toBe("");
    expect(visible("/ü/שלום")).toBe("/ü/שלום");
  });
});
