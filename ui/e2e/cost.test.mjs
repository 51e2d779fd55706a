/** What the page costs who opens it: bytes, and what is not fetched before it is wanted. `make bench-pages` has the times. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { first, firstPaint, sum } from "./bundle.mjs";
import { startServer } from "./gregaria.mjs";
import { noProblems, openTab } from "./steps.mjs";

/** Bytes, packed: a tenth above what it is. Who needs more says why, here. */
const FIRST_GZIP = 80_000;
const REPORT_RAW = 230_000;
let browser;
let server;

before(async () => {
  [browser, server] = await Promise.all([launch(), startServer()]);
});
after(async () => {
  await browser?.close();
  await server?.end();
});

test("the first paint takes few bytes, and charts are fetched when they are opened", async (context_) => {
  const files = await first(server.url);
  assert.ok(files.every(({ status }) => status === 200));
  const packed = sum(files, "gzip");
  context_.diagnostic(`${files.length} files, ${sum(files, "raw")} bytes, ${packed} packed`);
  assert.ok(packed < FIRST_GZIP, files.map(({ name, gzip }) => `${name} ${gzip}`).join(", "));
  const { paint, whole } = await firstPaint(browser, server.url);
  context_.diagnostic(`first paint after ${paint.toFixed(0)} ms, the form after ${whole.toFixed(0)} ms`);
  assert.ok(paint > 0 && paint <= whole + 1_000);

  const { page, context, problems } = await openPage(browser);
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(server.url);
  await page.waitForSelector("form.start");
  assert.ok(!asked.some((path) => /TimeChart|RunsTab|HelpDialog/.test(path)), asked.join(" "));
  const charts = page.waitForRequest(/TimeChart.*\.js/);
  await openTab(page, "charts");
  await charts;
  await openTab(page, "runs");
  await page.waitForSelector("text=No past runs yet");
  await page.click("text=What the numbers mean");
  await page.waitForSelector("dialog >> text=Response times in bands");
  noProblems(problems);
  await context.close();
});

test("a report without a run's numbers is small", async () => {
  const report = await (await fetch(`${server.url}stats/report?download=1`)).text();
  const data = /id="reportArgs">([\s\S]*?)<\/script>/.exec(report)?.[1] ?? "";
  assert.ok(
    data.length > 0 && report.length - data.length < REPORT_RAW,
    `${report.length - data.length} bytes`,
  );
});
