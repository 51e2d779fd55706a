/** Thresholds: what the page and the past run say is what the terminal prints and the exit code tells. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startBlog, startServer } from "./gregaria.mjs";
import { noProblems, openTab, screenshot, startTest, stopTest } from "./steps.mjs";

const ASKED = [
  "GET /: p95 < 60s",
  "fail_ratio < 1%",
  "GET /nowhere: p99 < 1s",
  "avg < 0.001ms over 1s, warn",
];
const OUTCOMES = ["OK", "Failed", "No data", "Warning"];

let browser;
let blog;
let server;

before(async () => {
  [browser, blog, server] = await Promise.all([
    launch(),
    startBlog(),
    startServer({ args: ASKED.flatMap((rule) => ["--threshold", rule]) }),
  ]);
});
after(async () => {
  await browser?.close();
  await server?.end();
  await blog?.end();
});

/** The cells of each row, as a person reads them. */
const table = (page) =>
  page
    .locator('section[aria-label="Thresholds"] tbody tr')
    .evaluateAll((rows) =>
      rows.map((row) => [...row.cells].map((cell) => cell.innerText.replace(/\s+/g, " ").trim())),
    );

test("thresholds stand on the page, in the past run, and at every width", async () => {
  const { page, problems } = await openPage(browser);
  await page.goto(server.url);
  await startTest(page, { users: 5, rate: 5, host: blog.url });
  await page.waitForFunction(
    (words) =>
      [...document.querySelectorAll('section[aria-label="Thresholds"] .outcome')]
        .map((element) => element.textContent.trim())
        .join() === words.join(),
    ["OK", "Failed", "Waiting", "Warning"],
  );
  await stopTest(page);
  await page.waitForSelector('section[aria-label="Thresholds"] >> text=No data');
  const live = await table(page);
  assert.deepEqual(
    live.map((row) => row[0]),
    OUTCOMES,
  );
  assert.deepEqual(
    live.map((row) => row[1]),
    ["GET /", "all", "GET /nowhere", "all"],
  );
  await screenshot(page, "thresholds");
  await page.setViewportSize({ width: 390, height: 844 });
  const wide = await page.evaluate(
    () => document.querySelector('section[aria-label="Thresholds"]').scrollWidth - window.innerWidth,
  );
  assert.ok(wide <= 0, "the list fits a phone");
  await screenshot(page, "thresholds-phone");
  await page.setViewportSize({ width: 1440, height: 900 });
  await openTab(page, "runs");
  await page.click("tbody a >> nth=0");
  await page.waitForSelector("text=Request statistics");
  assert.deepEqual(await table(page), live);
  noProblems(problems);
});
