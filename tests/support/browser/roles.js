// A day at the council in a real browser, each in their role: an administrator makes accounts, a gatekeeper decides, an officer works by
// the link in the mail, the resident follows by their private link, the councillor looks on, and the account is closed again. Each page
// is looked at. Says what it saw as JSON on standard output; what that means is for the tests to judge.
//
// usage: node roles.js day BASE GIVEN     GIVEN: JSON {password, outgoing, runs: [{width, scripts, subject}]}; outgoing: where mail is written
// settings (environment): as looks.js
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");
const { look, executablePath } = require("./look.js");

const [, base, given] = process.argv.slice(2);
const { password, outgoing, runs } = JSON.parse(given);

// Quoted-printable, as far as a mail of ours needs it.
const plain = (mail) => mail.replace(/=\r?\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

// The first mail that has these words; it may still be on its way.
async function mail(page, ...words) {
  for (let tries = 0; tries < 600; tries += 1) {
    const files = !fs.existsSync(outgoing) ? [] : fs.readdirSync(outgoing, { recursive: true }).filter((file) => file.endsWith(".eml"));
    const texts = files.map((file) => plain(fs.readFileSync(path.join(outgoing, file), "latin1")));
    const found = texts.find((text) => words.every((word) => text.includes(word)));
    if (found) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no mail with ${words.join(", ")}`);
}

const link = (text, start) => text.match(new RegExp(`${start}[^\\s>]+`))[0];

async function signIn(page, name, secret) {
  await page.goto(`${base}/sign-in`);
  await page.fill("#user-name", name);
  await page.fill("#password", secret);
  await page.click("main button[type=submit]");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
}

async function press(page, name) {
  const button = page.locator("main").getByRole("button", { name }).first();
  await Promise.all([page.waitForNavigation(), button.click()]);
}

// Opens what is folded, as a person does who wants to use it.
const unfold = (page, selector) => page.locator(selector).locator("summary").first().click();

async function day(browser, { width, scripts, subject }) {
  const options = { viewport: { width, height: 800 }, javaScriptEnabled: scripts };
  const pages = [];
  const done = [];
  const mark = `${width}${scripts ? "" : "-without-scripts"}`;
  const newcomer = async () => (await browser.newContext(options)).newPage();
  const see = (page, name) => look(page, `${name}-${mark}`, pages, scripts);
  const holds = async (page, text, what) => {
    if (!(await page.innerText("body")).includes(text)) throw new Error(`${mark}: ${what}: "${text}" is not on ${page.url()}:\n${await page.innerText("main")}`);
    done.push(what);
  };

  // The administrator makes an account for a gatekeeper and one for the councillor; each chooses a password by their link.
  const administrator = await newcomer();
  await signIn(administrator, "administrator", password);
  const hire = async (name, role, councillor) => {
    const user = `${role}.${mark}`;
    await administrator.goto(`${base}/admin/people`);
    await administrator.fill("#name", `${name} ${mark}`);
    await administrator.fill("#user_name", user);
    await administrator.selectOption("#role", role);
    await administrator.selectOption("#councillor", councillor);
    await press(administrator, "Add and make a link");
    await see(administrator, `person-${role}`);
    const invitation = (await administrator.innerText("#link")).trim();
    const person = await newcomer();
    await person.goto(new URL(new URL(invitation, base).pathname, base).href);
    await see(person, `invitation-${role}`);
    await person.fill("#new", "short");
    await person.fill("#again", "short");
    await press(person, "Set password");
    await holds(person, "There is a problem", `${role}: a password that is too short is refused`);
    await see(person, `invitation-refused-${role}`);
    await person.fill("#new", `tram seven otter ${mark}`);
    await person.fill("#again", `tram seven otter ${mark}`);
    await press(person, "Set password");
    if (person.url().includes("/sign-in") || !(await person.$("form.out"))) await signIn(person, user, `tram seven otter ${mark}`);
    done.push(`${role} is signed in`);
    return { person, user };
  };
  const gatekeeper = await hire("Gwen Park", "gatekeeper", "");
  const councillor = await hire("Marek Nowak", "councillor", "nowak");

  // The gatekeeper reads the message, accepts, takes it back, accepts again, and writes a note.
  const desk = gatekeeper.person;
  await desk.goto(`${base}/`);
  await see(desk, "cases");
  const row = desk.getByRole("link", { name: new RegExp(subject) }).first();
  const reference = (await row.getAttribute("href")).split("/").pop();
  const accept = async () => {
    // What is on hold is accepted by who says that they have read it.
    if (await desk.$("#confirmed")) await desk.check("#confirmed");
    // Where beadle is unsure, the first it thinks of is chosen, which sends it.
    const pick = desk.locator("[data-group=s] button[data-pick='1']");
    if (await desk.$("[data-key=a]")) await press(desk, /^Accept and send/);
    else await Promise.all([desk.waitForNavigation(), pick.click()]);
  };
  await desk.goto(`${base}/review/${reference}`);
  await see(desk, "review");
  await accept();
  await holds(desk, "Your last decision", "gatekeeper: accepted");
  await press(desk, /^Undo/);
  await holds(desk, "Taken back", "gatekeeper: taken back");
  await desk.goto(`${base}/review/${reference}`);
  await accept();
  await see(desk, "review-last");
  await desk.goto(`${base}/cases/${reference}`);
  await desk.fill("#note-words", `Rang the depot about it, ${mark}.`);
  await press(desk, "Save the note");
  await holds(desk, `Rang the depot about it, ${mark}.`, "gatekeeper: a note");
  await see(desk, "case");

  // The officer, on the link in the department's mail.
  const told = await mail(desk, reference, "/officer/");
  const officer = await newcomer();
  await officer.goto(base + new URL(link(told, "https?://")).pathname);
  await see(officer, "officer");
  await press(officer, "Accept: we deal with it");
  await holds(officer, "Accepted", "officer: accepted");
  await unfold(officer, "#date");
  await officer.fill("#date-why", "The machine is being mended.");
  await see(officer, "officer-date");
  await press(officer, "Set the date and tell them");
  await holds(officer, "later", "officer: a later date");
  await see(officer, "officer-after");

  // The resident, by the private link in the acknowledgement.
  const acknowledged = await mail(desk, reference, "/trail/");
  const resident = await newcomer();
  const trail = base + new URL(link(acknowledged, "https?://")).pathname;
  await resident.goto(trail);
  await holds(resident, reference, "resident: sees how it stands");
  await see(resident, "trail");
  await resident.fill("#problem", `It is worse since the rain, ${mark}.`);
  const add = () => Promise.all([resident.waitForNavigation(), resident.click("#add")]);
  await add();
  // A browser is faster than a person: then it is asked again, with the words still there.
  if ((await resident.innerText("body")).includes("That was very fast")) {
    await see(resident, "trail-fast");
    await resident.waitForTimeout(3000);
    await add();
  }
  await holds(resident, "We have added it to your report", "resident: added words");
  await see(resident, "trail-added");

  // The officer closes it; the resident says how content they are.
  await unfold(officer, "#close");
  await officer.check("#close-done");
  await officer.fill("#close-words", `Mended on site, ${mark}.`);
  await press(officer, "Close and tell them");
  await see(officer, "officer-closed");
  await resident.goto(trail);
  await resident.check("#score-4");
  await Promise.all([resident.waitForNavigation(), resident.click("#rate")]);
  await holds(resident, "We have written down what you think", "resident: rated");
  await see(resident, "trail-rated");

  // The councillor: their cases, their ward, what is late, the report, a table; and no page of the desk.
  const member = councillor.person;
  for (const [address, name] of [["/my", "my"], ["/my?show=closed", "my-closed"], ["/ward?ward=Station", "ward"], ["/overdue", "overdue"], ["/reports", "reports"], ["/account", "account"], ["/more", "more"]]) {
    await member.goto(base + address);
    await see(member, `councillor-${name}`);
  }
  await member.goto(`${base}/my?show=closed`);
  await holds(member, reference, "councillor: their case is on their list");
  const table = await member.request.get(`${base}/my.csv?show=closed`);
  if (!(await table.text()).includes(reference)) throw new Error("the councillor's table has no row of the case");
  const refused = await member.goto(`${base}/cases/${reference}`);
  if (refused.status() !== 403) throw new Error(`the desk's page of a case is ${refused.status()} for a councillor`);
  await see(member, "councillor-refused");
  done.push("councillor: the desk's page is closed to them");

  // The administrator sees who did what, and closes the gatekeeper's account, who is nobody from then on.
  await administrator.goto(`${base}/admin/audit`);
  await holds(administrator, gatekeeper.user, "administrator: the trail has the gatekeeper");
  await see(administrator, "audit");
  await administrator.goto(`${base}/admin/people`);
  await see(administrator, "people");
  await administrator.getByRole("link", { name: `Gwen Park ${mark}` }).click();
  await press(administrator, /^Close the/);
  await desk.goto(`${base}/review`);
  if (!desk.url().includes("/sign-in")) throw new Error("a former assistant is still let in");
  done.push("gatekeeper: after the account is closed the next page asks for signing in");
  for (const context of browser.contexts()) await context.close();
  return { mark, reference, pages, done };
}

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--disable-gpu"] });
  try {
    const days = [];
    for (const run of runs) days.push(await day(browser, run));
    process.stdout.write(JSON.stringify(days));
  } finally {
    await browser.close();
  }
})().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
