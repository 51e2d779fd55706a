/**
 * One run, read wherever a person reads it: while it goes on and after its stop, of one process and of three. The same quantity is
 * the same to the last digit everywhere; what is in one of Locust's formats is the same there, too.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { freePort, startBlog, startServer } from "./gregaria.mjs";
import { noProblems, openTab } from "./steps.mjs";

const NAMES = ["/", "␣/post/[id]", "/missing", "/slow", "Aggregated"];
const AVERAGES = { "Avg RPS": "RPS, whole run", "Avg fails": "Fails, whole run" };
const READERS = 2;
const USERS = READERS + 1;
const EXPECTED = READERS * (60 + 60 + 6 + 1);
let browser;
let blog;

before(async () => {
  [browser, blog] = await Promise.all([launch(), startBlog()]);
});
after(async () => {
  await browser?.close();
  await blog?.end();
});

/** The tables of a page: by the text of their names, then by the text of their headings. */
const tablesOf = (page) =>
  page.evaluate(() => {
    const text = (element) => element.innerText.replace(/\s+/g, " ").trim();
    return [...document.querySelectorAll(".scroller table")].map((table) => {
      const heads = [...table.querySelectorAll("thead th")].map((head) =>
        text(head).replace(/ (ms|per s)$/, ""),
      );
      const rows = [...table.querySelectorAll("tbody tr, tfoot tr")].map((row) => {
        const cells = [...row.querySelectorAll("td")].map(text);
        return Object.fromEntries(cells.map((cell, index) => [heads[index], cell]));
      });
      return Object.fromEntries(rows.filter((row) => row.Name).map((row) => [row.Name, row]));
    });
  });

/** Labels and values of the lists of figures in a page. */
const figuresOf = (page, where = "dl") =>
  page.evaluate(
    (selector) =>
      [...document.querySelectorAll(selector)].map((list) =>
        Object.fromEntries(
          [...list.querySelectorAll("div")].map((pair) => [
            pair.querySelector("dt")?.innerText.trim(),
            pair.querySelector("dd")?.innerText.trim(),
          ]),
        ),
      ),
    where,
  );

/** All columns of the statistics, so that each can be compared. */
async function statistics(page) {
  await openTab(page, "stats");
  await page.click("text=Columns");
  const unchecked = page.locator(".menu input:not(:checked)");
  while ((await unchecked.count()) > 0) await unchecked.first().check();
  await page.keyboard.press("Escape");
  await page.waitForFunction(
    (names) => document.querySelectorAll("tbody tr").length === names - 1,
    NAMES.length,
  );
  return (await tablesOf(page))[0];
}

/** Every figure of both that has the same name is the same. `aliases`: other names for it. */
function sameFigures(where, shown, wanted, aliases = {}) {
  let compared = 0;
  for (const [label, value] of Object.entries(shown)) {
    const key = aliases[label] ?? label;
    if (!(key in wanted)) continue;
    compared += 1;
    assert.equal(value.replace(/ ms$/, ""), wanted[key], `${where}: ${label}`);
  }
  return compared;
}

/** The numbers of Locust's own formats, by name. */
function csv(text) {
  const [head, ...rows] = text
    .trim()
    .split(/\r?\n/)
    .map((line) =>
      line.match(/("([^"]|"")*"|[^,]*)(,|$)/g).map((part) => part.replace(/,$/, "").replaceAll('"', "")),
    );
  return Object.fromEntries(
    rows.map((row) => [row[1], Object.fromEntries(head.map((key, at) => [key, row[at]]))]),
  );
}

