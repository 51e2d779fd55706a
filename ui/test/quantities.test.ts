import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import quantities from "../src/lib/quantities.json";
import { statColumns } from "../src/tabs/statColumns";
import { FRACTIONS } from "./samples";

const place = new URL("../../docs/quantities.md", import.meta.url);

/** The page of the documentation: the same words as the page's own help. */
function page(): string {
  const head = `# What each number means

Each quantity has one definition and one precision, wherever it is shown: on the page, in the report, in past runs, in the Markdown summary and in
JUnit. What is in one of Locust's formats is Locust's rule applied to the same samples, and only there.

This page and the page's own help (under "What the numbers mean", at its foot) are made of \`ui/src/lib/quantities.json\`: \`WRITE=1 npx vitest run
test/quantities.test.ts\` in \`ui/\`.
`;
  const parts = quantities.map(
    (one) => `
## ${one.term}

${one.definition}

| | |
|---|---|
| Unit | ${one.unit} |
| Source | ${one.source} |
| Precision | ${one.precision} |
| Clock | ${one.clock} |
`,
  );
  return head + parts.join("");
}

describe("what each number means", () => {
  it("is said in the documentation as in the page", () => {
    if (process.env["WRITE"]) writeFileSync(place, page());
    expect(readFileSync(place, "utf8")).toBe(page());
  });

  it("is said of each column of the statistics", () => {
    const said = quantities.map(({ term }) => term.toLowerCase()).join(" ");
    for (const { title, numeric } of statColumns(FRACTIONS, FRACTIONS, 10)) {
      if (!numeric || /^p\d/.test(title)) continue;
      expect(said).toContain(title.toLowerCase().replace(", whole run", ""));
    }
  });
});
