import { readdirSync, readFileSync, writeFileSync } from "node:fs";
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
${one.shown.length > 0 ? `| Shown as | ${one.shown.join("; ")} |\n` : ""}`,
  );
  return head + parts.join("");
}

/** Where figures are shown, and what their labels look like there. */
const SHOWN =
  /^(?:report|runs|tabs|charts)\/|^lib\/generator\.ts$|^components\/(?:Header|WarmUpNote)\.svelte$/;
const LABELS = [
  /<(?:dt|th|h2)\b[^>]*>(?<text>[^<]+)</g,
  /(?<![\w.])(?:label|title): "(?<text>[^"]+)"/g,
  /<TimeChart\s[^>]*?\btitle="(?<text>[^"]+)"/g,
  /<b>(?<text>Warm-up:)/g,
];
/** Labels that stand above no number: names, moments, words, and what only opens something. */
const NO_QUANTITY =
  `A; Actions; All levels; All nodes; All requests; All runs; Bar; B; Compare; Delete this run?;
  Distribution of response times; Environment; Errors; Failure; Full history of requests; Generator; Host; Info and above; Kind;
  Last 15 minutes; Last 5 minutes; Last hour; Last minute; Message; Metric; Name; No.; Node; Parameters; Request;
  Request statistics; Response time statistics; Run; Started; State; Statistics as JSON; Task; Task ratio; Thresholds; Traceback;
  Type; Two runs compared; Warnings and errors; What is wrong; Where the time goes; Whole run; Worker; timed; without a time;
  After; elapsed; From; Workers in this run; Report; Data; Phases by name; Warnings and above; Everything`
    .split(";")
    .map((label) => label.trim());

/** The source of all that shows figures, by file. */
function sources(): Map<string, string> {
  const root = new URL("../src/", import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: "utf8" });
  const shown = files.filter((file) => SHOWN.test(file) && /\.(?:svelte|ts)$/.test(file));
  return new Map(shown.map((file) => [file, readFileSync(new URL(file, root), "utf8")]));
}

/** Labels of figures in it, each with where it stands. */
function labels(): Map<string, string> {
  const found = new Map<string, string>();
  for (const [file, source] of sources()) {
    for (const pattern of LABELS) {
      for (const { groups } of source.matchAll(pattern)) {
        const text = groups?.["text"]?.trim() ?? "";
        // Of an expression: the texts in it.
        const words = text.includes("{")
          ? [...text.matchAll(/"([^"]+)"/g)].map(([, one]) => one ?? "")
          : [text];
        for (const word of words) if (word !== "") found.set(word, file);
      }
    }
  }
  return found;
}

describe("what each number means", () => {
  it("is said in the documentation as in the page", () => {
    if (process.env["WRITE"]) writeFileSync(place, page());
    expect(readFileSync(place, "utf8")).toBe(page());
  });

  it("is said of each label that a figure has, and of none that there is not", () => {
    const shown = new Set(quantities.flatMap((one) => one.shown));
    const found = labels();
    expect(found.size).toBeGreaterThan(60);
    const unsaid = [...found].filter(([label]) => !shown.has(label) && !NO_QUANTITY.includes(label));
    expect(unsaid, "labels of figures that quantities.json does not name").toEqual([]);
    const all = [...sources().values()].join("\n");
    expect([...shown].filter((label) => !all.includes(label))).toEqual([]);
  });

  it("is said of each column of the statistics", () => {
    const said = quantities.map(({ term }) => term.toLowerCase()).join(" ");
    for (const { title, numeric } of statColumns(FRACTIONS, FRACTIONS, 10)) {
      if (!numeric || /^p\d/.test(title)) continue;
      expect(said).toContain(title.toLowerCase().replace(", whole run", ""));
    }
  });
});
