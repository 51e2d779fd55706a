/** The page never shows old numbers for new ones: reloads, a server that dies, a server that comes back. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startBlog, startServer } from "./gregaria.mjs";
import { figure, noProblems, openTab, startTest } from "./steps.mjs";

let browser;
let blog;

before(async () => {
  [browser, blog] = await Promise.all([launch(), startBlog()]);
});
after(async () => {
  await browser?.close();
  await blog?.end();
});

test("a page that is loaded again has the whole run; a killed server is noticed; a new one is followed", async () => {
  let server = await startServer();
  const { page, context, problems } = await openPage(browser);
  try {
    await page.goto(server.url);
    await startTest(page, { users: 3, rate: 3, host: blog.url });
    await server.waitFor("live/history", (history) => history.at.length >= 3);
    await page.goto(`${server.url}?tab=charts`);
    await page.waitForSelector(".uplot canvas");
    const points = await page.evaluate(async () => {
      const answer = await fetch("./live/history");
      return (await answer.json()).at.length;
    });
    assert.ok(points >= 3, `only ${points} points after a reload`);
    const summary = await page.locator('[role="img"]').first().getAttribute("aria-label");
    assert.match(summary, /RPS [\d.]+/);
    noProblems(problems);

    const { port, store } = server;
    await server.end("SIGKILL");
    await page.waitForSelector('[data-state="offline"]');
    await page.waitForSelector("text=No connection to the server");
    assert.ok(await page.locator("header >> text=Stop").isDisabled());

    server = await startServer({ port, store });
    await page.waitForSelector('[data-state="ready"]');
    await figure(page, "users", "0");
    await openTab(page, "stats");
    await page.waitForSelector("text=No requests yet.");
  } finally {
    await context.close();
    await server.end();
  }
});
