/** A master and two workers: who is there, what they do and say, and one that is gone. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { freePort, startBlog, startServer, startWorker } from "./gregaria.mjs";
import { figure, noProblems, openTab, screenshot, startTest, stopTest, totalRow } from "./steps.mjs";

const ROWS = "tbody tr:not(.nothing)";
let browser;
let blog;
let server;
const workers = [];

before(async () => {
  const port = await freePort();
  const args = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", String(port)];
  [browser, blog, server] = await Promise.all([
    launch(),
    startBlog(),
    startServer({ args, file: "distributed_locustfile.py" }),
  ]);
  server.masterPort = port;
});
after(async () => {
  await browser?.close();
  await Promise.all(workers.map((worker) => worker.end()));
  await server?.end();
  await blog?.end();
});

/** The cells of the workers' table. */
async function workerRows(page) {
  const rows = await page.locator(ROWS).all();
  return Promise.all(rows.map(async (row) => (await row.locator("td").allInnerTexts()).map((t) => t.trim())));
}

test("workers come, share the users, log, and one goes missing", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(server.url);
  await page.waitForSelector("text=starts when at least one worker is connected");
  assert.ok(await page.locator("form.start button[type=submit]").isDisabled());

  workers.push(...[1, 2].map(() => startWorker(server.masterPort, "distributed_locustfile.py")));
  await figure(page, "workers", "2");
  await page.waitForSelector("form.start button[type=submit]:enabled");
  await startTest(page, { users: 5, rate: 5, host: blog.url });
  await figure(page, "users", "5");
  await page.waitForSelector('tbody >> text="/missing"');

  await openTab(page, "workers");
  await page.waitForFunction((rows) => {
    const cells = [...document.querySelectorAll(rows)].map((row) => [...row.children]);
    return (
      cells.length === 2 &&
      cells.every((row) => row[2].innerText.trim() === "running" && /[1-9].* MiB/.test(row[5].textContent)) &&
      cells.reduce((users, row) => users + Number(row[3].textContent), 0) === 5
    );
  }, ROWS);
  const both = await workerRows(page);
  assert.deepEqual(
    both.map((row) => row[2]),
    ["running", "running"],
  );
  assert.deepEqual(both.map((row) => Number(row[3])).sort(), [2, 3]);
  for (const row of both) assert.match(row[4], /^\d+%$/);
  assert.deepEqual(both.map((row) => [row[0], row[6]]).sort(), [
    ["0", "nothing"],
    ["1", "nothing"],
  ]);
  // Told apart by number; the whole identity is in the title.
  const ids = await page
    .locator(`${ROWS} td:nth-child(2) span`)
    .evaluateAll((all) => all.map((one) => one.title));
  assert.ok(ids.every((id, index) => id.startsWith(`${both[index][1]}_`)));
  await screenshot(page, "workers");

  // Workers send their logs every some seconds.
  await openTab(page, "logViewer");
  const [first] = ids;
  await page.waitForSelector(`select >> option:text-is("${first}")`, {
    state: "attached",
  });
  await page.getByLabel("Node").selectOption(first);
  await page.waitForSelector(".line.error:has-text('the <b>script</b> broke')");
  assert.deepEqual([...new Set(await page.locator(".line .node").allInnerTexts())], [first]);
  await screenshot(page, "workers-logs");

  await openTab(page, "exceptions");
  await page.waitForSelector(`text=${first}`);
  await openTab(page, "workers");
  await workers.pop().end("SIGKILL");
  await page.waitForSelector(`${ROWS}:has-text("missing")`);
  await page.waitForSelector("text=1 missing");
  assert.match((await page.locator('[data-figure="workers"]').innerText()).trim(), /^1\s*\/ 2$/);
  const gone = (await workerRows(page)).find((row) => row[2] === "missing");
  assert.deepEqual(gone.slice(3), ["–", "–", "–", "missing: nothing was heard of it for too long"]);
  await screenshot(page, "workers-missing");

  await openTab(page, "stats");
  await stopTest(page);
  const { stats } = await server.get("stats/requests");
  assert.equal((await totalRow(page))[2], stats.at(-1).num_requests.toLocaleString("en-US"));
  noProblems(problems);
  await context.close();
});

test("what is wrong with a worker is said: late, another script, another version", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(`${server.url}?tab=workers`);
  // Processes of their own, as they are started by mistake.
  const late = startWorker(server.masterPort, "distributed_locustfile.py");
  const other = startWorker(server.masterPort, "distributed_other_locustfile.py");
  const old = startWorker(server.masterPort, "distributed_locustfile.py", "2.31.0");
  workers.push(late, other, old);
  const says = (text) => page.waitForSelector(`${ROWS}:has-text("${text}")`);
  await says("other script: its locustfile is not this one");
  await says("other version: 2.31.0");
  await page.waitForFunction(
    (rows) =>
      [...document.querySelectorAll(rows)].filter((row) => row.innerText.includes("nothing")).length === 2,
    ROWS,
  );
  // By machine, then by number.
  const numbers = (await workerRows(page)).map((row) => Number(row[0]));
  assert.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  );

  late.child.kill("SIGSTOP");
  await says("late: its heartbeats do not come in time");
  await screenshot(page, "workers-wrong");
  late.child.kill("SIGCONT");
  await page.waitForFunction(
    (rows) => !document.querySelector(rows).closest("table").innerText.includes("late:"),
    ROWS,
  );
  noProblems(problems);
  await context.close();
});
