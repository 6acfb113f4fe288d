// Drives a real browser over the form on the web and the page on which a call is written down, as somebody without a script, on a telephone, by keyboard alone, and with the
// eyes of axe-core. Says what it saw as JSON on standard output; what that means is for the tests to judge.
//
// usage: node form.js WHAT BASE [ADDRESS…]     WHAT: pages, calls, trail, without-scripts, keyboard, position
// settings (environment): NODE_PATH, where playwright-core and axe-core are; BEADLE_CHROMIUM, the browser;
//                         BEADLE_SCREENSHOTS, a folder for pictures of the pages
"use strict";
const path = require("node:path");
const { chromium } = require("playwright-core");
const { look, picture, executablePath } = require("./look.js");

const [what, base, ...addresses] = process.argv.slice(2);
const PROBLEM = "There is a deep pothole outside the bakery. My wheel was damaged by the pothole.";

// Where the words of a letter lie on paper, in millimetres from its left and upper edge.
async function printed(page, name) {
  const viewport = page.viewportSize();
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: 794, height: 1123 });
  const folder = process.env.BEADLE_SCREENSHOTS;
  if (folder) await page.pdf({ path: path.join(folder, `${name}.pdf`), preferCSSPageSize: true });
  const found = await page.evaluate(() => {
    const mm = (pixels) => (pixels * 25.4) / 96;
    const box = (range) => {
      const { left, right, top, bottom } = range.getBoundingClientRect();
      return { left: mm(left), right: mm(right), top: mm(top), bottom: mm(bottom) };
    };
    const words = (element) => {
      const range = document.createRange();
      range.selectNodeContents(element);
      return box(range);
    };
    // What could show in the window beside the address, wherever the sheet lies.
    const shows = ({ left, right, top, bottom }) => left < 110 && right > 10 && top < 92 && bottom > 46;
    const others = [...document.querySelectorAll(".from p, .words h2, .words .text")].map(words).filter(shows);
    const tools = getComputedStyle(document.querySelector(".tools")).display !== "none";
    return { to: words(document.querySelector(".to")), besides: others, tools };
  });
  await page.emulateMedia({ media: null });
  await page.setViewportSize(viewport);
  return found;
}

async function fill(page) {
  await page.fill("#problem", PROBLEM);
  await page.fill("#place", "Signal Row, ZM6 1UT");
  await page.fill("#email", "ann@fenmail.example");
  await page.check("#consent");
}

