/** axe-core finds nothing to complain of: on each tab, in a past run and in the report, light and dark. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startBlog, startServer } from "./gregaria.mjs";
import { noProblems, openTab, RUN_TABS } from "./steps.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let browser;
let blog;
let server;

before(async () => {
  [browser, blog, server] = await Promise.all([
    launch(),
    startBlog(),
    startServer({ args: ["--class-picker", "--threshold", "p95 < 60s"] }),
  ]);
  await server.post("swarm", { user_count: "3", spawn_rate: "3", host: blog.url, user_classes: "Reader" });
  await server.waitFor("exceptions", ({ exceptions }) => exceptions.length > 0);
  await server.waitFor("stats/requests", ({ stats }) => stats.length === 5);
  await server.waitFor("live/history", (history) => history.at.length >= 3);
});
after(async () => {
  await browser?.close();
  await server?.end();
  await blog?.end();
});

/** What axe says, in words. */
async function violations(page, what) {
  // The page's policy keeps foreign scripts out; the protocol of the browser's tools does not ask it.
  const { violations: found, headings } = await page.evaluate(`(async () => {
    if (!window.axe) { ${AXE} }
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return { violations, headings: document.querySelectorAll("h1").length };
  })()`);
  const said = found.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map((node) => node.html).join(" ")}`);
  return headings === 1 ? said : [...said, `${what}: ${headings} headings of the first order`];
}

for (const dark of [false, true]) {
  test(`nothing keeps anybody out, ${dark ? "dark" : "light"}`, async () => {
    const { page, context, problems } = await openPage(browser, { dark });
    const found = [];
    await page.goto(`${server.url}?tab=stats`);
    for (const tab of [...RUN_TABS, "workers", "generator", "runs"]) {
      await openTab(page, tab);
      await page.waitForTimeout(150);
      found.push(...(await violations(page, tab)));
    }
    await page.click("header >> text=Edit");
    found.push(...(await violations(page, "the dialog")));
    await page.goto(`${server.url}stats/report?theme=${dark ? "dark" : "light"}`);
    await page.waitForSelector(".uplot canvas");
    found.push(...(await violations(page, "the report")));
    if (dark) {
      await server.post("stop", {});
      const { runs } = await server.waitFor("runs", (list) => list.runs.length > 0 && list);
      await page.goto(`${server.url}?tab=runs&run=${runs[0].id}`);
      await page.waitForSelector(".uplot canvas");
      found.push(...(await violations(page, "a past run")));
      await page.goto(`${server.url}?tab=new`);
      await page.waitForSelector("form.start");
      found.push(...(await violations(page, "the form")));
    }
    assert.deepEqual(found, []);
    noProblems(problems);
    await context.close();
  });
}
