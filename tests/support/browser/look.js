// What the tests of pages see with: the browser, axe-core, and pictures for who wants them (BEADLE_SCREENSHOTS).
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const axe = require("axe-core");

const known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome-stable", "/usr/bin/google-chrome"];
const executablePath = process.env.BEADLE_CHROMIUM || known.find((file) => fs.existsSync(file));

async function picture(page, name) {
  const folder = process.env.BEADLE_SCREENSHOTS;
  if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}

// What a page is, and what reaches over its edge.
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

// What axe-core finds wrong, how much it looked at, and whether the page has to be pushed sideways to be read. axe-core is a script
// itself: where those are switched off, it cannot look.
async function look(page, name, seen, scripts = true) {
  await picture(page, name);
  const one = { name, scripts, ...(await page.evaluate(measure)) };
  if (scripts) {
    await page.evaluate(axe.source);
    const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    one.checks = found.passes.length;
    one.violations = found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(" | ").slice(0, 600)}`);
  }
  seen.push(one);
  return one;
}

module.exports = { look, picture, executablePath };