const scenarios = {
  // Every page, in two directions of writing and at two widths.
  async pages(browser) {
    const seen = [];
    for (const [language, width] of [["en", 1280], ["en", 320], ["ar", 1280], ["ar", 320]]) {
      const context = await browser.newContext({ viewport: { width, height: 800 } });
      const page = await context.newPage();
      const name = (what) => `${what}-${language}-${width}`;
      await page.goto(`${base}/report?lang=${language}`);
      await look(page, name("form"), seen);
      await page.setInputFiles("#files", [{ name: "a very long name of a program.exe", mimeType: "application/x", buffer: Buffer.from("MZ") }]);
      await page.fill("#email", "ann at home");
      await page.fill("#phone", "12");
      await page.click("#send");
      await look(page, name("errors"), seen);
      await fill(page);
      await page.fill("#phone", "");
      await page.click("#send");
      await page.waitForURL("**/report/done/**");
      await look(page, name("done"), seen);
      await page.click(".link a");
      await look(page, name("waiting"), seen);
      for (const address of addresses) {
        await page.goto(`${base}${address.split("?")[0]}?lang=${language}`);
        await look(page, name(`${address.split("/")[1]}${addresses.indexOf(address)}`), seen);
      }
      if (addresses.length > 0) {
        await page.click("button[value=yes]");
        await look(page, name("confirmed"), seen);
      }
      await context.close();
    }
    return seen;
  },

  // A gatekeeper writes a call down without a script; the letters, on the screen and as they are printed.
  async calls(browser) {
    const [password, letter, shown] = addresses;
    const pages = [];
    const prints = [];
    for (const width of [1280, 320, 768]) {
      const context = await browser.newContext({ viewport: { width, height: 800 } });
      const page = await context.newPage();
      const name = (what) => `calls-${what}-${width}`;
      await page.goto(`${base}/log`);
      await page.fill("#password", password);
      await page.keyboard.press("Enter");
      await page.waitForURL("**/log");
      await look(page, name("page"), pages);
      await page.fill("#problem", PROBLEM);
      await page.fill("#phone", "12");
      await page.click("#send");
      await look(page, name("errors"), pages);
      await page.fill("#name", "Ann Smith");
      await page.fill("#phone", "07700 900123");
      await page.fill("#address", "12 Mill Lane\nBrackenmere\nZM6 1UT");
      await page.check("#hear_by");
      await page.check("#consent");
      await page.click("#send");
      await page.waitForURL("**/log/*");
      await look(page, name("done"), pages);
      await page.goto(`${base}/letters`);
      await look(page, name("letters"), pages);
      for (const large of ["", "?large=1"]) {
        await page.goto(`${base}${letter}${large}`);
        await look(page, name(large ? "large" : "letter"), pages);
        prints.push(await printed(page, name(large ? "large" : "letter")));
      }
      await page.goto(`${base}${shown}`);
      await look(page, name("case"), pages);
      await context.close();
    }
    return { pages, prints };
  },

  // A resident withdraws one report and rates another on its private page, with scripts and without, in two directions of writing.
  async trail(browser) {
    const [closed, ...open] = addresses;
    const seen = [];
    const said = [];
    for (const [language, width, javaScriptEnabled] of [["en", 1280, true], ["en", 360, false], ["ar", 360, true]]) {
      const context = await browser.newContext({ viewport: { width, height: 800 }, javaScriptEnabled });
      // axe-core needs a script of its own: without scripts the page is only looked at by its own measures.
      const page = await context.newPage();
      const name = (what) => `trail-${what}-${language}-${width}`;
      const view = (what) => (javaScriptEnabled ? look(page, name(what), seen) : picture(page, name(what)));
      await page.goto(`${base}${open.shift()}?lang=${language}`);
      await view("open");
      await page.click("#add");
      await view("nothing");
      await page.fill("#problem", "It is twice as deep since the rain.");
      await page.setInputFiles("#files", [{ name: "hole.png", mimeType: "image/png", buffer: Buffer.from("\x89PNG") }]);
      await page.click("#add");
      await page.waitForURL("**said=added");
      await view("added");
      await page.click("details:has(#withdraw) > summary");
      await view("withdraw");
      await page.click("#withdraw");
      await page.waitForURL("**said=closed");
      await view("withdrawn");
      said.push(await page.innerText("main"));
      await page.goto(`${base}${closed}?lang=${language}`);
      if (await page.isVisible("#rate")) {
        await page.click("#rate");
        await view("unrated");
        await page.check("#score-4");
        await page.fill("#words", "Quick and friendly, thank you!");
        await page.click("#rate");
        await page.waitForURL("**said=rated");
      }
      await view("rated");
      await context.close();
    }
    return { seen, said };
  },

  async "without-scripts"(browser) {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`${base}/report`);
    const button = await page.isVisible("#use-position");
    await page.fill("#problem", PROBLEM);
    await page.click("#send");
    const error = await page.innerText(".govuk-error-summary");
    const kept = await page.inputValue("#problem");
    await fill(page);
    await page.setInputFiles("#files", [{ name: "hole.png", mimeType: "image/png", buffer: Buffer.from("\x89PNG") }]);
    await page.click("#send");
    const done = await page.innerText("main");
    await page.reload();
    const again = await page.innerText("main");
    await page.click(".link a");
    const trail = await page.innerText("main");
    return { button, error, kept, done, again, trail };
  },

  // From the address bar to the reference without a mouse.
  async keyboard(browser) {
    const page = await (await browser.newContext({ viewport: { width: 1024, height: 700 } })).newPage();
    await page.goto(`${base}/report`);
    const order = [];
    const unseen = [];
    const step = async () => {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const e = document.activeElement;
        const box = e.getBoundingClientRect();
        const style = getComputedStyle(e);
        const marked = style.outlineStyle !== "none" || style.boxShadow !== "none";
        const inView = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
        return { id: e.id || e.className || e.tagName, marked, inView };
      });
      order.push(at.id);
      if (!at.marked || !at.inView) unseen.push(at);
      return at.id;
    };
    const to = async (id) => {
      for (let tries = 0; tries < 60; tries += 1) if ((await step()) === id) return;
      throw new Error(`Tab does not lead to ${id}: ${order.join(" ")}`);
    };
    await step();
    const skip = order[0];
    await page.keyboard.press("Enter");
    await to("problem");
    // Sent empty first: the list of errors is at hand, and its link leads to the field.
    await to("send");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".govuk-error-summary");
    const summary = await page.evaluate(() => document.activeElement.className);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    const from = await page.evaluate(() => document.activeElement.id);
    await page.keyboard.type(PROBLEM);
    order.length = 0;
    await to("place");
    await page.keyboard.type("Signal Row, ZM6 1UT");
    await to("councillor");
    await page.keyboard.press("ArrowDown");
    await to("anonymous");
    await page.keyboard.press("Space");
    await page.keyboard.press("Space");
    await to("name");
    await page.keyboard.type("Ann Smith");
    await to("email");
    await page.keyboard.type("ann@fenmail.example");
    await to("consent");
    await page.keyboard.press("Space");
    await page.keyboard.press("ArrowDown");
    const consent = await page.evaluate(() => document.querySelector("[name=consent]:checked").value);
    await to("send");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/report/done/**");
    return { skip, summary, from, order, unseen, consent, done: await page.innerText("main") };
  },

  // Whoever lets the browser say where they are need not type it.
  async position(browser) {
    const geolocation = { latitude: 54.00608, longitude: 2.08342 };
    const context = await browser.newContext({ geolocation, permissions: ["geolocation"] });
    const page = await context.newPage();
    const complaints = [];
    page.on("console", (message) => complaints.push(message.text()));
    await page.goto(`${base}/report`);
    await page.click("#use-position");
    await page.waitForFunction(() => document.getElementById("position").value !== "");
    const position = await page.inputValue("#position");
    await fill(page);
    await page.fill("#place", "");
    await page.click("#send");
    await page.waitForURL("**/report/done/**");
    return { position, complaints };
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
