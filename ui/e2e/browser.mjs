/** Debian's Chromium, as a test wants it: a fresh profile, no network of its own. */
import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const CANDIDATES = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
/** Far more than anything takes, on a busy machine too. */
export const PATIENCE_MS = 60_000;
export const ARTIFACTS = fileURLToPath(new URL("./artifacts/", import.meta.url));

export function chromiumPath() {
  return CANDIDATES.find((path) => path && existsSync(path)) ?? null;
}

export async function launch() {
  const executablePath = chromiumPath();
  if (executablePath === null)
    throw new Error("no Chromium: install Debian's package chromium, or set CHROMIUM");
  mkdirSync(ARTIFACTS, { recursive: true });
  // launch() makes a fresh user-data-dir and removes it afterwards.
  return chromium.launch({
    executablePath,
    timeout: PATIENCE_MS,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A page that remembers what went wrong in it, and refuses to talk to anybody but the server. */
export async function openPage(browser, { width = 1440, height = 900, dark = false, ...options } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    acceptDownloads: true,
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const problems = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (!["localhost", "127.0.0.1", "[::1]", ""].includes(hostname) && protocol !== "data:")
      problems.push(`request to the outside: ${request.url()}`);
  });
  return { page, context, problems };
}
