/** A run whose program is killed, in the page of the next. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startBlog, startServer } from "./gregaria.mjs";
import { noProblems, openTab, screenshot, startTest } from "./steps.mjs";

test("a run that was cut off is among the past runs, and says so", async () => {
  const store = mkdtempSync(join(tmpdir(), "gregaria-cut-off-"));
  const [browser, blog, killed] = await Promise.all([launch(), startBlog(), startServer({ store })]);
  let next;
  try {
    const first = await openPage(browser);
    await first.page.goto(`${killed.url}?tab=new`);
    await startTest(first.page, { users: 3, rate: 3, host: blog.url });
    await openTab(first.page, "generator");
    await first.page.waitForSelector("text=Thread of the users");
    await first.page.waitForSelector("canvas");
    await first.page.waitForTimeout(4_000);
    await screenshot(first.page, "generator-of-a-run", { fullPage: true });
    noProblems(first.problems);
    await first.context.close();
    await killed.end("SIGKILL");

    next = await startServer({ store });
    const { page, problems } = await openPage(browser);
    await page.goto(`${next.url}?tab=runs`);
    await page.waitForSelector("tbody >> text=cut off");
    await screenshot(page, "cut-off-runs");
    await page.click("tbody a");
    const note = page.getByRole("note");
    assert.match(await note.innerText(), /Cut off/);
    await page.waitForSelector('tbody >> text="/missing"');
    await page.getByRole("heading", { name: "Generator" }).scrollIntoViewIfNeeded();
    await screenshot(page, "cut-off-run", { fullPage: true });
    noProblems(problems);
  } finally {
    await browser.close();
    await Promise.all([blog.end(), killed.end("SIGKILL"), next?.end()]);
    rmSync(store, { recursive: true, force: true });
  }
});
