/** What a browser fetches of the page, and how long it takes until something is seen. */
import { get } from "node:http";
import { openPage } from "./browser.mjs";

/** Bytes of an answer, as they come and as they are. */
function fetched(url) {
  return new Promise((resolve, reject) => {
    const answered = (headers, then) => get(url, { headers }, then).on("error", reject);
    answered({ "accept-encoding": "gzip" }, (response) => {
      let packed = 0;
      response.on("data", (chunk) => (packed += chunk.length));
      response.on("end", () =>
        answered({ "accept-encoding": "identity" }, (plain) => {
          const parts = [];
          plain.on("data", (chunk) => parts.push(chunk));
          plain.on("end", () => {
            const text = Buffer.concat(parts);
            resolve({ status: response.statusCode, raw: text.length, gzip: packed, text: text.toString() });
          });
        }),
      );
    });
  });
}

/** The page and all that it names: what is fetched before anything is shown. */
export async function first(url) {
  const page = await fetched(url);
  const names = [...page.text.matchAll(/(?:src|href)="(\.\/assets\/[^"]+\.(?:js|css))"/g)].map(
    ([, name]) => name,
  );
  const files = await Promise.all(
    names.map(async (name) => ({ name, ...(await fetched(new URL(name, url))) })),
  );
  return [{ name: "index.html", ...page }, ...files];
}

export const sum = (files, of) => files.reduce((total, file) => total + file[of], 0);

/** Milliseconds until the first paint of a page that nobody has opened before, and until its table or form is there. */
export async function firstPaint(browser, url, shown = "form.start, tbody tr") {
  const { page, context } = await openPage(browser);
  try {
    const began = performance.now();
    await page.goto(url, { waitUntil: "commit" });
    await page.waitForSelector(shown);
    const whole = performance.now() - began;
    const paint = await page.evaluate(
      () =>
        new Promise((resolve) => {
          new PerformanceObserver((list) => {
            const found = list.getEntriesByName("first-contentful-paint")[0];
            if (found) resolve(found.startTime);
          }).observe({ type: "paint", buffered: true });
        }),
    );
    return { paint, whole };
  } finally {
    await context.close();
  }
}