for (const [processes, args] of [
  ["one process", () => []],
  ["three processes", async () => ["--processes", "2", "--master-bind-port", String(await freePort())]],
]) {
  test(`what a person sees is the same everywhere, of ${processes}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "gregaria-surfaces-"));
    const at = (name) => join(folder, name);
    const files = [
      "--csv",
      at("run"),
      "--html",
      at("r.html"),
      "--junit",
      at("j.xml"),
      "--summary-md",
      at("s.md"),
      "--json",
      "--json-file",
      at("all"),
    ];
    const server = await startServer({ file: "surfaces_locustfile.py", args: [...files, ...(await args())] });
    const { page, context, problems } = await openPage(browser);
    try {
      await page.goto(`${server.url}?tab=stats`);
      if (processes !== "one process") await page.waitForSelector('[data-figure="workers"]:has-text("2")');
      await server.post("swarm", { user_count: String(USERS), spawn_rate: "3", host: blog.url });
      await server.waitFor("stats/requests", ({ stats }) => stats.at(-1).num_requests === EXPECTED);
      await server.waitFor("exceptions", ({ exceptions }) =>
        exceptions.some(({ count }) => count === READERS),
      );
      await page.waitForFunction(
        (all) => document.querySelector("tfoot td:nth-child(3)")?.textContent.trim() === String(all),
        EXPECTED,
      );
      // The course is complete a second after the last request.
      await server.waitFor("live/history", (history) => history.requests.at(-1) === EXPECTED);

      const before_ = await statistics(page);
      await readAll(page, server, before_, true);
      const during = await locusts(server);
      await server.post("stop", {});
      const { runs } = await server.waitFor("runs", (list) => list.runs.length === 1 && list);
      await page.waitForSelector('[data-state="stopped"]');
      const after_ = await statistics(page);
      for (const name of NAMES) sameFigures(`after the stop, ${name}`, after_[name], before_[name], AVERAGES);
      await readAll(page, server, after_, false);
      assert.deepEqual(await locusts(server), during);

      // A past run: its list, its page, its file.
      await openTab(page, "runs");
      await page.waitForSelector("tbody tr");
      const heads = await page.locator("thead th").allInnerTexts();
      const cells = await page.locator("tbody tr").first().locator("td").allInnerTexts();
      const row = Object.fromEntries(
        heads.map((head, index) => [head.replace(/\s+/g, " ").replace(/ ms$/, ""), cells[index].trim()]),
      );
      const total = after_.Aggregated;
      assert.ok(sameFigures("list of runs", row, total, { RPS: "RPS, whole run" }) >= 5, JSON.stringify(row));
      for (const address of [`?tab=runs&run=${runs[0].id}`, `stats/report`, `runs/${runs[0].id}/report`]) {
        if (address.startsWith("runs/")) {
          const text = await (await fetch(server.url + address)).text();
          await page.setContent(text);
        } else await page.goto(server.url + address);
        await page.waitForSelector(".distribution svg rect");
        await readReport(page, address, after_);
      }
      const xml = await (await fetch(`${server.url}runs/${runs[0].id}/junit`)).text();
      readJunit(xml, after_, "junit of a past run");
      // axe and others may not complain of a page that was set by hand.
      noProblems(problems, [/Content Security Policy/]);
      await server.end();

      readJunit(readFileSync(at("j.xml"), "utf8"), after_, "junit");
      readMarkdown(readFileSync(at("s.md"), "utf8"), after_);
      const written = csv(readFileSync(at("run_stats.csv"), "utf8"));
      for (const [name, figures] of Object.entries(written))
        for (const [key, value] of Object.entries(figures))
          if (!/Size|\/s$/.test(key)) assert.equal(value, during.csv[name]?.[key], `file of ${name}: ${key}`);
      readTerminal(server.output(), written, after_);
      readJson(JSON.parse(readFileSync(at("all.json"), "utf8")), written);
      readJson(printedJson(server.output()), written);
    } finally {
      await context.close();
      await server.end();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

/** What the page shows besides the table, and what is told to programs. */
async function readAll(page, server, table, running) {
  const total = table.Aggregated;
  assert.equal(total.Requests, String(EXPECTED));
  const [header] = await figuresOf(page, "header dl");
  assert.equal(header.Failures, total["Fails %"]);
  assert.equal(header.p95.replace(/ ms$/, ""), total.p95);
  assert.equal(header[running ? "RPS" : "Avg RPS"], total[running ? "Current RPS" : "RPS, whole run"]);

  await openTab(page, "timing");
  for (let index = 0; index < NAMES.length; index += 1) {
    await chooser(page).selectOption({ index });
    const shown = index === 0 ? total : table[await nameOf(page, index)];
    await page.waitForFunction(
      ([p50, all]) => {
        const text = document.querySelector(".distribution svg")?.textContent ?? "";
        const counts = [...document.querySelectorAll(".distribution rect title")].map((title) =>
          Number(/: ([\d,]+) requests/.exec(title.textContent)[1].replaceAll(",", "")),
        );
        return text.includes(`p50 ${p50} ms`) && counts.reduce((sum, one) => sum + one, 0) === Number(all);
      },
      [shown.p50, shown.Requests.replaceAll(",", "")],
      { timeout: 10_000 },
    );
  }

  await openTab(page, "charts");
  await readCharts(page, "charts", total);

  await openTab(page, "failures");
  const failed = await page.locator("tbody tr td:first-child").allInnerTexts();
  assert.equal(failed.join(), total.Fails);
  await openTab(page, "exceptions");
  await page.waitForSelector("text=KeyError: 'missing key'");
  await page.waitForSelector("text=in Reader.read");

  const metrics = await (await fetch(`${server.url}metrics`)).text();
  const counted = (name) =>
    [...metrics.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\d+)`, "gm"))].reduce(
      (sum, one) => sum + Number(one[1]),
      0,
    );
  // A histogram's last bucket, and what else counts requests, have all of them.
  assert.equal(counted("gregaria_requests_total"), EXPECTED);
  const seconds = Number(/^gregaria_response_time_seconds_count (\d+)/m.exec(metrics)?.[1] ?? EXPECTED);
  assert.equal(seconds, EXPECTED);
  assert.equal(String(counted("gregaria_failures_total")), total.Fails);
}

