/**
 * Checks, metrics of a script's own, and the two latencies of an open run: what a person sees on the page, in a past run and in the report is what
 * the terminal prints.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { launch, openPage } from "./browser.mjs";
import { startBlog, startServer } from "./gregaria.mjs";
import { noProblems, openTab, screenshot, startTest, stopTest } from "./steps.mjs";

let browser;
let blog;

before(async () => {
  [browser, blog] = await Promise.all([launch(), startBlog()]);
});
after(async () => {
  await browser?.close();
  await blog?.end();
});

/** The cells of the tables below a heading, row by row. */
const cells = (page, label) =>
  page
    .locator(`section[aria-label="${label}"] tbody tr`)
    .evaluateAll((rows) =>
      rows.map((row) =>
        [...row.querySelectorAll("td")].map((cell) => cell.innerText.replace(/\s+/g, " ").trim()),
      ),
    );

const figures = (page) =>
  page
    .locator('section[aria-label="Arrivals"] dl > div')
    .evaluateAll((all) =>
      Object.fromEntries(
        all.map((one) => [
          one.querySelector("dt").innerText.trim().toLowerCase(),
          one.querySelector("dd").innerText.replace(/\s+/g, " ").trim(),
        ]),
      ),
    );

/** What the terminal printed at the end. */
function printed(output) {
  const measures = [...output.matchAll(/^(check|rate|counter|trend) {2,}(.+?) {2,}(.+)$/gm)].map((match) => [
    match[1],
    match[2].trim(),
    match[3].trim(),
  ]);
  const arrivals = Object.fromEntries(
    [...output.matchAll(/^(due|begun|late|dropped) +(\d+) /gm)].map((match) => [match[1], Number(match[2])]),
  );
  const latencies = {};
  let name = "";
  for (const match of output.matchAll(/^(.*?) *(since intended start|service time) +(\d+) +([\d. ]+)$/gm)) {
    name = match[1].trim() || name;
    latencies[`${name} ${match[2]}`] = match[4].trim().split(/ +/);
  }
  return { measures, arrivals, latencies };
}

/** The rows of both latencies as the page has them, under the terminal's names. */
function latenciesOf(rows) {
  const found = {};
  let name = "";
  for (const row of rows) {
    const hasName = row.length === rows[0].length;
    if (hasName) name = row[0];
    const [what, ...times] = row.slice(hasName ? 1 : 0);
    found[`${name} ${what.replace(" ●", "").toLowerCase()}`] = times;
  }
  return found;
}

test("checks, metrics and both latencies are the same in the terminal, on the page and in the report", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gregaria-measures-"));
  const report = join(folder, "r.html");
  const server = await startServer({
    file: "measures_locustfile.py",
    args: [
      "--arrival-rate",
      "5 for 2s",
      "-u",
      "20",
      "-s",
      "20",
      "-H",
      blog.url,
      "--html",
      report,
      "--autostart",
    ],
  });
  const { page, problems } = await openPage(browser);
  try {
    await page.goto(`${server.url}?tab=stats`);
    await page.waitForSelector('[data-state="stopped"]');
    await page.waitForSelector('section[aria-label="Checks and metrics"]');
    const seen = {
      measures: await cells(page, "Checks and metrics"),
      arrivals: await figures(page),
      latencies: await cells(page, "Arrivals"),
    };
    await screenshot(page, "measures");
    await openTab(page, "charts");
    // Both latencies are lines of the chart, one of them dashed.
    await page.waitForSelector("text=/p95.* service time/");
    await openTab(page, "runs");
    await page.click("tbody a >> nth=0");
    await page.waitForSelector("text=Request statistics");
    assert.deepEqual(await cells(page, "Checks and metrics"), seen.measures, "a past run");
    assert.deepEqual(await cells(page, "Arrivals"), seen.latencies, "a past run");
    assert.equal((await page.locator("text=/p95.* service time/").count()) > 0, true, "its chart");
    noProblems(problems);
    await page.close();
    await server.end();

    const terminal = printed(server.output());
    assert.equal(terminal.measures.length, 4, server.output());
    assert.deepEqual(
      seen.measures,
      terminal.measures.map((row) => row.map((cell) => cell.replace(/\s+/g, " "))),
    );
    assert.match(seen.measures[0].join(" "), /^check has a title 75\.0% passed \(150 of 200, 50 failed\)$/);
    for (const [name, value] of Object.entries(terminal.arrivals))
      assert.equal(Number(seen.arrivals[name].split(" ")[0].replaceAll(",", "")), value, name);
    assert.deepEqual(latenciesOf(seen.latencies), terminal.latencies);
    assert.ok(Object.keys(terminal.latencies).length >= 4, server.output());

    const file = await openPage(browser);
    await file.page.goto(pathToFileURL(report).href);
    await file.page.waitForSelector('section[aria-label="Checks and metrics"]');
    assert.deepEqual(await cells(file.page, "Checks and metrics"), seen.measures, "the report");
    assert.deepEqual(latenciesOf(await cells(file.page, "Arrivals")), terminal.latencies, "the report");
    await file.page.waitForSelector("text=/p95.* service time/");
    noProblems(file.problems);
  } finally {
    await server.end();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a warm-up is seen while it goes on, and what it left out afterwards", async () => {
  const server = await startServer({ file: "locustfile.py", args: ["--warmup", "4s"] });
  const { page, problems } = await openPage(browser);
  try {
    await page.goto(server.url);
    await startTest(page, { users: 2, rate: 2, host: blog.url });
    await page.waitForSelector('[role="status"]:has-text("Warming up")');
    await page.waitForSelector("text=/Warm-up: \\d s of 4 s to go \\(\\d+ requests?/");
    assert.equal((await server.get("stats/requests")).stats.at(-1).num_requests, 0, "nothing counts yet");
    await openTab(page, "charts");
    await page.waitForSelector("text=/Warm-up: the first 4 s are left out: \\d+ requests/");
    await page.waitForSelector('[role="status"]:has-text("Running")');
    await server.waitFor("live/history", (history) => history.requests.length > 1);
    await stopTest(page);
    const left = await page.locator('[role="note"]:has-text("Warm-up:")').innerText();
    await openTab(page, "runs");
    await page.click("tbody a >> nth=0");
    await page.waitForSelector("text=Request statistics");
    assert.equal(await page.locator('[role="note"]:has-text("Warm-up:")').innerText(), left, "a past run");
    noProblems(problems);
  } finally {
    await server.end();
  }
});
