// Looks at pages of the portal in a real browser, on a desk and on a telephone, with scripts and without: what axe-core finds wrong,
// whether a page has to be pushed sideways, what the browser complains of. Says what it saw as JSON on standard output; what that
// means is for the tests to judge.
//
// usage: node looks.js BASE PASSWORD PATH…     a path of a page for people who are not signed in begins with "open:"
// settings (environment): NODE_PATH, where playwright-core and axe-core are; BEADLE_CHROMIUM, the browser;
//                         BEADLE_SCREENSHOTS, a folder for pictures of the pages
"use strict";
const { chromium } = require("playwright-core");
const { look, executablePath } = require("./look.js");

const [base, password, ...paths] = process.argv.slice(2);
const OPEN = "open:";

async function signIn(page) {
  await page.goto(`${base}/sign-in`);
  await page.fill("#password", password);
  await page.click("main button[type=submit]");
  await page.waitForURL(`${base}/`);
}

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--disable-gpu"] });
  const all = [];
  try {
    for (const [width, javaScriptEnabled] of [[1280, true], [360, true], [1280, false], [360, false]]) {
      const options = { viewport: { width, height: 800 }, javaScriptEnabled };
      const inside = await (await browser.newContext(options)).newPage();
      const outside = await (await browser.newContext(options)).newPage();
      const complaints = [];
      for (const page of [inside, outside]) {
        page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
        page.on("pageerror", (error) => complaints.push(String(error)));
        // What the browser gives up because it goes on to the next page is no complaint.
        page.on("requestfailed", (request) => request.failure().errorText === "net::ERR_ABORTED" || complaints.push(`${request.url()} was not fetched`));
      }
      await signIn(inside);
      for (const [number, given] of paths.entries()) {
        const page = given.startsWith(OPEN) ? outside : inside;
        const address = given.startsWith(OPEN) ? given.slice(OPEN.length) : given;
        const slug = address.split("?")[0].replaceAll("/", "-").slice(1, 40) || "start";
        complaints.length = 0;
        const response = await page.goto(base + address);
        const name = `${number}-${slug}-${width}${javaScriptEnabled ? "" : "-without-scripts"}`;
        const seen = await look(page, name, all, javaScriptEnabled);
        Object.assign(seen, { status: response.status(), complaints: [...complaints] });
      }
      await inside.context().close();
      await outside.context().close();
    }
    process.stdout.write(JSON.stringify(all));
  } finally {
    await browser.close();
  }
})().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
