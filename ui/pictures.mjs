/**
 * `make pictures`: docs/pictures, of a real run against the sample blog. To be run when the page has changed its looks.
 *
 * The page is shown in the middle of a run; the report is that run's.
 */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launch, openPage } from "./e2e/browser.mjs";
import { startBlog, startServer } from "./e2e/gregaria.mjs";
import { openTab } from "./e2e/steps.mjs";

const PLACE = fileURLToPath(new URL("../docs/pictures/", import.meta.url));
const SECONDS = 40;

/** A picture in which a column is cut shows something that is not so. */
async function whole(page, where) {
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll(".scroller")].map((one) => one.scrollWidth - one.clientWidth),
  );
  if (cut.some((pixels) => pixels > 0))
    throw new Error(`${where}: tables are ${cut} px wider than the picture`);
}

mkdirSync(PLACE, { recursive: true });
const [browser, blog, server] = await Promise.all([
  launch(),
  startBlog(),
  startServer({ file: "../../docs/pictures/locustfile.py" }),
]);
try {
  const { page } = await openPage(browser, { width: 1160, height: 620 });
  await page.goto(server.url);
  await server.post("swarm", { user_count: "60", spawn_rate: "3", host: blog.url });
  await page.waitForTimeout(SECONDS * 1000);
  await openTab(page, "stats");
  await page.waitForTimeout(1500);
  await whole(page, "page.png");
  await page.screenshot({ path: `${PLACE}page.png` });
  await server.post("stop", {});
  const report = await openPage(browser, { width: 1160, height: 860 });
  await report.page.goto(`${server.url}stats/report`);
  await report.page.waitForTimeout(1500);
  await whole(report.page, "report.png");
  await report.page.screenshot({ path: `${PLACE}report.png` });
} finally {
  await browser.close();
  await server.end();
  await blog.end();
}