/** Opens the table of a chart: its heads, and the texts of its rows. */
async function chartTable(page, title) {
  const figure = page.locator("figure.chart", { hasText: title }).first();
  await figure.getByRole("button", { name: `“${title}” as a table` }).click();
  const table = figure.locator(".values table");
  await table.locator("tbody tr").first().waitFor();
  const heads = await table.locator("thead th").allInnerTexts();
  const rows = await table
    .locator("tbody tr")
    .evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.innerText.trim())));
  await figure.getByRole("button", { name: `“${title}” as a table` }).click();
  return rows.map((cells) => Object.fromEntries(cells.map((cell, index) => [heads[index], cell])));
}

const number = (text) => Number(text.replaceAll(",", ""));
const added = (rows, column) => rows.reduce((sum, row) => sum + number(row[column]), 0);

/** What the charts draw: its counts sum to the table, its lines end where the table does. */
async function readCharts(page, where, total) {
  await page.waitForSelector(".uplot canvas");
  const rated = await chartTable(page, "Requests per second");
  assert.equal(added(rated, "Requests"), EXPECTED, `${where}: requests`);
  assert.equal(String(added(rated, "Failures")), total.Fails, `${where}: failures`);
  const users = await chartTable(page, "Users");
  assert.equal(Math.max(...users.map((row) => number(row.Users))), USERS, `${where}: users`);
  for (const row of users)
    if (where !== "charts") assert.equal(number(row.Reader) + number(row.Idler), number(row.Users), where);
  const times = await chartTable(page, "Response times");
  const timed = times.flatMap((row) => (row.p95 === "–" ? [] : [number(row.p95)]));
  assert.ok(timed.length > 0 && Math.max(...timed) <= number(total.Max), `${where}: ${timed}`);
}

const chooser = (page) => page.locator("label.select select");

/** The name that is chosen there, as tables show it. */
const nameOf = (page, index) =>
  chooser(page)
    .locator("option")
    .nth(index)
    .evaluate((option) => option.textContent.replace(/^GET /, "").replace(/^ /, "␣"));

