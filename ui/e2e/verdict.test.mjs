/** The verdict: a run whose generator has no moment to spare says so on the page, while it runs and later, in the same words. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startServer } from "./gregaria.mjs";
import { noProblems, openTab, screenshot, startTest, stopTest } from "./steps.mjs";

let browser;
let server;

before(async () => {
  [browser, server] = await Promise.all([launch(), startServer({ file: "burning_locustfile.py" })]);
});
after(async () => {
  await browser?.close();
  await server?.end();
});

const card = (page) =>
  page
    .locator('section[aria-label="Verdict"]')
    .evaluate((section) => section.innerText.replace(/\s+/g, " ").trim());

test("the verdict stands on the page, in its tab, in the past run, and at every width", async () => {
  const { page, problems } = await openPage(browser);
  await page.goto(server.url);
  assert.equal(await page.locator('section[aria-label="Verdict"]').count(), 0, "nothing ran yet");
  await startTest(page, { users: 20, rate: 20, host: "http://127.0.0.1:9" });
  await page.waitForSelector('section[aria-label="Verdict"].red');
  await stopTest(page);
  const live = await card(page);
  assert.match(live, /^Generator was a limit The generator was a limit of this run: .+/);
  await screenshot(page, "verdict");
  await page.setViewportSize({ width: 390, height: 844 });
  const wide = await page.evaluate(
    () => document.querySelector('section[aria-label="Verdict"]').scrollWidth - window.innerWidth,
  );
  assert.ok(wide <= 0, "it fits a phone");
  await screenshot(page, "verdict-phone");
  await page.setViewportSize({ width: 1440, height: 900 });
  await openTab(page, "generator");
  assert.equal(await card(page), live);
  await openTab(page, "runs");
  await page.click("tbody a >> nth=0");
  await page.waitForSelector("text=Request statistics");
  assert.equal(await card(page), live);
  noProblems(problems);
});
