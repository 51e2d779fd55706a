/** Logins that locustfiles describe in auth_args: forms of their own, providers, and what they say. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startServer } from "./gregaria.mjs";
import { noProblems, screenshot } from "./steps.mjs";

let browser;
let server;

before(async () => {
  [browser, server] = await Promise.all([
    launch(),
    startServer({ args: ["--web-login"], file: "custom_login_locustfile.py" }),
  ]);
});
after(async () => {
  await browser?.close();
  await server?.end();
});

test("a form of the locustfile's own, refused and then accepted", async () => {
  const { page, context, problems } = await openPage(browser);
  await page.goto(server.url);
  await page.waitForURL(/\/login/);
  await page.waitForSelector("h1:text-is('Team login')");
  assert.equal(await page.title(), "Team login");
  assert.equal(await page.locator("#username").count(), 0);
  assert.equal(await page.locator("[name=ticket]").inputValue(), "T-1");
  assert.equal(await page.locator("[name=code]").getAttribute("type"), "password");

  await page.getByLabel("Team").selectOption("blue");
  await page.getByRole("checkbox", { name: "write" }).check();
  await page.getByLabel("Remember me").check();
  await page.locator("[name=code]").fill("guess");
  await page.keyboard.press("Enter");
  await page.waitForSelector('[role="alert"]:has-text("That is not <b>the</b> code word")');
  await server.says(
    /\('code', \['guess'\]\), \('remember', \['on'\]\), \('rights', \['write'\]\), \('team', \['blue'\]\), \('ticket', \['T-1'\]\)/,
  );
  await screenshot(page, "login-custom");

  // What is required is not sent without: the server's answer has emptied the form.
  await page.locator("[name=code]").fill("open sesame");
  await page.click("button:text-is('Let me in')");
  assert.ok(await page.locator("[name=team]").evaluate((element) => element.validity.valueMissing));
  assert.match(page.url(), /\/login/);
  await page.getByLabel("Team").selectOption("red");
  await page.click("button:text-is('Let me in')");
  await page.waitForSelector("form.start");
  noProblems(problems);
  await context.close();
});

test("providers have their icons, and what they say is shown", async () => {
  const { page, context, problems } = await openPage(browser, { width: 360, height: 740, dark: true });
  await page.goto(server.url);
  const provider = page.getByRole("link", { name: "Single sign-on" });
  await page.waitForFunction(() => document.querySelector("li img")?.naturalWidth > 0);
  assert.equal(await page.locator("li img").count(), 1);
  await provider.click();
  await page.waitForSelector('[role="status"]:has-text("The provider is closed today")');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await screenshot(page, "login-custom-phone", { fullPage: true });
  noProblems(problems);
  await context.close();
});
