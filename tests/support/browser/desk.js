// Drives a real browser over the review queue: as a gatekeeper who decides by keyboard, at the width of a desk and of a telephone, and
// with the eyes of axe-core. Says what it saw as JSON on standard output; what that means is for the tests to judge.
//
// usage: node desk.js review BASE PASSWORD LABELS     LABELS: JSON, what is right for each case by its reference
// settings (environment): as form.js
"use strict";
const { chromium } = require("playwright-core");
const { look, executablePath } = require("./look.js");

const [what, base, password, labels] = process.argv.slice(2);
const right = JSON.parse(labels || "{}");
const MESSAGES = 50;

async function signIn(context) {
  const page = await context.newPage();
  await page.goto(`${base}/sign-in`);
  await page.fill("#password", password);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  return page;
}

const scenarios = {
  async review(browser) {
    const pages = [];
    const complaints = [];
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    let count = 0;
    await context.exposeBinding("countKey", () => { count += 1; });
    await context.addInitScript(() => document.addEventListener("keydown", () => globalThis.countKey(), true));
    const page = await signIn(context);
    page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
    const reference = () => page.getAttribute("#review", "data-reference", { timeout: 5000 });
    const suggested = () => page.evaluate(() => ({
      service: document.querySelector("[data-part=service]").dataset.value,
      unsure: !document.querySelector("[data-key=a]"),
      held: Boolean(document.getElementById("confirmed")),
    }));
    // A key that leads to another page.
    const decide = async (key) => {
      await Promise.all([page.waitForNavigation(), page.keyboard.press(key)]);
    };

    // At both widths: what beadle suggests, its reasons, the keys, and what was decided last.
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 });
      await page.goto(`${base}/review`);
      await look(page, `review-${width}`, pages);
      for (const details of await page.$$("details")) await details.evaluate((e) => { e.open = true; });
      await look(page, `review-open-${width}`, pages);
      await page.goto(`${base}/review`);
      await page.keyboard.press("n");
      await page.waitForURL("**/review?done=skipped");
      await look(page, `review-skipped-${width}`, pages);
      if ((await suggested()).held) {
        await page.keyboard.press("a");
      } else {
        await page.keyboard.press("h");
        await page.keyboard.type("not yet");
      }
      await decide("Enter");
      await look(page, `review-last-${width}`, pages);
      await decide("u");
    }
    await page.setViewportSize({ width: 1280, height: 800 });

    // No key is heard in a field, and none at all once they are switched off, which is remembered.
    await page.goto(`${base}/review`);
    const first = await reference();
    await page.keyboard.press("q");
    await page.focus("#question");
    await page.keyboard.type("a x n");
    const typed = await page.inputValue("#question");
    await page.keyboard.press("Escape");
    await page.goto(`${base}/review/${first}`);
    await page.keyboard.press("?");
    await page.click("#keys-switch");
    await page.goto(`${base}/review/${first}`);
    const off = await reference();
    await page.keyboard.press("n");
    await page.waitForTimeout(300);
    const stillOff = await reference();
    await page.evaluate(() => { document.getElementById("keys").open = true; });
    await page.click("#keys-switch");

    // Fifty messages, each decided as is right.
    const keys = [];
    let accepted = 0;
    let changed = 0;
    await page.goto(`${base}/review`);
    while (keys.length < MESSAGES) {
      if (!(await page.$("#review"))) {
        // A message for the councillor only is not decided here.
        if (!(await page.$("[data-key=n]"))) break;
        await decide("n");
        continue;
      }
      count = 0;
      const is = await reference();
      const label = right[is];
      let now = await suggested();
      if (label && (label.service !== now.service || now.unsure)) {
        changed += 1;
        await page.keyboard.press("s");
        const pick = await page.$(`[data-group=s] button[data-pick][value="${label.service}"]`);
        if (pick) {
          await decide(await pick.getAttribute("data-pick"));
        } else {
          await page.keyboard.press("0");
          const name = await page.$eval(`#all-service option[value="${label.service}"]`, (o) => o.textContent);
          await page.keyboard.type(name);
          await page.keyboard.press("Tab");
          await decide("Enter");
        }
        now = (await page.$("#review")) && (await reference()) === is ? await suggested() : null;
      } else {
        accepted += 1;
      }
      if (now) {
        if (now.unsure) {
          await page.keyboard.press("s");
          await decide("1");
        } else if (now.held) {
          await page.keyboard.press("a");
          await decide("Enter");
        } else {
          await decide("a");
        }
      }
      if (await page.$("h1:has-text('could not be done')")) throw new Error(await page.innerText("main"));
      keys.push(count);
    }
    // The last decision is taken back by a key.
    const decided = await page.innerText(".review-last .reference");
    await decide("u");
    const undone = await reference();
    await context.close();
    return { pages, complaints, keys, accepted, changed, typed, off, still_off: stillOff, decided, undone };
  },
};

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--disable-gpu"] });
  try {
    process.stdout.write(JSON.stringify(await scenarios[what](browser)));
  } finally {
    await browser.close();
  }
})().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
