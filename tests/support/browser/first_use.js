// First use: from the first sign-in on an empty installation to the first message of a real mailbox in the review, as somebody would
// do it who has read nothing. Counts what was filled in and what was clicked; looks at each page on the way. Says what it saw as JSON
// on standard output; what that means is for the tests to judge.
//
// usage: node first_use.js scripts|plain BASE PASSWORD IMAP_PORT USER IMAP_PASSWORD WARDS PEOPLE
// settings (environment): NODE_PATH, BEADLE_CHROMIUM, BEADLE_SCREENSHOTS as for the other scripts here
"use strict";
const { chromium } = require("playwright-core");
const { look, picture, executablePath } = require("./look.js");

const [how, base, password, port, user, secret, wards, people] = process.argv.slice(2);
const scripts = how === "scripts";
const main = "main form:not(.out) button[type=submit]";

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--disable-gpu"] });
  const seen = { pages: [], complaints: [], sideways: [], fields: 0, clicks: 0, said: {}, seconds: {} };
  try {
    const options = { viewport: { width: scripts ? 1280 : 360, height: 900 }, javaScriptEnabled: scripts };
    const page = await (await browser.newContext(options)).newPage();
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && seen.complaints.push(message.text()));
    const started = Date.now();
    const at = (name) => (seen.seconds[name] = (Date.now() - started) / 1000);
    const fill = async (selector, text) => { seen.fields += 1; await page.fill(selector, text); };
    const choose = async (selector, value) => { seen.fields += 1; await page.selectOption(selector, value); };
    const give = async (selector, file) => { seen.fields += 1; await page.setInputFiles(selector, file); };
    const click = async (what) => {
      seen.clicks += 1;
      await Promise.all([page.waitForEvent("load"), (typeof what === "string" ? page.click(what) : what.click())]);
    };
    const task = (name) => click(page.getByRole("link", { name, exact: true }));
    // Each page on the way at both widths; without scripts axe-core cannot look, and the eye is on what reaches over the edge.
    const see = async (name) => {
      if (!scripts) {
        await picture(page, `first-${name}-360-plain`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
        if (wide) seen.sideways.push(name);
        return;
      }
      for (const width of [1280, 360]) {
        await page.setViewportSize({ width, height: 900 });
        await look(page, `first-${name}-${width}`, seen.pages);
      }
      await page.setViewportSize({ width: 1280, height: 900 });
    };
    const text = (selector) => page.innerText(selector);

    await page.goto(base);
    await fill("#password", password);
    await click(main);
    seen.said.start = new URL(page.url()).pathname;
    await see("tasks-empty");
    // What every empty page says will be there.
    seen.said.empty = {};
    for (const path of ["/review", "/my", "/ward", "/overdue", "/reports", "/campaigns", "/patterns", "/letters", "/outbox", "/quarantine", "/set-aside", "/blocked", "/learned"]) {
      await page.goto(base + path);
      seen.said.empty[path] = await page.innerText("main");
      await see(`empty${path.replaceAll("/", "-")}`);
    }
    await page.goto(`${base}/admin/set-up`);

    await page.goto(`${base}/admin/set-up/sample`);
    await see("sample");
    await page.goto(`${base}/admin/set-up`);

    await task("Name the council");
    await see("council");
    await click(main);
    seen.said.unnamed = await text(".govuk-error-summary");
    seen.clicks -= 1;
    await see("council-wrong");
    await fill("#name", "Brackenmere Borough Council");
    await fill("#address", "cases@brackenmere.example");
    await click(main);
    seen.said.named = await text("h1 >> nth=0");
    seen.said.council = await text(".bar .council");
    at("named");

    await task("Connect a mailbox");
    await see("mailbox");
    const mailbox = async (host, secret, more) => {
      await page.fill("#host", host);
      await page.selectOption("#security", (more && more.security) || "none");
      await page.fill("#port", (more && more.port) || port);
      await page.fill("#user", user);
      await page.fill("#password", secret);
      await page.fill("#mailbox", (more && more.folder) || "");
      await Promise.all([page.waitForEvent("load"), page.click(main)]);
      return text(".govuk-error-summary");
    };
    // What goes wrong, each beside its field; these tries are not counted.
    seen.said.no_name = await mailbox("no-such-host.invalid", secret, { security: "tls" });
    await see("mailbox-wrong");
    seen.said.insecure = await mailbox("no-such-host.invalid", secret);
    seen.said.no_tls = await mailbox("127.0.0.1", secret, { security: "tls" });
    seen.said.refused = await mailbox("127.0.0.1", secret, { port: "9" });
    seen.said.wrong_password = await mailbox("127.0.0.1", "not this");
    seen.said.field = await page.evaluate(() => document.querySelector(".govuk-error-summary a").getAttribute("href"));
    seen.said.no_folder = await mailbox("127.0.0.1", secret, { folder: "Nowhere" });
    await page.goto(`${base}/admin/set-up/mailboxes`);
    await fill("#host", "127.0.0.1");
    await choose("#security", "none");
    await fill("#port", port);
    await fill("#user", user);
    await fill("#password", secret);
    await click(main);
    seen.said.connected = await text("#counted");
    seen.said.known = await text("main table");
    at("connected");
    await see("mailbox-connected");
    await click(page.getByRole("link", { name: "Set up", exact: true }));

    await task("Choose services");
    await see("services");
    await page.uncheck("#service-graffiti_and_flyposting");
    seen.clicks += 1;
    await click("main button[type=submit]");
    at("services");

    await task("Upload the wards");
    await see("wards");
    await give("#file", wards);
    await click(main);
    seen.said.wards = await text("h1");
    await see("wards-trial");
    await click(main);
    at("wards");

    await task("Bring in people and councillors");
    await see("people");
    await give("#file", people);
    await click(main);
    seen.said.people = await text("h1");
    await see("people-trial");
    await click(main);
    seen.said.links = await page.locator("code.key").allInnerTexts();
    at("people");
    await see("people-done");
    await click(page.getByRole("button", { name: "Go on" }));
    await see("tasks-done");
    seen.said.tasks = await page.locator(".govuk-task-list__status").allInnerTexts();

    // The first message: it came in while the rest was set up. The page says so as soon as it is there.
    await page.goto(`${base}/review`);
    while ((Date.now() - started) / 1000 < 240 && !(await page.innerText("main")).includes("street light")) {
      await page.waitForTimeout(500);
      await page.goto(`${base}/review`);
    }
    seen.clicks += 1;
    at("triaged");
    seen.said.review = await text("main");
    await see("review");
    // The mailbox can be taken out again; what was read stays.
    await page.goto(`${base}/admin/set-up/mailboxes`);
    await Promise.all([page.waitForEvent("load"), page.click("main table button")]);
    seen.said.removed = await text("main");
    process.stdout.write(JSON.stringify(seen));
  } finally {
    await browser.close();
  }
})().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
