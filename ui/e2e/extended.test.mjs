/** What locustfiles add to the page, and a table of thousands of names. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startServer } from "./gregaria.mjs";
import { noProblems, openTab, screenshot } from "./steps.mjs";

let browser;
let server;

before(async () => {
  [browser, server] = await Promise.all([launch(), startServer({ file: "extended_locustfile.py" })]);
  await server.post("swarm", { user_count: "1", spawn_rate: "1" });
});
after(async () => {
  await browser?.close();
  await server?.end();
});

test("a tab, a table and a file of the locustfile's own", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(server.url);
  await openTab(page, "content-length");
  await page.waitForSelector('tbody tr:has-text("a_b_c"):has-text("12,345")');
  await openTab(page, "reports");
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.click("text=Content length >> nth=-1"),
  ]);
  assert.match(readFileSync(await file.path(), "utf8"), /^name,content_length/);
  noProblems(problems);
  await context.close();
});

test("three thousand names are scrolled, filtered and sorted", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(`${server.url}?tab=stats`);
  await page.waitForSelector("text=3,000 names");
  assert.ok((await page.locator("tbody tr").count()) < 90, "too many rows are drawn");
  const table = page.getByRole("region", { name: "Statistics" });
  await table.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await page.waitForSelector('tbody >> text="/item/2999"');
  assert.ok(await page.locator("tfoot").isVisible());
  await screenshot(page, "many-names");
  await page.fill('input[type="search"]', "item /2999");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  await page.fill('input[type="search"]', "");
  await page.getByText("Failing only").click();
  await page.waitForSelector("text=30 of 3,000 names");
  noProblems(problems);
  await context.close();
});
