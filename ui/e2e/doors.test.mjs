/** Ways to the page: a base path, TLS, a login, the access token. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { startBlog, startServer } from "./gregaria.mjs";
import { figure, noProblems, openTab, screenshot, startTest, stopTest } from "./steps.mjs";

let browser;
let blog;

before(async () => {
  [browser, blog] = await Promise.all([launch(), startBlog()]);
});
after(async () => {
  await browser?.close();
  await blog?.end();
});

test("below a base path, everything works", async () => {
  const server = await startServer({ args: ["--web-base-path", "/load/test"], base: "/load/test" });
  const { page, context, problems } = await openPage(browser);
  try {
    await page.goto(server.url);
    await startTest(page, { users: 2, rate: 2, host: blog.url });
    await page.waitForSelector('tbody >> text="/post/[id]"');
    await openTab(page, "timing");
    await page.waitForSelector(".stack");
    await stopTest(page);
    noProblems(problems);
  } finally {
    await context.close();
    await server.end();
  }
});

test("over TLS with a self-signed certificate", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gregaria-tls-"));
  const [cert, key] = ["cert.pem", "key.pem"].map((name) => join(folder, name));
  const made = spawnSync("openssl", [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
    "-keyout",
    key,
    "-out",
    cert,
  ]);
  assert.equal(made.status, 0, String(made.stderr));
  const server = await startServer({ args: ["--tls-cert", cert, "--tls-key", key], tls: true });
  const { page, context, problems } = await openPage(browser, { ignoreHTTPSErrors: true });
  try {
    await page.goto(server.url);
    await startTest(page, { users: 2, rate: 2, host: blog.url });
    await figure(page, "users", "2");
    await stopTest(page);
    noProblems(problems);
  } finally {
    await context.close();
    await server.end();
    rmSync(folder, { recursive: true });
  }
});

test("a login of the locustfile's own", async () => {
  const server = await startServer({ args: ["--web-login"], file: "login_locustfile.py" });
  const { page, context, problems } = await openPage(browser);
  try {
    await page.goto(server.url);
    await page.waitForURL(/\/login/);
    await page.waitForSelector("text=Elsewhere");
    await page.fill("#username", "somebody");
    await page.fill("#password", "wrong");
    await page.click("button[type=submit]");
    await page.waitForSelector("text=Invalid username or password");
    await screenshot(page, "login");
    await page.fill("#username", "somebody");
    await page.fill("#password", "open sesame");
    await page.click("button[type=submit]");
    await page.waitForSelector("form.start");
    await startTest(page, { users: 1, rate: 1, host: blog.url });
    await openTab(page, "ratios");
    await page.waitForSelector("text=Reader");
    await stopTest(page);
    noProblems(problems);
  } finally {
    await context.close();
    await server.end();
  }
});

test("who comes by another name needs the token, and the link has it", async () => {
  const token = "a-token-for-tests";
  const server = await startServer({ env: { LOCUST_WEB_TOKEN: token } });
  // A name that is not loopback's, resolved to it by the browser alone.
  const { page, context, problems } = await openPage(browser, {
    extraHTTPHeaders: { "X-Forwarded-For": "192.0.2.7" },
  });
  try {
    const refused = await page.goto(`${server.url}?tab=charts`);
    // The page that asks for the token is an answer like any other: probes of charts and operators look no further.
    assert.equal(refused.status(), 200);
    await screenshot(page, "token");
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.emulateMedia({ colorScheme: "dark" });
    assert.notEqual(await ground(), light, "the page does not follow the theme");
    // What the page itself was set to wins over the system.
    await page.evaluate(() => localStorage.setItem("theme", "light"));
    await page.reload();
    assert.equal(await ground(), light);
    await page.evaluate(() => localStorage.setItem("theme", "dark"));
    await page.setViewportSize({ width: 360, height: 740 });
    await page.reload();
    assert.notEqual(await ground(), light);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));

    // By keyboard alone: the field has the focus.
    await page.keyboard.type("a wrong one");
    await page.keyboard.press("Enter");
    await page.waitForSelector('[role="alert"]:has-text("That is not the access token of this start.")');
    await screenshot(page, "token-wrong");
    await page.keyboard.type(`${server.url}?token=${token}`);
    await page.keyboard.press("Enter");
    await page.waitForSelector('[data-tab="charts"][aria-current="page"]');
    await page.context().clearCookies();
    await page.goto(server.url);
    await page.waitForSelector('input[name="token"]');
    noProblems(problems, [/status of 401/]);

    await page.goto(`${server.url}?token=${token}`);
    await page.waitForSelector("form.start");
    assert.ok(!page.url().includes(token), "the token stays in the address");
    await page.waitForSelector('[data-state="ready"]');
  } finally {
    await context.close();
    await server.end();
  }
});
