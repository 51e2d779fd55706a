/**
 * `make bench-pages`, before the numbers of bench/pages.py: the size of the page and how soon a browser shows it, cold.
 *
 * GREGARIA_LOCUST=… measures another build's program.
 */
import { first, firstPaint, sum } from "./e2e/bundle.mjs";
import { launch } from "./e2e/browser.mjs";
import { startServer } from "./e2e/gregaria.mjs";

const ROUNDS = 9;
const print = (line) => process.stdout.write(`${line}\n`);
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

const server = await startServer();
try {
  const files = await first(server.url);
  const report = (await (await fetch(`${server.url}stats/report?download=1`)).text()).length;
  print("                      bytes   gzip");
  for (const { name, raw, gzip } of [
    ...files,
    { name: "page, until seen", raw: sum(files, "raw"), gzip: sum(files, "gzip") },
    { name: "report, no run", raw: report, gzip: "" },
  ])
    print(
      `${name.replace(/^.*assets\//, "").padEnd(28)} ${String(raw).padStart(7)} ${String(gzip).padStart(7)}`,
    );
  const paints = [];
  const wholes = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // A browser of its own each time: nothing is cached.
    const browser = await launch();
    const { paint, whole } = await firstPaint(browser, server.url);
    paints.push(paint);
    wholes.push(whole);
    await browser.close();
  }
  print(
    `first paint ${median(paints).toFixed(0)} ms (${Math.min(...paints).toFixed(0)} to ${Math.max(...paints).toFixed(0)}), ` +
      `form there after ${median(wholes).toFixed(0)} ms, medians of ${ROUNDS} new browsers`,
  );
} finally {
  await server.end();
}
