// Looks at pages of the portal in a real browser, on a desk and on a telephone, with scripts and without: what axe-core finds wrong,
// whether a page has to be pushed sideways, what the browser complains of. Says what it saw as JSON on standard output; what that
// means is for the tests to judge.
//
// usage: node looks.js BASE PASSWORD PATH…     a path of a page for people who are not signed in begins with "open:"
// settings (environment): NODE_PATH, where playwright-core and axe-core are; BEADLE_CHROMIUM, the browser;
//                         BEADLE_SCREENSHOTS, a folder for pictures of the pages
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");
const axe = require("axe-core");

const [base, password, ...paths] = process.argv.slice(2);
const known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome-stable", "/usr/bin/google-chrome"];
const executablePath = process.env.BEADLE_CHROMIUM || known.find((file) => fs.existsSync(file));
const folder = process.env.BEADLE_SCREENSHOTS;
const OPEN = "open:";

async function signIn(page) {
  await page.goto(`${base}/sign-in`);
  await page.fill("#password", password);
  await page.click("main button[type=submit]");
  await page.waitForURL(`${base}/`);
}

// Widths of the page, its headings, and what reaches over its edge.
const measure = () => ({
  title: document.title,
  headings: document.querySelectorAll("h1").length,
  language: document.documentElement.lang,
  sideways: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  // The targets that are smaller than 24 by 24 pixels (WCAG 2.2, 2.5.8), links in a sentence apart.
  small: [...document.querySelectorAll("input:not([type=hidden]), button, select, textarea, summary, nav a")]
    .filter((e) => e.tabIndex >= 0 && e.checkVisibility())
    .map((e) => ({ what: e.id || e.textContent.trim(), box: e.getBoundingClientRect() }))
    .filter(({ box }) => box.width < 24 || box.height < 24)
    .map(({ what }) => what),
});

// axe-core is a script itself: where those are switched off, it cannot look.
async function look(page, address, name, complaints, scripts) {
  complaints.length = 0;
  const response = await page.goto(base + address);
  const seen = { name, scripts, status: response.status(), ...(await page.evaluate(measure)) };
  if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
  seen.complaints = [...complaints];
  if (!scripts) return seen;
  await page.evaluate(axe.source);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  seen.checks = found.passes.length;
  seen.violations = found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(" | ").slice(0, 600)}`);
  return seen;
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
        const open = given.startsWith(OPEN);
        const address = open ? given.slice(OPEN.length) : given;
        const slug = address.split("?")[0].replaceAll("/", "-").slice(1, 40) || "start";
        const name = `${number}-${slug}-${width}${javaScriptEnabled ? "" : "-without-scripts"}`;
        all.push(await look(open ? outside : inside, address, name, complaints, javaScriptEnabled));
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
