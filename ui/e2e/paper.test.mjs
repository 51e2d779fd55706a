/** The page and the report for eyes and places of all kinds: on paper, enlarged, without motion, in another time zone. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";
import { ARTIFACTS, chromiumPath, launch, openPage, PATIENCE_MS } from "./browser.mjs";
import { startBlog, startServer } from "./gregaria.mjs";
import { noProblems, openTab, RUN_TABS, screenshot } from "./steps.mjs";

const NAMES = 5;
let browser;
let blog;
let server;
let folder;
let report;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "gregaria-paper-"));
  [browser, blog, server] = await Promise.all([launch(), startBlog(), startServer({ env: { TZ: "UTC" } })]);
  await server.post("swarm", { user_count: "3", spawn_rate: "3", host: blog.url });
  await server.waitFor("stats/requests", ({ stats }) => stats.length === NAMES);
  await server.waitFor("exceptions", ({ exceptions }) => exceptions.length > 0);
  await server.waitFor("live/history", (history) => history.at.length >= 3);
  const file = join(folder, "report.html");
  writeFileSync(file, await (await fetch(`${server.url}stats/report?download=1&theme=dark`)).text());
  report = pathToFileURL(file).href;
});
after(async () => {
  await browser?.close();
  await server?.end();
  await blog?.end();
  rmSync(folder, { recursive: true, force: true });
});

/** The drawing commands of a PDF file. */
function drawn(pdf) {
  const text = pdf.toString("latin1");
  const streams = [...text.matchAll(/\/FlateDecode[^>]*>>\s*stream\r?\n/g)].map((found) => {
    const begin = found.index + found[0].length;
    try {
      return inflateSync(pdf.subarray(begin, text.indexOf("endstream", begin))).toString("latin1");
    } catch {
      return "";
    }
  });
  return streams.join("\n");
}

/** How a PDF file says that it fills with this colour. */
function fill(colour) {
  const parts = [1, 3, 5].map((at) => {
    const digits = Math.floor((parseInt(colour.slice(at, at + 2), 16) / 255) * 100);
    return `\\.${String(digits).padStart(2, "0").replace(/0+$/, "")}\\d*`;
  });
  return new RegExp(`${parts.join(" ")} rg`);
}

/** A token of the light theme. */
const token = (page, name) =>
  page.evaluate((key) => {
    document.documentElement.dataset.theme = "light";
    const value = getComputedStyle(document.documentElement).getPropertyValue(key).trim();
    document.documentElement.dataset.theme = "dark";
    return value;
  }, name);

test("a dark report is printed on white paper, with the bars and keys that it needs to be read", async () => {
  const { page, context, problems } = await openPage(browser, { dark: true });
  await page.goto(report);
  await page.waitForSelector(".uplot canvas");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  const [wait, ratio, line, ground] = await Promise.all(
    ["--phase-wait", "--accent", "--series-fail", "--bg"].map((name) => token(page, name)),
  );
  // As browsers print when nobody asks for backgrounds.
  const pdf = await page.pdf({ path: join(ARTIFACTS, "report.pdf"), format: "A4", printBackground: false });
  const commands = drawn(pdf);
  assert.ok(fill(wait).test(commands), "the bars of the phases are missing");
  assert.ok(fill(ratio).test(commands), "the bars of the ratios are missing");
  assert.ok(fill(line).test(commands), "the keys of the charts are missing");
  assert.ok(!fill(ground).test(commands), "the paper has the page's background");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  noProblems(problems);
  await context.close();
});

test("no card of the first look stands alone in a row, nor does a row have a hole", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(report);
  await page.waitForSelector("[data-cards] section");
  for (const width of [1920, 1440, 1280, 1160, 1024, 900, 768, 600]) {
    await page.setViewportSize({ width, height: 900 });
    const { rows, room, cards } = await page.evaluate(() => {
      const found = new Map();
      for (const card of document.querySelectorAll("[data-cards] > *")) {
        const { top, left, right } = card.getBoundingClientRect();
        found.set(Math.round(top), [...(found.get(Math.round(top)) ?? []), [left, right]]);
      }
      const box = document.querySelector("[data-cards]").getBoundingClientRect();
      return {
        rows: [...found.values()],
        room: [box.left, box.right],
        cards: document.querySelectorAll("[data-cards] > *").length,
      };
    });
    assert.equal(cards, 5);
    for (const row of rows) {
      assert.ok(
        Math.abs(row[0][0] - room[0]) < 2 && Math.abs(row.at(-1)[1] - room[1]) < 2,
        `${width}: ${row}`,
      );
      assert.ok(row.length > 1 || width < 700, `${width}: one card in a row`);
    }
  }
  noProblems(problems);
  await context.close();
});