/** A run's page and its report. */
async function readReport(page, where, table) {
  const total = table.Aggregated;
  const [tiles] = await figuresOf(page, ".report > dl");
  assert.ok(
    sameFigures(where, tiles, total, { "Requests per second": "RPS, whole run" }) >= 5,
    JSON.stringify(tiles),
  );
  assert.equal(tiles.Failures, `${total.Fails} (${total["Fails %"]})`);
  const figures = (await figuresOf(page, "section dl")).find((list) => "per second" in list);
  assert.ok(
    sameFigures(where, figures, total, { "per second": "RPS, whole run" }) >= 10,
    JSON.stringify(figures),
  );
  await readCharts(page, where, total);
  const lists = await firstScreen(page);
  assert.equal(lists.ended, "Failed");
  assert.ok(
    lists.why.includes(`${total.Fails} of ${EXPECTED} requests failed (${total["Fails %"]})`),
    lists.why,
  );
  for (const name of ["Answers by status", "Response times"])
    assert.equal(
      lists[name].reduce((sum, line) => sum + line, 0),
      EXPECTED,
      `${where}: ${name} ${lists[name]}`,
    );
  const kinds = lists["What went wrong"].reduce((sum, line) => sum + line, 0);
  assert.equal(String(kinds), total.Fails);
  assert.equal(String(lists["Most failures"][0]), total.Fails);
  const shown = await tablesOf(page);
  let compared = 0;
  for (const one of shown)
    for (const [name, row] of Object.entries(one))
      if (name in table && "Requests" in row !== "Message" in row)
        compared += sameFigures(`${where}: ${name}`, row, table[name], AVERAGES);
  assert.ok(compared >= 5 * 8, `${compared} figures`);
}

/** The first screen of a report: how it ended, and the counts in its lists. */
const firstScreen = (page) =>
  page.evaluate(() => {
    const card = document.querySelector('[aria-label="How it ended"]');
    const lists = [...document.querySelectorAll(".first section")].map((section) => [
      section.querySelector("h2").innerText,
      [...section.querySelectorAll("li")].map((line) => {
        const texts = [...line.querySelectorAll("b, span")].map((one) => one.innerText);
        const counts = texts.map((text) => /^([\d,]+)(?: \(.*\))?$/.exec(text.trim())?.[1]).filter(Boolean);
        return Number(counts.at(-1)?.replaceAll(",", "") ?? 0);
      }),
    ]);
    return {
      ...Object.fromEntries(lists),
      ended: card.querySelector("b").innerText,
      why: card.querySelector("p").innerText,
    };
  });

