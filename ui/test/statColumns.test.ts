import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { phaseRows } from "../src/charts/phases";
import { totalRow } from "../src/lib/rows";
import { isMissing, present } from "../src/lib/workers";
import { defaultKeys, needsPhases, phaseColumns, statColumns } from "../src/tabs/statColumns";
import type { Phases, Worker } from "../src/api/schema";
import { FRACTIONS, rows } from "./samples";

const phases: Phases = {
  id: [-1],
  method: [""],
  name: [""],
  count: [4],
  blocked: [0],
  queue: [0],
  dns: [0],
  connect: [0.001],
  tls: [0],
  send: [0.25],
  wait: [12.4],
  receive: [3],
  times: [],
};

describe("columns of the statistics", () => {
  const byId = new Map(phaseRows(phases).map((row) => [row.id, row]));
  const columns = phaseColumns(byId);
  const total = totalRow(rows([{ id: -1, requests: 4 }]));

  it("have the timing phases, in their order", () => {
    expect(columns.map((column) => column.text(total))).toEqual([
      "0",
      "0",
      "0",
      "<0.01",
      "0",
      "0.25",
      "12",
      "3.0",
    ]);
    expect(columns.map((column) => column.title)).toEqual([
      "Blocked",
      "Queue",
      "DNS",
      "Connect",
      "TLS",
      "Send",
      "Wait",
      "Body",
    ]);
  });

  it("show what has no phases as such, and sort it last", () => {
    const other = { ...total, id: 7 };
    expect(columns.map((column) => column.text(other))).toEqual(columns.map(() => "–"));
    expect(columns.map((column) => column.value(other))).toEqual(columns.map(() => null));
  });

  it("do not show phases unless somebody has chosen them", () => {
    const all = [...statColumns(FRACTIONS, [0.95], 10), ...columns];
    expect(needsPhases(defaultKeys(all))).toBe(false);
    expect(needsPhases(["name", "phase.wait"])).toBe(true);
    expect(new Set(all.map((column) => column.key)).size).toBe(all.length);
  });
});

describe("workers", () => {
  it("that are missing are not counted as there", () => {
    const worker = (state: string): Worker => ({
      id: state,
      host: state,
      index: 0,
      reported: true,
      problem: "",
      state,
      user_count: 0,
      cpu_usage: 0,
      memory_usage: 0,
    });
    expect(present([worker("running"), worker("missing"), worker("ready")])).toBe(2);
    expect(isMissing(worker("ready"))).toBe(false);
  });
});

describe("the page that asks for the token", () => {
  /** The colours that a text sets between two others. */
  const colours = (text: string) =>
    new Map([...text.matchAll(/--([\w-]+): (#[\da-f]{6});/g)].map((match) => [match[1], match[2]]));
  const tokens = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");
  const page = readFileSync(new URL("../../crates/web/src/security/token.html", import.meta.url), "utf8");

  it("has the colours of all other pages, light and dark", () => {
    const [, light = "", dark = ""] =
      /data-theme="light"\] \{(.*?)\n\}.*data-theme="dark"\] \{(.*?)\n\}/s.exec(tokens) ?? [];
    const [, ownLight = "", byMedia = "", byChoice = ""] =
      /:root \{(.*?)\n\}.*not\(.*?\{(.*?)\n {2}\}.*:root\[data-theme="dark"\] \{(.*?)\n\}/s.exec(page) ?? [];
    for (const [own, wanted] of [
      [ownLight, light],
      [byMedia, dark],
      [byChoice, dark],
    ] as const) {
      expect(colours(own).size).toBeGreaterThan(10);
      for (const [name, value] of colours(own))
        expect([name, value]).toEqual([name, colours(wanted).get(name)]);
    }
  });
});