test("the report is whole on paper, as the browser prints it without being waited for", async () => {
  const pdf = join(folder, "printed.pdf");
  await new Promise((resolve, reject) => {
    const args = [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      `--user-data-dir=${join(folder, "profile")}`,
    ];
    execFile(
      chromiumPath(),
      [...args, `--print-to-pdf=${pdf}`, "--no-pdf-header-footer", manyNames()],
      { timeout: PATIENCE_MS },
      (error) => (error ? reject(error) : resolve()),
    );
  });
  copyFileSync(pdf, join(ARTIFACTS, "printed.pdf"));
  const pages = execFileSync("pdftotext", ["-layout", pdf, "-"], { encoding: "utf8" }).split("\f");
  const text = pages.join("\n");
  // What is drawn last: the distribution with its marks, and the axes of charts, in letters that can be read.
  assert.match(text, /Distribution of response times[\s\S]*?p50 [\d.,]+ ms[\s\S]*?axis is logarithmic/);
  // The first page answers.
  assert.match(pages[0], /Failed\s[\s\S]*Answers by status[\s\S]*404 Not Found/);
  assert.match(pages[0], /Slowest by p95/);
  assert.match(text, /up to [\d.,]+ ms +[\d.]+%/);
  assert.match(text, /Percentiles over time/);
  assert.match(text, /The 50 names that failed most often or were the slowest, of 504/);
  assert.ok(pages.length < 12, `${pages.length} pages`);
  // The total is one row of each table, wherever pages end.
  assert.equal(text.match(/^ *Aggregated /gm).length, 3);
  // Where a table goes on, its head stands again, with words in it.
  const tables = pages.filter((page) => page.match(/\/many\/\d+/g)?.length > 9);
  assert.ok(tables.length > 1);
  for (const page of tables) assert.match(page, /Name/);
  execFileSync("pdftoppm", ["-r", "60", "-png", pdf, join(ARTIFACTS, "printed")]);
});

/** The report as of a run with 500 names more: a copy of one of its rows, under other names. */
function manyNames() {
  const [before, json, after_] = readFileSync(new URL(report), "utf8").split(
    /(?<=<script type="application\/json" id="reportArgs">)([\s\S]*?)(?=<\/script>)/,
  );
  const args = JSON.parse(json);
  const { rows, names } = args.run;
  for (let index = 0; index < 500; index += 1) {
    const id = 1_000 + index;
    names.push({ id, method: "GET", name: `/many/${index}` });
    for (const [key, column] of Object.entries(rows)) {
      if (key === "percentiles") for (const one of column) one.push(one[0]);
      else column.push(key === "id" ? id : column[0]);
    }
  }
  const file = join(folder, "many.html");
  writeFileSync(file, before + JSON.stringify(args).replaceAll("<", "\\u003c") + after_);
  return pathToFileURL(file).href;
}

test("times are those of who reads, and it is said where they are not the server's", async () => {
  const here = await openPage(browser, { timezoneId: "UTC" });
  const away = await openPage(browser, { timezoneId: "Asia/Kolkata", locale: "de-DE" });
  await Promise.all([here.page, away.page].map((page) => page.goto(`${server.url}?tab=logViewer`)));
  await away.page.waitForSelector("text=written in UTC ·");
  await away.page.waitForSelector("footer >> text=times are yours (UTC+5:30), not the server's (UTC)");
  await here.page.waitForSelector(".log .line");
  assert.doesNotMatch(await here.page.locator("body").innerText(), /written in|times are yours/);

  const { errors } = await here.page.evaluate(async () => (await fetch("./stats/requests")).json());
  assert.ok(errors.length > 0);
  const seen = [];
  for (const { page, problems } of [here, away]) {
    await openTab(page, "failures");
    seen.push(await page.locator("tbody td").nth(5).innerText());
    await page.goto(report);
    await page.waitForSelector("text=Load test report");
    seen.push(await page.locator("header p").innerText());
    noProblems(problems);
  }
  const minutes = (text) => {
    const [, hour, minute] = /(\d\d):(\d\d):\d\d/.exec(text);
    return Number(hour) * 60 + Number(minute);
  };
  const later = (one, other) => (minutes(other) - minutes(one) + 1440) % 1440;
  assert.deepEqual([later(seen[0], seen[2]), later(seen[1], seen[3])], [330, 330]);
  assert.match(seen[1], /\(UTC\)/);
  assert.match(seen[3], /\(UTC\+5:30\)/);
  await Promise.all([here, away].map(({ context }) => context.close()));
});

test("nothing moves for those who do not want it", async () => {
  const moving = (page) =>
    page.evaluate(
      () =>
        [...document.querySelectorAll("*")].filter((element) => {
          const { animationName, transitionDuration } = getComputedStyle(element);
          return animationName !== "none" || !/^(0s(, )?)+$/.test(transitionDuration);
        }).length,
    );
  const counts = [];
  for (const reducedMotion of ["no-preference", "reduce"]) {
    const { page, context, problems } = await openPage(browser, { reducedMotion });
    await page.goto(`${server.url}?tab=ratios`);
    await page.waitForSelector("text=Reader");
    counts.push(await moving(page));
    noProblems(problems);
    await context.close();
  }
  assert.ok(counts[0] > 0, "nothing moves at all, so this shows nothing");
  assert.equal(counts[1], 0);
});

test("enlarged to 200 %, everything is there and the tab that is shown stays in sight", async () => {
  const { page, context, problems } = await openPage(browser, {
    width: 720,
    height: 450,
    deviceScaleFactor: 2,
  });
  await page.goto(`${server.url}?tab=stats`);
  for (const tab of RUN_TABS) {
    await openTab(page, tab);
    assert.ok(
      await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
      `${tab} is too wide`,
    );
    const top = await page.locator(".top").evaluate((element) => element.getBoundingClientRect().height);
    assert.ok(top < 450 * 0.4, `the header takes ${top} px of 450`);
  }
  // The log's badge comes back while the last tab is shown: it grows the tabs before that.
  await openTab(page, "runs");
  await page.waitForSelector('[data-tab="logViewer"] .badge');
  await page.waitForFunction(() => {
    const { left, right } = document.querySelector('[data-tab="runs"]').getBoundingClientRect();
    return left >= 0 && right <= innerWidth;
  });
  await screenshot(page, "enlarged");
  noProblems(problems);
  await context.close();
});