function readJunit(xml, table, where) {
  for (const name of NAMES.slice(0, -1)) {
    const plain = name.replace("␣", " ");
    const found = new RegExp(
      `name="GET ${plain.replace(/[[\]/]/g, "\\$&")}"[\\s\\S]*?<system-out>([^<]*)`,
    ).exec(xml);
    assert.ok(found, `${where}: ${name}`);
    const said = Object.fromEntries(
      [
        ...found[1].matchAll(
          /(requests|failures|requests\/s|min|average|max|p\d+):? (<?\d[\d.,]*?)(?= ms|, [a-z]|&#10;|$)/g,
        ),
      ].map(([, key, value]) => [key, value]),
    );
    const keys = {
      requests: "Requests",
      failures: "Fails",
      "requests/s": "RPS, whole run",
      min: "Min",
      average: "Average",
      max: "Max",
    };
    assert.ok(sameFigures(`${where}: ${name}`, said, table[name], keys) >= 8, JSON.stringify(said));
  }
}

function readMarkdown(text, table) {
  const rows = text.split("\n").filter((line) => /^\| (GET|) \|| \*\*Agg/.test(line));
  assert.equal(rows.length, NAMES.length);
  for (const name of NAMES) {
    const plain = name === "Aggregated" ? "**Aggregated**" : `\`${name.replace("␣", " ")}\``;
    const cells = rows
      .find((row) => row.includes(plain))
      .split("|")
      .map((cell) => cell.trim());
    const [, , , requests, failed, average, p50, p95, p99, max, rps] = cells;
    const shown = { Requests: requests, Average: average, p50, p95, p99, Max: max, RPS: rps };
    assert.equal(sameFigures(`markdown: ${name}`, shown, table[name], { RPS: "RPS, whole run" }), 7);
    assert.equal(failed, `${table[name].Fails} (${table[name]["Fails %"]})`);
  }
}

/** What Locust's own formats say, each by Locust's rule. */
async function locusts(server) {
  const written = csv(await (await fetch(`${server.url}stats/requests/csv`)).text());
  const { stats } = await server.get("stats/requests");
  for (const row of stats) {
    const line = written[row.name];
    assert.equal(String(row.num_requests), line["Request Count"]);
    assert.equal(String(row.num_failures), line["Failure Count"]);
    assert.equal(row["response_time_percentile_0.95"], Number(line["95%"]));
    assert.equal(row["response_time_percentile_0.99"], Number(line["99%"]));
  }
  return { csv: written };
}

/** What `--json` has printed: it ends the output of a run with reports. */
function printedJson(output) {
  const begin = output.indexOf("[\n    {");
  const end = output.indexOf("\n]", begin);
  assert.ok(begin >= 0 && end > begin, output.slice(-2_000));
  return JSON.parse(output.slice(begin, end + 2));
}

/** Locust's JSON: the numbers of its files. */
function readJson(entries, written) {
  assert.equal(entries.length, NAMES.length - 1);
  for (const entry of entries) {
    const line = written[entry.name];
    const sum = (counts) => Object.values(counts).reduce((total, one) => total + one, 0);
    assert.equal(entry.num_requests, Number(line["Request Count"]), `json: ${entry.name}`);
    assert.equal(entry.num_failures, Number(line["Failure Count"]), `json: ${entry.name}`);
    assert.equal(sum(entry.response_times), entry.num_requests);
    assert.equal(sum(entry.num_reqs_per_sec), entry.num_requests);
    assert.equal(sum(entry.num_fail_per_sec), entry.num_failures);
    assert.equal(entry.min_response_time, Number(line["Min Response Time"]));
    assert.equal(entry.max_response_time, Number(line["Max Response Time"]));
    assert.equal(entry.total_response_time / entry.num_requests, Number(line["Average Response Time"]));
  }
}

/** The tables on the terminal: Locust's, of the same numbers as its files. */
function readTerminal(output, written, table) {
  const end = output.lastIndexOf("Response time percentiles (approximated)");
  const first = output.slice(output.lastIndexOf("# reqs", end), end);
  for (const name of NAMES) {
    const plain = name.replace("␣", " ").replace(/[[\]/]/g, "\\$&");
    const line = new RegExp(
      `^(?:GET +|  +)${plain} +(\\d+) +(\\d+)\\(([\\d.]+)%\\) \\| +(.*?) \\|`,
      "m",
    ).exec(first);
    assert.ok(line, `terminal: ${name} in\n${first}`);
    const [, requests, failures, share, times] = line;
    const wanted = written[name.replace("␣", " ")];
    assert.deepEqual([requests, failures], [wanted["Request Count"], wanted["Failure Count"]]);
    assert.equal(share, ((100 * Number(failures)) / Number(requests)).toFixed(2));
    const whole = ["Average Response Time", "Min Response Time", "Max Response Time", "Median Response Time"];
    assert.deepEqual(
      times.trim().split(/\s+/),
      whole.map((key) => String(Math.trunc(Number(wanted[key])))),
      `terminal: ${name}`,
    );
  }
  const last = output.slice(output.lastIndexOf("Response time percentiles (approximated)"));
  for (const name of NAMES) {
    const plain = name.replace("␣", " ");
    const line = last
      .split("\n")
      .find((one) => one.split("|").length > 1 || one.includes(` ${plain.trim()} `));
    assert.ok(line, `terminal: ${name}`);
    const numbers = last
      .split("\n")
      .find((one) => new RegExp(`^(GET +|  +)${plain.replace(/[[\]/]/g, "\\$&")} +\\d`).test(one))
      ?.trim()
      .split(/\s+/)
      .slice(-12);
    assert.ok(numbers, `terminal: ${name} in\n${last}`);
    const keys = ["50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%"];
    keys.forEach((key, index) =>
      assert.equal(numbers[index], written[plain][key], `terminal: ${name} ${key}`),
    );
    assert.equal(numbers[11], table[name].Requests.replaceAll(",", ""));
  }
}
