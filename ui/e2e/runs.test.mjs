/** Past runs: listed, opened, brushed, compared, deleted. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startBlog, startServer } from "./gregaria.mjs";
import { noProblems, openTab, screenshot } from "./steps.mjs";

let browser;
let blog;
let server;

/** Runs a test, the `number`th, until it is kept. */
async function play(users, number) {
  await server.post("swarm", { user_count: users, spawn_rate: users, host: blog.url });
  // Long enough for a part of it to be brushed, and with all names.
  await server.waitFor(
    "live/history",
    (history) => history.at.length >= 4 && history.users.at(-1) === users && history.requests[0] > 0,
  );
  await server.waitFor("stats/requests", ({ stats }) => stats.length === 5);
  await server.post("stop", {});
  await server.waitFor("runs", ({ runs }) => runs.length === number);
}

before(async () => {
  [browser, blog, server] = await Promise.all([launch(), startBlog(), startServer()]);
  await play(2, 1);
  await play(5, 2);
});
after(async () => {
  await browser?.close();
  await server?.end();
  await blog?.end();
});

test("what is large fits into the list, and figures that begin later say so", async () => {
  for (const [name, options] of Object.entries({
    laptop: { width: 1280, height: 800 },
    "desktop-dark": { width: 1440, dark: true },
    phone: { width: 390, height: 844, isMobile: true, hasTouch: true },
  })) {
    const { page, context, problems } = await openPage(browser, options);
    await page.route("**/runs", async (route) => {
      const answer = await (await route.fetch()).json();
      const large = {
        fail_ratio: 0.9995,
        failures: 12_339_506,
        requests: 12_345_678,
        rps: 12_345.6,
        p50: 12_345,
        p95: 12_345,
        p99: 12_345,
        max_users: 100_000,
        duration: 3_599,
      };
      const [first, ...rest] = answer.runs;
      const since = first.started + 12;
      await route.fulfill({ json: { ...answer, runs: [{ ...first, ...large, since }, ...rest] } });
    });
    await page.goto(`${server.url}?tab=runs`);
    await page.waitForSelector("td >> text=>99.9%");
    const cut = await page.evaluate(() =>
      [...document.querySelectorAll("td.numeric, td.short, td a")]
        .filter((cell) => cell.scrollWidth > cell.clientWidth + 1)
        .map((cell) => `${cell.innerText}: ${cell.scrollWidth} of ${cell.clientWidth} px`),
    );
    assert.deepEqual(cut, [], name);
    assert.equal(await page.locator("td >> text=/^since \\d/").count(), options.isMobile ? 0 : 1);
    const scroller = await page
      .locator(".scroller")
      .first()
      .evaluate((one) => one.scrollWidth - one.clientWidth);
    assert.ok(scroller <= 0, `${name}: ${scroller} px too wide`);
    await screenshot(page, `runs-large-${name}`);
    noProblems(problems);
    await context.close();
  }
});

test("a past run is opened, and a brushed window has figures of its own", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(`${server.url}?tab=runs`);
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 2);
  await page.click("tbody a >> nth=0");
  await page.waitForSelector("text=Distribution of response times");
  await page.waitForSelector(".distribution svg rect");
  const requests = async () => {
    const text = await page.locator("section:has(.distribution) dd").first().innerText();
    return Number(text.replaceAll(",", ""));
  };
  const { runs } = await server.get("runs");
  assert.equal(await requests(), runs[0].requests);

  const box = await page.locator(".uplot .u-over").first().boundingBox();
  await page.mouse.move(box.x + box.width * 0.02, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.12, box.y + 60, { steps: 6 });
  await page.mouse.up();
  await page.waitForSelector("h2:has-text('From 0:0')");
  const part = await requests();
  assert.ok(part > 0 && part < runs[0].requests, `${part} of ${runs[0].requests}`);
  await screenshot(page, "run-brushed", { fullPage: true });
  await page.click("text=Whole run");
  await page.waitForSelector("text=Distribution of response times");
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 2);
  noProblems(problems);
  await context.close();
});

test("two runs are compared, one is deleted", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(server.url);
  await openTab(page, "runs");
  for (const index of [0, 1]) await page.locator("tbody input[type=checkbox]").nth(index).check();
  await page.click("button:has-text('Compare')");
  await page.waitForSelector("text=Two runs compared");
  await page.waitForSelector('th:has-text("/post/[id]")');
  await page.waitForFunction(() => document.querySelectorAll(".uplot canvas").length === 4);
  const { runs } = await server.get("runs");
  const cells = await page.locator("tr.total td").allTextContents();
  assert.equal(cells[0], runs[1].requests.toLocaleString("en-US"));
  assert.equal(cells[1], runs[0].requests.toLocaleString("en-US"));
  await screenshot(page, "compare", { fullPage: true });

  await page.click("text=All runs");
  await page.click("tbody >> text=Delete >> nth=0");
  await page.click("dialog >> button:text-is('Delete')");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  assert.equal((await server.get("runs")).runs.length, 1);
  noProblems(problems);
  await context.close();
});
