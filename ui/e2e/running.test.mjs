/** A test from the form to the report: started, followed, changed, stopped, reset. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { join } from "node:path";
import { ARTIFACTS, launch, openPage } from "./browser.mjs";
import { startBlog, startServer } from "./gregaria.mjs";
import { figure, fillStart, noProblems, openTab, rowOf, startTest, stopTest, totalRow } from "./steps.mjs";

let browser;
let blog;
let server;

before(async () => {
  [browser, blog, server] = await Promise.all([launch(), startBlog(), startServer()]);
});
after(async () => {
  await browser?.close();
  await server?.end();
  await blog?.end();
});

beforeEach(() => server.post("stop", {}));

test("the form says what it will do, and what is wrong", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(server.url);
  await fillStart(page, { users: 100, rate: 10, host: "127.0.0.1" });
  await page.waitForSelector("text=Reaches 100 users in 9 s, runs until stopped.");
  await page.waitForSelector("text=A host starts with its scheme");
  await fillStart(page, { users: "many", rate: 0, time: "soon" });
  await page.fill('[name="needed"]', "");
  await page.click("form.start button[type=submit]");
  for (const text of [
    "A whole number of users",
    "A number above 0",
    "This is required",
    "For example 20, 20s",
    "A host begins with http:// or https://",
  ])
    await page.waitForSelector(`text=${text}`);
  await page.waitForSelector("text=5 fields need to be put right");
  assert.equal(await page.evaluate(() => document.activeElement.id), "start-users");
  assert.equal(await page.locator("#start-time").getAttribute("aria-invalid"), "true");
  assert.equal((await server.get("stats/requests")).user_count, 0);
  assert.doesNotMatch(server.output(), /options:/, "the test was started");
  assert.ok(!(await page.content()).includes("s3cret-value"), "a secret is in the page");
  noProblems(problems);
  await context.close();
});

test("a test is started, seen in a second page, changed, stopped and reset", async () => {
  const first = await openPage(browser);
  const second = await openPage(browser);
  const { page } = first;
  await Promise.all([page.goto(server.url), second.page.goto(server.url)]);
  await page.fill('[name="arg10"]', "42");
  await page.selectOption('[name="env"]', "staging");
  await startTest(page, { users: 4, rate: 4, host: blog.url });
  await server.says(/options: staging 42/);

  await second.page.waitForSelector('[data-state="running"]');
  await figure(second.page, "users", "4");
  await page.waitForSelector('tbody >> text="/post/[id]"');
  assert.match(page.url(), /tab=stats|\/$/);

  await page.click("header >> text=Edit");
  await page.fill("#edit-users", "7");
  await page.fill("#edit-rate", "5");
  await page.click("dialog button:text-is('Update')");
  await figure(page, "users", "7");
  await figure(second.page, "users", "7");

  await openTab(page, "failures");
  await page.waitForSelector('tbody >> text="/missing"');
  await openTab(page, "exceptions");
  await page.waitForSelector("text=the <b>script</b> broke");
  const trace = await page.locator("pre").first().innerText();
  const { exceptions } = await server.get("exceptions");
  assert.equal(trace.trimEnd(), exceptions[0].traceback.trimEnd());
  await openTab(page, "ratios");
  await page.waitForSelector("text=Reader");
  await openTab(page, "logViewer");
  await page.waitForSelector(".log >> text=users");

  await openTab(page, "stats");
  await stopTest(page);
  await second.page.waitForSelector('[data-state="stopped"]');
  const { stats } = await server.get("stats/requests");
  const total = stats.at(-1);
  for (const shown of [page, second.page]) {
    await openTab(shown, "stats");
    const cells = await totalRow(shown);
    assert.equal(cells[2], total.num_requests.toLocaleString("en-US"));
    assert.equal(cells[3], total.num_failures.toLocaleString("en-US"));
  }
  for (const row of stats.slice(0, -1)) {
    const cells = await rowOf(page, row.name);
    assert.equal(cells[2], row.num_requests.toLocaleString("en-US"), row.name);
  }
  const average = Number(await page.locator('[data-figure="rps"]').innerText());
  assert.ok(Math.abs(average - total.total_rps) < 0.06, `${average} is shown, ${total.total_rps} is right`);
  const report = await page.context().newPage();
  await report.goto(`${server.url}stats/report`);
  await report.waitForSelector("text=Load test report");
  assert.ok(
    (await report.locator("dl").first().innerText()).includes(total.num_requests.toLocaleString("en-US")),
  );
  await report.close();

  await page.click('[aria-label="Reset statistics"]');
  await page.click("dialog button:text-is('Reset')");
  await page.waitForSelector("text=Statistics cleared");
  await page.waitForFunction(() => document.querySelector("tfoot td:nth-child(3)").textContent === "0");
  assert.equal((await rowOf(page, "/missing"))[2], "0");
  assert.equal((await server.get("stats/requests")).stats.at(-1).num_requests, 0);

  // Regretted: what was cleared is opened again.
  await page.click(".toast >> text=Undo");
  await page.waitForSelector("[data-tab=runs][aria-current=page]");
  assert.match(page.url(), /[?&]run=/);
  await page.waitForSelector(`text=${total.num_requests.toLocaleString("en-US")}`);
  await page.screenshot({ path: join(ARTIFACTS, "reset-undone.png") });
  noProblems([...first.problems, ...second.problems]);
  await first.context.close();
  await second.context.close();
});

test("a test started by a script takes the place of the form; the back button works", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(`${server.url}?tab=new`);
  await page.waitForSelector("form.start");
  await server.post("swarm", { user_count: "3", spawn_rate: "3", host: blog.url });
  await page.waitForSelector('[data-state="running"]');
  await page.waitForSelector('[data-tab="stats"][aria-current="page"]');
  await openTab(page, "charts");
  await page.waitForSelector(".uplot canvas");
  await page.waitForFunction(
    () => !document.querySelector('[role="img"]')?.getAttribute("aria-label")?.includes("RPS –"),
  );
  await page.selectOption("select >> nth=0", "GET /post/[id]");
  assert.match(page.url(), /name=GET/);
  await page.goBack();
  assert.doesNotMatch(page.url(), /name=GET/);
  await page.goBack();
  await page.waitForSelector('[data-tab="stats"][aria-current="page"]');
  await openTab(page, "timing");
  await page.waitForSelector(".distribution svg rect");
  await page.waitForSelector('tr:has-text("/post/[id]") .stack');
  await server.post("stop", {});
  await page.waitForSelector('[data-state="stopped"]');
  noProblems(problems);
  await context.close();
});

test("what the server refuses is said in the form", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(`${server.url}?tab=new`);
  await page.route("**/swarm", (route) =>
    route.fulfill({
      contentType: "application/json",
      body: '{"success": false, "message": "no <i>more</i> users"}',
    }),
  );
  await fillStart(page, { users: 1, rate: 1 });
  await page.click("form.start button[type=submit]");
  await page.waitForSelector('[role="alert"]:has-text("no <i>more</i> users")');
  noProblems(problems);
  await context.close();
});
