/** What a user does in the page, in words. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ARTIFACTS } from "./browser.mjs";

/** The tabs of every run; a run with workers, and a server that keeps runs, have more. */
export const RUN_TABS = [
  "stats",
  "charts",
  "timing",
  "failures",
  "exceptions",
  "ratios",
  "reports",
  "logViewer",
];

export async function fillStart(page, { users, rate, host, time }) {
  await page.fill("#start-users", String(users));
  await page.fill("#start-rate", String(rate));
  if (host !== undefined) await page.fill("#start-host", host);
  if (time !== undefined) await page.fill("#start-time", time);
}

export async function startTest(page, values) {
  await fillStart(page, values);
  await page.click("form.start button[type=submit]");
  await page.waitForSelector('[data-state="running"]');
}

export async function stopTest(page) {
  await page.click("header >> text=Stop");
  await page.waitForSelector('[data-state="stopped"]');
}

export async function openTab(page, key) {
  await page.click(`[data-tab="${key}"]`);
  await page.waitForSelector(`[data-tab="${key}"][aria-current="page"]`);
}

/** Waits until a figure of the header is as wanted. */
export async function figure(page, name, wanted) {
  await page.waitForFunction(
    ([key, text]) => document.querySelector(`[data-figure="${key}"]`)?.textContent?.trim() === text,
    [name, String(wanted)],
  );
}

/** The row of a name in the table that is shown: its cells' texts. */
export async function rowOf(page, name) {
  const row = page.locator("tbody tr", { has: page.getByText(name, { exact: true }) }).first();
  return (await row.locator("td").allTextContents()).map((text) => text.trim());
}

export async function totalRow(page) {
  return (await page.locator("tfoot td").allTextContents()).map((text) => text.trim());
}

export async function screenshot(page, name, options = {}) {
  await page.screenshot({ path: join(ARTIFACTS, `${name}.png`), ...options });
}

/** Nothing was wrong in the page but what is expected to be. */
export function noProblems(problems, allowed = []) {
  assert.deepEqual(
    problems.filter((problem) => !allowed.some((pattern) => pattern.test(problem))),
    [],
  );
}
