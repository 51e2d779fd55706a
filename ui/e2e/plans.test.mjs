/** What a test will do, drawn before it starts: of shapes, from what their classes hold, and of arrival rates. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startServer } from "./gregaria.mjs";
import { noProblems, screenshot } from "./steps.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** The corners of the line that is drawn, in its box of 600 by 120. */
async function corners(page) {
  const path = await page.locator("form.start svg path.line").getAttribute("d");
  return [...path.matchAll(/([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Math.round(x), Math.round(y)]);
}

test("a shape is drawn from its stages, and nothing of the script is called for it", async () => {
  const server = await startServer({ file: "plans_locustfile.py", args: ["--class-picker"] });
  const { page, context, problems } = await openPage(browser);
  try {
    await page.goto(`${server.url}?tab=new`);
    await page.waitForSelector("form.start");
    assert.equal(await page.locator("form.start figure").count(), 0);
    await page.selectOption("#start-shape", "Stages");
    await page.waitForSelector(
      'form.start svg[aria-label="Users of Stages: Up to 50 users, ends after 3 min."]',
    );
    // 10 users within a second, from the first minute on 50 within 20 s, from the second on 20 within 3 s.
    const y = (users) => Math.round(120 - (users / 50) * 114);
    assert.deepEqual(await corners(page), [
      [0, y(0)],
      [3, y(10)],
      [200, y(10)],
      [267, y(50)],
      [400, y(50)],
      [410, y(20)],
      [600, y(20)],
    ]);
    await page.waitForSelector("text=what tick() makes of them only the test shows");
    await page.click("summary:has-text('Stages: Morning, noon and evening.')");
    await page.waitForSelector("pre:has-text('its users & its <b>rate</b>')");
    await screenshot(page, "plan-stages", { fullPage: true });

    // Its stages are a property: nobody asks it. Its time limit is a number.
    await page.selectOption("#start-shape", "Wave");
    await page.waitForSelector("text=Ends after 10 min, says its time_limit.");
    assert.equal(await page.locator("form.start figure").count(), 0);
    await screenshot(page, "plan-wave", { fullPage: true });
    assert.doesNotMatch(server.output(), /was (called|read)/);
    noProblems(problems);
  } finally {
    await context.close();
    await server.end();
  }
});

test("the only shape is drawn where there is nothing to choose, and so is an arrival rate", async () => {
  const [shape, open] = await Promise.all([
    startServer({ file: "plans_locustfile.py" }),
    startServer({ args: ["--arrival-rate", "0->50 in 1m, 50 for 2m, 10 for 1m"] }),
  ]);
  const { page, context, problems } = await openPage(browser);
  try {
    await page.goto(`${shape.url}?tab=new`);
    await page.waitForSelector('form.start svg[aria-label^="Users of Stages"]');
    await page.goto(`${open.url}?tab=new`);
    await page.waitForSelector(
      'form.start svg[aria-label="Arrivals: Up to 50.0 iterations/s, ends after 4 min."]',
    );
    const y = (rate) => Math.round(120 - (rate / 50) * 114);
    assert.deepEqual(await corners(page), [
      [0, y(0)],
      [150, y(50)],
      [450, y(50)],
      [450, y(10)],
      [600, y(10)],
      // Over.
      [600, y(0)],
    ]);
    await screenshot(page, "plan-arrivals", { fullPage: true });
    noProblems(problems);
  } finally {
    await context.close();
    await Promise.all([shape.end(), open.end()]);
  }
});
