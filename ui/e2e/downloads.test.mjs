/** Every file that the page offers is fetched and read. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { launch, openPage } from "./browser.mjs";
import { startBlog, startServer } from "./gregaria.mjs";
import { noProblems, openTab, screenshot, startTest, stopTest } from "./steps.mjs";

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

/** Rows of a CSV text, quotes undone. */
function parseCsv(text) {
  const rows = [[""]];
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    const row = rows.at(-1);
    if (quoted && char === '"' && text[index + 1] === '"') {
      row[row.length - 1] += '"';
      index += 1;
    } else if (char === '"') quoted = !quoted;
    else if (!quoted && char === ",") row.push("");
    else if (!quoted && char === "\n") rows.push([""]);
    else if (quoted || char !== "\r") row[row.length - 1] += char;
  }
  return rows.filter((row) => row.length > 1);
}

async function download(page, text) {
  const [file] = await Promise.all([page.waitForEvent("download"), page.click(text)]);
  return { name: file.suggestedFilename(), path: await file.path() };
}

test("tables and the report are downloaded and agree with each other", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(server.url);
  await startTest(page, { users: 3, rate: 3, host: blog.url });
  // Each name, and the exception that comes with the last of them.
  await server.waitFor("stats/requests", ({ stats }) => stats.length === 5);
  await server.waitFor("exceptions", ({ exceptions }) => exceptions.length > 0);
  await stopTest(page);
  const { stats } = await server.get("stats/requests");
  await openTab(page, "reports");

  const requests = await download(page, "text=Request statistics");
  assert.match(requests.name, /_requests\.csv$/);
  const table = parseCsv(readFileSync(requests.path, "utf8"));
  assert.equal(table[0][0], "Type");
  assert.equal(table.at(-1)[1], "Aggregated");
  assert.equal(Number(table.at(-1)[2]), stats.at(-1).num_requests);
  assert.equal(table.length, stats.length + 1);

  const failures = parseCsv(
    readFileSync((await download(page, 'a:has-text("Failures") >> nth=-1')).path, "utf8"),
  );
  assert.deepEqual(failures[0].slice(0, 4), ["Method", "Name", "Error", "Occurrences"]);
  assert.ok(failures.slice(1).some((row) => row[1] === "/missing"));

  const exceptions = parseCsv(
    readFileSync((await download(page, 'a:has-text("Exceptions") >> nth=-1')).path, "utf8"),
  );
  assert.ok(exceptions.slice(1).some((row) => row[1] === "the <b>script</b> broke"));

  const report = await download(page, ".report >> text=Download");
  assert.match(report.name, /\.html$/);
  noProblems(problems);

  // As a file, without any network.
  const { page: file, context: alone, problems: fileProblems } = await openPage(browser, { offline: true });
  const html = readFileSync(report.path, "utf8");
  assert.doesNotMatch(
    html.replace(/http:\/\/www\.w3\.org\/[\w/.]+/g, ""),
    /<(?:script|link|img)[^>]+(?:src|href)="https?:/,
  );
  // A browser goes by the name's end.
  const folder = mkdtempSync(join(tmpdir(), "gregaria-report-"));
  writeFileSync(join(folder, "report.html"), html);
  await file.goto(pathToFileURL(join(folder, "report.html")).href);
  await file.waitForSelector("text=Load test report");
  const shown = await file.locator("dl").first().innerText();
  assert.ok(shown.includes(stats.at(-1).num_requests.toLocaleString("en-US")), shown);
  await file.waitForSelector(".uplot canvas");
  await file.waitForSelector(".distribution svg rect");
  await file.waitForSelector("text=the <b>script</b> broke");
  await screenshot(file, "report-file", { fullPage: true });
  await file.emulateMedia({ media: "print" });
  await file.setViewportSize({ width: 718, height: 1000 });
  await screenshot(file, "report-print", { fullPage: true });
  const broken = await file.evaluate(
    () =>
      [...document.querySelectorAll("td.numeric")].filter((cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return new Set([...range.getClientRects()].map((line) => Math.round(line.top))).size > 1;
      }).length,
  );
  assert.equal(broken, 0, "numbers are broken over lines on paper");
  await file.emulateMedia({ media: "screen" });
  await file.setViewportSize({ width: 360, height: 740 });
  assert.ok(await file.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  noProblems(fileProblems);
  await alone.close();
  rmSync(folder, { recursive: true });
  await context.close();
});
