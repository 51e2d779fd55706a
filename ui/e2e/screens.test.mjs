/** Each page in light, dark and on a phone: pictures to look at (e2e/artifacts), and what must be in them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startBlog, startServer } from "./gregaria.mjs";
import { noProblems, openTab, RUN_TABS, screenshot } from "./steps.mjs";

const TABS = [...RUN_TABS, "workers", "generator", "runs"];
let browser;
let blog;
let server;

before(async () => {
  [browser, blog, server] = await Promise.all([
    launch(),
    startBlog(),
    startServer({ args: ["--class-picker"] }),
  ]);
});
after(async () => {
  await browser?.close();
  await server?.end();
  await blog?.end();
});

for (const [look, options] of Object.entries({
  light: {},
  dark: { dark: true },
  laptop: { width: 1280, height: 800 },
  "laptop-dark": { width: 1280, height: 800, dark: true },
  phone: { width: 390, height: 844, isMobile: true, hasTouch: true },
  "phone-dark": { width: 390, height: 844, isMobile: true, hasTouch: true, dark: true },
})) {
  test(`every page, ${look}`, async () => {
    await server.post("stop", {});
    const { page, context, problems } = await openPage(browser, options);
    await page.goto(`${server.url}?tab=new`);
    await page.waitForSelector("form.start");
    assert.equal(
      await page.evaluate(() => document.documentElement.dataset.theme),
      options.dark ? "dark" : "light",
    );
    await screenshot(page, `${look}-new`, { fullPage: true });
    await server.post("swarm", { user_count: "5", spawn_rate: "5", host: blog.url, user_classes: "Reader" });
    await page.waitForSelector('tbody >> text="/missing"');
    for (const tab of TABS) {
      await openTab(page, tab);
      await page.waitForTimeout(300);
      await screenshot(page, `${look}-${tab}`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${tab} is ${overflow} px too wide`);
      // What is shown at first fits; a phone's past runs have more columns than it can show.
      const tables = await page.evaluate(() =>
        [...document.querySelectorAll(".scroller")].map((one) => one.scrollWidth - one.clientWidth),
      );
      assert.ok(
        tables.every((wide) => wide <= 0),
        `the table of ${tab} is ${tables} px too wide`,
      );
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll("td.numeric, td.short, td a")]
          .filter((cell) => cell.scrollWidth > cell.closest("td").clientWidth)
          .map((cell) => cell.innerText),
      );
      assert.deepEqual(cut, [], `numbers and dates of ${tab} are cut`);
    }
    {
      const report = await context.newPage();
      await report.goto(`${server.url}stats/report?theme=${options.dark ? "dark" : "light"}`);
      await report.waitForSelector(".distribution svg rect");
      await screenshot(report, `${look}-report`, { fullPage: true });
      const wide = await report.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `the report is ${wide} px too wide`);
      // How it ended, why, and where to look: on the first screen, but for a phone, which has the first two there.
      const below = await report.evaluate(
        (what) =>
          [...document.querySelectorAll(what)]
            .filter((one) => one.getBoundingClientRect().top > innerHeight - 60)
            .map((one) => one.innerText.split("\n")[0]),
        options.isMobile
          ? '[aria-label="How it ended"], .report > dl'
          : '[aria-label="How it ended"], .first section',
      );
      assert.deepEqual(below, [], "below the first screen");
      await report.close();
    }
    const stop = page.locator("header >> text=Stop");
    assert.ok(await stop.isVisible());
    assert.ok(await page.locator('[data-state="running"]').isVisible());
    noProblems(problems);
    await context.close();
  });
}

test("the keyboard is enough", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(server.url);
  await page.waitForSelector('[data-tab="stats"]');
  await page.locator('[data-tab="stats"]').focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForSelector('[data-tab="charts"][aria-current="page"]');
  await openTab(page, "stats");
  const heading = page.locator("th:has-text('Requests') button").first();
  await heading.focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("th[aria-sort=descending]:has-text('Requests')");
  await page.keyboard.press("Enter");
  await page.waitForSelector("th[aria-sort=ascending]:has-text('Requests')");
  const outline = await heading.evaluate((element) => getComputedStyle(element).outlineStyle);
  assert.notEqual(outline, "none", "the focus is not visible");
  noProblems(problems);
  await context.close();
});

test("columns and order are remembered", async () => {
  const { page, context } = await openPage(browser);
  await page.goto(`${server.url}?tab=stats`);
  await page.click("text=Columns");
  await page.click(".menu >> text=p99.9");
  await page.keyboard.press("Escape");
  await page.reload();
  await page.waitForSelector("th:has-text('p99.9')");
  await context.close();
});

test("timing phases are columns of the statistics, if somebody wants them", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(`${server.url}?tab=stats`);
  await page.waitForSelector('tbody >> text="/missing"');
  assert.equal(await page.locator("th:has-text('Wait')").count(), 0);
  await page.click("text=Columns");
  await page.waitForSelector(".menu >> text=Timing phases");
  for (const phase of ["Connect", "Wait"]) await page.locator(".menu").getByLabel(phase).check();
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent?.trim()), "Columns");
  const wait = page.locator("tfoot td").last();
  await page.waitForFunction(() => /\d/.test(document.querySelector("tfoot td:last-child").textContent));
  const shown = Number(await wait.innerText());
  assert.ok(shown > 0, `${shown} ms`);
  await page.click("th:has-text('Wait') button");
  const column = await page.locator("tbody td:last-child").allInnerTexts();
  const times = column.map(Number);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => b - a),
  );
  noProblems(problems);
  await context.close();
});

test("long messages are read in full, by keyboard as well", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(`${server.url}?tab=failures`);
  const message = page.locator("tbody button.message").first();
  const text = await message.innerText();
  await message.focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog pre");
  assert.equal(await page.locator("dialog pre").innerText(), text);
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
  assert.ok(await message.evaluate((element) => element === document.activeElement));
  noProblems(problems);
  await context.close();
});
