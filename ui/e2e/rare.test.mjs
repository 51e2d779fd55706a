/** A request every three seconds is seen in the charts, each of them: on the page while the test runs, and in the report. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startBlog, startServer } from "./gregaria.mjs";
import { noProblems, screenshot } from "./steps.mjs";

const REQUESTS = 5;
let browser;
let blog;
let server;

before(async () => {
  [browser, blog, server] = await Promise.all([
    launch(),
    startBlog(),
    startServer({ file: "rare_locustfile.py" }),
  ]);
});
after(async () => {
  await browser?.close();
  await server?.end();
  await blog?.end();
});

/** Which part of a chart's width has something in the colour of a series. */
const drawnWidth = (page, title, token) =>
  page.evaluate(
    ([name, key]) => {
      const figure = [...document.querySelectorAll("figure.chart")].find((one) =>
        one.querySelector("h2").innerText.startsWith(name),
      );
      const canvas = figure.querySelector("canvas");
      const probe = document.createElement("canvas").getContext("2d");
      probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(key).trim();
      probe.fillRect(0, 0, 1, 1);
      const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
      const { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      const columns = new Set();
      for (let at = 0; at < data.length; at += 4) {
        const near = [red, green, blue].every((part, index) => Math.abs(part - data[at + index]) < 40);
        if (near && data[at + 3] > 200) columns.add((at / 4) % width);
      }
      return columns.size / width;
    },
    [title, token],
  );

test("a request every three seconds is in the charts", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(`${server.url}?tab=charts`);
  await server.post("swarm", { user_count: "1", spawn_rate: "1", host: blog.url });
  await server.waitFor("live/history", (history) => history.requests.at(-1) >= REQUESTS);
  await page.waitForSelector(".uplot canvas");
  await page.waitForFunction(() => document.querySelectorAll("figure.chart").length === 3);
  for (const where of ["page", "report"]) {
    if (where === "report") {
      await server.post("stop", {});
      await page.goto(`${server.url}stats/report`);
      await page.waitForSelector(".uplot canvas");
    }
    // A chart of the first minute fills from the left on the page: five requests are twelve seconds of sixty.
    const least = where === "page" ? 0.12 : 0.6;
    await page.waitForTimeout(300);
    await screenshot(page, `rare-${where}`, { fullPage: true });
    for (const [title, token] of [
      ["Requests per second", "--series-rps"],
      ["Response times", "--series-4"],
    ]) {
      const width = await drawnWidth(page, title, token);
      assert.ok(width > least, `${where}: ${title} is drawn in ${(width * 100).toFixed(0)}% of its width`);
    }
    const rows = page.locator(".values tbody tr");
    await page.getByRole("button", { name: "“Requests per second” as a table" }).click();
    await rows.first().waitFor();
    const counts = await rows.evaluateAll((all) => all.map((row) => Number(row.children[3].innerText)));
    const total = await server.get("stats/requests");
    const sum = counts.reduce((all, one) => all + one, 0);
    // The page's last second may not be over.
    assert.ok(
      sum >= REQUESTS && total.stats.at(-1).num_requests - sum <= (where === "page" ? 1 : 0),
      `${counts}`,
    );
  }
  noProblems(problems);
  await context.close();
});
