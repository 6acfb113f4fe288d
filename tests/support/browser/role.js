// What the stories of each role have in common: the mail that has left, accounts that are made, and how a page is used as a person does,
// with scripts and without.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { look } = require("./look.js");

// Quoted-printable, as far as a mail of ours needs it.
const plain = (mail) => mail.replace(/=\r?\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

const link = (text, start) => text.match(new RegExp(`${start}[^\\s>]+`))[0];

async function press(page, name) {
  const button = page.locator("main").getByRole("button", { name }).first();
  await Promise.all([page.waitForNavigation(), button.click()]);
}

// Opens what is folded, as a person does who wants to use it.
async function unfold(page, selector) {
  const folded = page.locator(selector).first();
  if (!(await folded.evaluate((e) => e.open))) await folded.locator("summary").first().click();
}

// The page of a message in the review. Whoever decides is shown the next message and has it for a while: it may be the one that somebody
// else means to look at, who takes it over.
async function opened({ base, see, holds, pages }, desk, reference) {
  await desk.goto(`${base}/review/${reference}`);
  if (!(await desk.getByRole("button", { name: "Take it over" }).isVisible())) return;
  if (!pages.some((page) => page.name.includes("-taken-"))) await see(desk, "taken");
  await press(desk, "Take it over");
  await holds(desk, "You have this message now", "taken over from somebody else");
}

// One run of a story: what it does, and what it saw.
function begin(browser, { base, outgoing, password }, { width, scripts }, story) {
  const options = { viewport: { width, height: 800 }, javaScriptEnabled: scripts };
  const pages = [];
  const done = [];
  const mark = `${width}${scripts ? "" : "-without-scripts"}`;
  const contexts = [];
  const newcomer = async () => {
    const context = await browser.newContext(options);
    contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(60000);
    return page;
  };
  const see = (page, name) => look(page, `${story}-${name}-${mark}`, pages, scripts);
  const fail = async (page, why) => {
    throw new Error(`${mark}: ${why} on ${page.url()}:\n${await page.innerText("main")}`);
  };
  const holds = async (page, text, what) => {
    if (!(await page.innerText("body")).includes(text)) await fail(page, `${what}: "${text}" is not`);
    done.push(what);
  };
  // The first mail that has these words; it may still be on its way.
  const mail = async (...words) => {
    for (let tries = 0; tries < 600; tries += 1) {
      const files = !fs.existsSync(outgoing) ? [] : fs.readdirSync(outgoing, { recursive: true }).filter((file) => file.endsWith(".eml"));
      const texts = files.map((file) => plain(fs.readFileSync(path.join(outgoing, file), "latin1")));
      const found = texts.find((text) => words.every((word) => text.includes(word)));
      if (found) return found;
      await new Promise((next) => setTimeout(next, 100));
    }
    throw new Error(`${mark}: no mail with ${words.join(", ")}`);
  };
  const signIn = async (page, name, secret) => {
    await page.goto(`${base}/sign-in`);
    await page.fill("#user-name", name);
    await page.fill("#password", secret);
    await page.click("main button[type=submit]");
    await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  };
  const administrator = async () => {
    const page = await newcomer();
    await signIn(page, "administrator", password);
    return page;
  };
  // An account that an administrator makes, and somebody who chooses a password by its link; with `looks` every page of it is looked at.
  const hire = async (by, name, role, councillor, looks = false) => {
    const user = `${role}.${mark}`;
    const secret = `tram seven otter ${mark}`;
    await by.goto(`${base}/admin/people`);
    await by.fill("#name", `${name} ${mark}`);
    await by.fill("#user_name", user);
    await by.selectOption("#role", role);
    await by.selectOption("#councillor", councillor);
    await press(by, "Add and make a link");
    if (looks) await see(by, `person-${role}`);
    const invitation = (await by.innerText("#link")).trim();
    const person = await newcomer();
    await person.goto(new URL(new URL(invitation, base).pathname, base).href);
    const choose = async (words) => {
      await person.fill("#new", words);
      await person.fill("#again", words);
      await press(person, "Set password");
    };
    if (looks) {
      await see(person, `invitation-${role}`);
      await choose("short");
      await holds(person, "There is a problem", `${role}: a password that is too short is refused`);
      await see(person, `invitation-refused-${role}`);
    }
    await choose(secret);
    if (person.url().includes("/sign-in") || !(await person.$("form.out"))) await signIn(person, user, secret);
    done.push(`${role} is signed in`);
    return { person, user, secret, called: `${name} ${mark}` };
  };
  const end = async () => {
    for (const context of contexts) await context.close();
    return { mark, pages, done };
  };
  return { base, mark, scripts, pages, done, newcomer, see, fail, holds, mail, signIn, administrator, hire, end };
}

module.exports = { begin, link, opened, press, unfold };
