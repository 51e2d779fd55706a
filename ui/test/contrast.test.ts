/** Every text can be read, in both themes: WCAG 2.2, level AA. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");

/** The colours of a theme, by the names of their tokens. */
function colours(theme: string): Map<string, string> {
  const block = new RegExp(`data-theme="${theme}"\\] \\{([^}]*)\\}`).exec(css)?.[1] ?? "";
  return new Map(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name ?? "", value ?? ""]),
  );
}

function luminance(colour: string): number {
  const parts = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return [0.2126, 0.7152, 0.0722].reduce((sum, weight, at) => sum + weight * (parts[at] ?? NaN), 0);
}

function contrast(one: string, other: string): number {
  const both = [luminance(one), luminance(other)];
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}

const GROUNDS = ["bg", "surface", "surface-2"];
const TEXTS: [text: string, grounds: string[]][] = [
  ["text", [...GROUNDS, "surface-3"]],
  ["text-2", [...GROUNDS, "surface-3"]],
  ["text-3", GROUNDS],
  ["accent", GROUNDS],
  ["accent-strong", [...GROUNDS, "accent-soft"]],
  ["bad", GROUNDS],
  ["bad-strong", ["bad-soft"]],
  ["good", ["surface", "good-soft"]],
  ["warn", ["surface", "warn-soft"]],
  ["on-accent", ["accent", "accent-strong"]],
  ["on-bad", ["bad", "bad-strong"]],
];
// Lines and bars are told apart from what is behind them.
const MARKS = ["series-rps", "series-fail", "series-users", "series-1", "series-2", "series-3", "series-4"];

describe.each(["light", "dark"])("the %s theme", (theme) => {
  const known = colours(theme);
  const of = (name: string) => known.get(name) ?? expect.fail(`no colour ${name}`);
  const short = (pairs: [string, string][], least: number) =>
    pairs
      .map(([one, other]) => ({ pair: `${one} on ${other}`, ratio: contrast(of(one), of(other)) }))
      .filter(({ ratio }) => ratio < least);

  it("has texts that can be read", () => {
    const pairs = TEXTS.flatMap(([text, grounds]) =>
      grounds.map((ground): [string, string] => [text, ground]),
    );
    expect(short(pairs, 4.5)).toEqual([]);
  });

  it("has lines, borders of fields and a focus that can be seen", () => {
    expect(
      short(
        [...MARKS, "line-strong", "focus"].map((name): [string, string] => [name, "surface"]),
        3,
      ),
    ).toEqual([]);
  });
});
