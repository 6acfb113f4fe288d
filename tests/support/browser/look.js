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

// What axe-core finds wrong, how much it looked at, and whether the page has to be pushed sideways to be read.
async function look(page, name, seen) {
  await picture(page, name);
  await page.evaluate(axe.source);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const wide = await page.evaluate(() => ({
    scroll: document.documentElement.scrollWidth,
    client: document.documentElement.clientWidth,
    // The targets that are smaller than 24 by 24 pixels (WCAG 2.2, 2.5.8), links in a sentence apart.
    small: [...document.querySelectorAll("input:not([type=hidden]), button, select, textarea, nav a")]
      .filter((e) => e.tabIndex >= 0 && e.checkVisibility())
      .map((e) => ({ id: e.id || e.textContent, box: e.getBoundingClientRect() }))
      .filter(({ box }) => box.width < 24 || box.height < 24)
      .map(({ id }) => id),
  }));
  seen.push({
    name,
    title: await page.title(),
    checks: found.passes.length,
    violations: found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(" | ").slice(0, 600)}`),
    sideways: wide.scroll > wide.client,
    small: wide.small,
  });
}

module.exports = { look, picture, executablePath };
