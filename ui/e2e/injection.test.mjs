/** Names, hosts, errors, tracebacks and logs are text, in every tab, in a past run and in the report. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { launch, openPage } from "./browser.mjs";
import { startServer } from "./gregaria.mjs";
import { noProblems, openTab, screenshot, startTest, stopTest } from "./steps.mjs";

const MARK = "window.broken = 1";
const HOST = `http://127.0.0.1:1/'"><img src=x onerror='${MARK}'>`;

let browser;
let server;

before(async () => {
  [browser, server] = await Promise.all([launch(), startServer({ file: "hostile_locustfile.py" })]);
});
after(async () => {
  await browser?.close();
  await server?.end();
});

/** The hostile text is there to be read, and nothing of it has become part of the page. */
async function isText(page, where, shown = true) {
  if (shown) await page.waitForFunction((mark) => document.body.innerText.includes(mark), MARK);
  const found = await page.evaluate(() => ({
    ran: window.broken ?? null,
    images: document.querySelectorAll("img[onerror]").length,
  }));
  assert.deepEqual(found, { ran: null, images: 0 }, where);
}

test("what a script names is shown and never run", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(server.url);
  await startTest(page, { users: 2, rate: 2, host: HOST });
  for (const [tab, shown] of [
    ["stats", true],
    ["charts", false],
    ["timing", true],
    ["failures", true],
    ["exceptions", true],
    ["ratios", false],
    ["logViewer", true],
    ["reports", false],
  ]) {
    await openTab(page, tab);
    await isText(page, tab, shown);
  }
  const phone = await openPage(browser, { width: 390, height: 844, isMobile: true, hasTouch: true });
  await phone.page.goto(`${server.url}?tab=stats`);
  await isText(phone.page, "on a phone");
  const lines = await phone.page.evaluate(() => {
    const name = document.querySelector("tbody td.first .name");
    return name.clientHeight / parseFloat(getComputedStyle(name).lineHeight);
  });
  assert.ok(lines > 3, `a long name takes ${lines.toFixed(1)} lines of a phone, and is not cut in the first`);
  await screenshot(phone.page, "long-names-phone");
  noProblems(phone.problems);
  await phone.context.close();
  await stopTest(page);
  // Opened anew, all of it comes with the page and the history.
  await page.goto(`${server.url}?tab=stats`);
  await isText(page, "a fresh page");
  await openTab(page, "runs");
  await isText(page, "past runs", false);

  const folder = mkdtempSync(join(tmpdir(), "gregaria-e2e-"));
  const file = join(folder, "report.html");
  writeFileSync(file, await (await fetch(`${server.url}stats/report?download=1`)).text());
  const report = await context.newPage();
  await report.goto(pathToFileURL(file).href);
  await isText(report, "the report");
  rmSync(folder, { recursive: true });
  noProblems(problems);
  await context.close();
});
