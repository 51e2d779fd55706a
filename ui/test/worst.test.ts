import { describe, expect, it } from "vitest";
import type { Failure } from "../src/api/schema";
import type { StatRow } from "../src/lib/rows";
import { failing, kindOf, kinds, slowest } from "../src/report/worst";

const row = (name: string, p95: number | null, failures = 0, requests = 100) =>
  ({ name, method: "GET", requests, failures, percentiles: [1, p95] }) as StatRow;

describe("where to look first", () => {
  it("is at the slowest and at what failed most, five of each", () => {
    const rows = ["a", "b", "c", "d", "e", "f"].map((name, index) => row(name, index, index));
    rows.push(row("untimed", null), row("rare", 0, 5, 5));
    expect(slowest(rows, 1).map(({ name }) => name)).toEqual(["f", "e", "d", "c", "b"]);
    expect(failing(rows).map(({ name }) => name)).toEqual(["rare", "f", "e", "d", "c"]);
    expect(failing([row("a", 1)])).toEqual([]);
  });

  it("is told by kinds of failures, whatever their addresses", () => {
    const failure = (error: string, occurrences: number) => ({ error, occurrences }) as Failure;
    expect(
      kinds([
        failure("HTTPError('404 Client Error: Not Found for url: /a')", 2),
        failure("HTTPError('404 Client Error: NOT FOUND for url: http://h/b')", 1),
        failure("HTTPError('404 Client Error: Not Found for url: /c')", 4),
        failure("ConnectionRefusedError(111, 'Connection refused')", 5),
      ]),
    ).toEqual([
      { text: "404 Not Found", occurrences: 6 },
      { text: "ConnectionRefusedError", occurrences: 5 },
      { text: "404 NOT FOUND", occurrences: 1 },
    ]);
    expect(kindOf("the total is wrong")).toBe("the total is wrong");
    expect(kindOf("CatchResponseError('the total is wrong')")).toBe("the total is wrong");
    expect(kindOf("x".repeat(90))).toHaveLength(60);
  });
});
