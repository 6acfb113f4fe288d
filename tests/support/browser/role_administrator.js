// An administrator: rules with what a change would have done, services and departments, people and their roles, what came in and went out,
// who did what. And what everybody has: an account with a second question and a passkey.
"use strict";
const { createHmac } = require("node:crypto");
const { press, unfold } = require("./role.js");

// The six digits of a step of half a minute (RFC 6238).
function digits(secret, step) {
  const bits = [...secret.replace(/[^A-Z2-7]/g, "")].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const at = Buffer.alloc(8);
  at.writeBigUInt64BE(BigInt(step));
  const hash = createHmac("sha1", key).update(at).digest();
  const start = hash[19] & 15;
  return String((hash.readUInt32BE(start) & 0x7fffffff) % 1000000).padStart(6, "0");
}

const now = () => Math.floor(Date.now() / 30000);

async function rules(one, page, number, reference) {
  const { base, see, holds, fail, done } = one;
  await page.goto(`${base}/admin/rules`);
  await see(page, "rules");
  await page.getByRole("link", { name: "services.toml" }).first().click();
  await page.waitForURL("**/admin/rules/services");
  await see(page, "rule");
  const before = await page.inputValue("#text");
  await page.fill("#text", `${before}\n[[service]\n`);
  await press(page, "Preview the change");
  await holds(page, "There is a problem", "rules: what is no rule is refused");
  await see(page, "rule-wrong");
  const moved = before.replace(/(id = "potholes_and_road_surface"[^[]*?department = )"\w+"/, "$1\"parks\"");
  if (moved === before) await fail(page, "the rules have no such service");
  await page.fill("#text", moved);
  await press(page, "Preview the change");
  await holds(page, "1 of the 4 messages of the last 31 days would have come out otherwise", "rules: what it would have changed");
  await holds(page, "Parks and green spaces", "rules: where the message would have gone");
  await holds(page, reference, "rules: which message it is");
  await see(page, "rule-preview");
  await press(page, "Save and put in force");
  await holds(page, "Saved and in force", "rules: saved");
  await see(page, "rule-saved");
  if ((await page.inputValue("#text")).trim() !== moved.trim()) await fail(page, "the file is not as it was saved");
  await press(page, /^Go back to it/);
  await holds(page, "What this would have changed", "rules: going back is previewed");
  await see(page, "rule-back");
  await press(page, "Save and put in force");
  await holds(page, "Saved and in force", "rules: gone back");
  if ((await page.inputValue("#text")).trim() !== before.trim()) await fail(page, "the file is not as it was before");
  done.push("rules: the file is as it was");

  // A service and a department: a field each.
  await page.goto(`${base}/admin/services`);
  await see(page, "services");
  await page.goto(`${base}/admin/services/fly_tipping`);
  await page.fill("#working_days", String(11 + number));
  await see(page, "service");
  await press(page, "Preview the change");
  await see(page, "service-preview");
  await press(page, "Save and put in force");
  await page.goto(`${base}/admin/services/fly_tipping`);
  if (await page.inputValue("#working_days") !== String(11 + number)) await fail(page, "the working days are not saved");
  done.push("services: other working days");
  await page.fill("#working_days", "soon");
  await press(page, "Preview the change");
  await holds(page, "There is a problem", "services: days that are no number are refused");
  await see(page, "service-wrong");
  await page.goto(`${base}/admin/departments`);
  await see(page, "departments");
  await page.goto(`${base}/admin/departments/highways`);
  await page.fill("#contact", `Road works, room ${number}`);
  await see(page, "department");
  await press(page, "Preview the change");
  await see(page, "department-preview");
  await press(page, "Save and put in force");
  await page.goto(`${base}/admin/departments/highways`);
  if (await page.inputValue("#contact") !== `Road works, room ${number}`) await fail(page, "the contact is not saved");
  done.push("departments: another contact");
}

async function people(one, page, gatekeeper) {
  const { base, see, holds, fail, done } = one;
  await page.goto(`${base}/admin/people`);
  await page.fill("#name", "");
  await press(page, "Add and make a link");
  await holds(page, "There is a problem", "people: somebody without a name is refused");
  await see(page, "people-wrong");
  await page.goto(`${base}/admin/people`);
  await see(page, "people");
  await page.getByRole("link", { name: gatekeeper.called }).click();
  await page.waitForURL("**/admin/people/*");
  const their = page.url();
  await see(page, "person");
  await page.selectOption("#role", "councillor");
  await page.selectOption("#councillor", "nowak");
  await page.fill("#until", "2020-01-01");
  await press(page, "Give the role");
  await holds(page, "There is a problem", "people: a last day that is past is refused");
  await see(page, "person-wrong");
  await page.selectOption("#role", "councillor");
  await page.selectOption("#councillor", "nowak");
  await page.fill("#until", "2099-12-31");
  await press(page, "Give the role");
  await holds(page, "The role is given", "people: a role is lent");
  await see(page, "person-roles");
  const take = page.getByRole("row", { name: /^Councillor/ }).getByRole("button");
  await Promise.all([page.waitForNavigation(), take.click()]);
  await holds(page, "The role is taken away", "people: a role is taken away");
  // A lost password: the old one is good for nothing from then on.
  await page.goto(their);
  await press(page, "Make a link");
  await holds(page, "Give them this link", "people: a new link");
  await see(page, "person-link");
  await gatekeeper.person.goto(`${base}/review`);
  if (!gatekeeper.person.url().includes("/sign-in")) await fail(gatekeeper.person, "who has to choose a new password is still let in");
  done.push("people: they are signed out by it");
  await page.goto(their);
  await press(page, /^Close the/);
  await holds(page, "The account is closed", "people: an account is closed");
  await see(page, "person-closed");
}

// Whose turn it is to leave: the runs come one after the other, and each hands back what the one before handed over.
async function handOver(one, page, number) {
  const { base, see, holds, done } = one;
  const both = [["nowak", "Cllr Marek Nowak"], ["price", "Cllr Dana Price"]];
  const [[from, fromName], [to, toName]] = number % 2 === 0 ? both : [both[1], both[0]];
  await page.goto(`${base}/admin/hand-over`);
  await see(page, "hand-over");
  await page.selectOption("#from", from);
  await page.selectOption("#to", from);
  await press(page, "Hand over");
  await holds(page, "these cases are theirs already", "hand-over: not to themselves");
  await see(page, "hand-over-wrong");
  await page.selectOption("#from", from);
  await page.selectOption("#to", to);
  await press(page, "Hand over");
  await holds(page, "Whoever got cases is told by mail", "hand-over: open cases have another councillor");
  await see(page, "hand-over-done");
  const whose = await page.innerText("main table");
  if (!whose.includes(toName) || whose.includes(fromName)) await one.fail(page, "not all have another councillor");
  done.push("hand-over: the table says whose they are now");
}

async function account(one, { person, user, secret }) {
  const { base, scripts, see, holds, fail, done } = one;
  await person.goto(`${base}/account`);
  await see(person, "account");
  await person.fill("#called", "Work laptop");
  await person.fill("#passkey", "not the password");
  await press(person, "Add a passkey");
  await holds(person, "There is a problem", "account: no passkey without the password");
  await see(person, "account-passkey-wrong");
  if (scripts) {
    // A device that keeps passkeys, and does not know the finger before it.
    const device = await person.context().newCDPSession(person);
    await device.send("WebAuthn.enable");
    await device.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: false, automaticPresenceSimulation: true } });
  }
  await person.fill("#called", "Work laptop");
  await person.fill("#passkey", secret);
  await press(person, "Add a passkey");
  // What the page says then, and what it says without scripts.
  if (scripts) await person.waitForSelector("#passkey-go button");
  await holds(person, scripts ? "Try again" : "Passkeys need scripts", "account: the page where a passkey is made");
  await see(person, "passkey");
  await person.getByRole("link", { name: "Go back" }).click();
  await person.waitForURL("**/account");

  const key = (await person.innerText("code.key")).trim();
  await person.fill("#code", "12 34");
  await person.fill("#password", secret);
  await press(person, "Use it from now on");
  await holds(person, "There is a problem", "account: a wrong code turns nothing on");
  await see(person, "account-factor-wrong");
  // What is shown may be another key by now.
  const again = (await person.innerText("code.key")).trim();
  if (again !== key) done.push("account: another key is shown");
  const first = now();
  await person.fill("#code", digits(again, first));
  await person.fill("#password", secret);
  await press(person, "Use it from now on");
  await holds(person, "The second factor is in use", "account: a second factor");
  await see(person, "account-factor");

  await Promise.all([person.waitForNavigation(), person.getByRole("button", { name: "Sign out" }).first().click()]);
  await person.goto(`${base}/sign-in`);
  await person.fill("#user-name", user);
  await person.fill("#password", secret);
  await press(person, /^Sign in/);
  await holds(person, "Enter your code", "sign-in: the second question");
  await see(person, "code");
  await person.fill("#code", "000000");
  await press(person, "Sign in");
  await holds(person, "There is a problem", "sign-in: a wrong code lets nobody in");
  await see(person, "code-wrong");
  // A code is good once, so it is a later one than the one that turned it on.
  await person.fill("#code", digits(again, Math.max(now(), first + 1)));
  await press(person, "Sign in");
  if (person.url().includes("/sign-in")) await fail(person, "the right code does not let them in");
  done.push("sign-in: password and code");
  await person.goto(`${base}/account`);
  await person.fill("#off", secret);
  await press(person, "Stop using it");
  await holds(person, "The second factor is not in use any more", "account: no second factor any more");
}

async function administrator(one, { number, subject }, { cases, runs }) {
  const { base, see, holds } = one;
  const page = await one.administrator();
  const gatekeeper = await one.hire(page, "Gwen Park", "gatekeeper", "");
  await account(one, gatekeeper);
  await rules(one, page, number, cases[runs[0].subject]);
  await handOver(one, page, number);
  await people(one, page, gatekeeper);
  for (const [address, name, words] of [
    ["/admin/channels", "channels", "post"], ["/admin/models", "models", "teaches beadle"], ["/admin/access", "access", "Who may"],
    ["/admin/audit", "audit", gatekeeper.user], ["/more", "more", "Rules"],
    ["/admin/set-up", "set-up", "Set up"], ["/admin/set-up/council", "set-up-council", "ouncil"],
    ["/admin/set-up/mailboxes", "set-up-mailboxes", "ailbox"], ["/admin/set-up/services", "set-up-services", "ervice"],
    ["/admin/set-up/wards", "set-up-wards", "ard"], ["/admin/set-up/people", "set-up-people", "eople"], ["/admin/set-up/sample", "set-up-sample", "ample"],
  ]) {
    await page.goto(base + address);
    await holds(page, words, `administrator: ${address}`);
    await see(page, name);
  }
  return one.end();
}

module.exports = { administrator };
