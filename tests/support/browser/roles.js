// The stories of each role in a real browser. A day at the council, each in their role: an administrator makes accounts, a gatekeeper
// decides, an officer works by the link in the mail, the resident follows by their private link, the councillor looks on, and the account is
// closed again. What each role does besides is in role_queue.js, role_office.js and role_administrator.js. Each page is looked at. Says
// what it saw as JSON on standard output; what that means is for the tests to judge.
//
// usage: node roles.js STORY BASE GIVEN     STORY: day, queue, office or administrator
//        GIVEN: JSON {password, outgoing, cases, runs: [{number, name, width, scripts, subject, streets}]}; outgoing: where mail is written;
//        cases: references by title
// settings (environment): as looks.js
"use strict";
const { chromium } = require("playwright-core");
const { executablePath } = require("./look.js");
const { begin, link, opened, press, unfold } = require("./role.js");

const [what, base, text] = process.argv.slice(2);
const given = { base, ...JSON.parse(text) };

async function day(one, { subject }) {
  const { mark, newcomer, see, holds, mail, done } = one;

  // The administrator makes an account for a gatekeeper and one for the councillor; each chooses a password by their link.
  const administrator = await one.administrator();
  const gatekeeper = await one.hire(administrator, "Gwen Park", "gatekeeper", "", true);
  const councillor = await one.hire(administrator, "Marek Nowak", "councillor", "nowak", true);

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
  await opened(one, desk, reference);
  await see(desk, "review");
  await accept();
  await holds(desk, "Your last decision", "gatekeeper: accepted");
  await press(desk, /^Undo/);
  await holds(desk, "Taken back", "gatekeeper: taken back");
  await opened(one, desk, reference);
  await accept();
  await see(desk, "review-last");
  await desk.goto(`${base}/cases/${reference}`);
  await desk.fill("#note-words", `Rang the depot about it, ${mark}.`);
  await press(desk, "Save the note");
  await holds(desk, `Rang the depot about it, ${mark}.`, "gatekeeper: a note");
  await see(desk, "case");

  // The officer, on the link in the department's mail.
  const told = await mail(reference, "/officer/");
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
  const acknowledged = await mail(reference, "/trail/");
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
  await administrator.getByRole("link", { name: gatekeeper.called }).click();
  await press(administrator, /^Close the/);
  await desk.goto(`${base}/review`);
  if (!desk.url().includes("/sign-in")) throw new Error("a former assistant is still let in");
  done.push("gatekeeper: after the account is closed the next page asks for signing in");
  return one.end();
}

const stories = { day, ...require("./role_queue.js"), ...require("./role_office.js"), ...require("./role_administrator.js") };

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--disable-gpu"] });
  try {
    const days = [];
    // Two at a time, as most of a run is waiting; where all work on the same rules, one after the other.
    const together = what === "administrator" ? 1 : 2;
    for (let first = 0; first < given.runs.length; first += together) {
      const runs = given.runs.slice(first, first + together);
      days.push(...await Promise.all(runs.map((run) => stories[what](begin(browser, given, run, what), run, given))));
    }
    process.stdout.write(JSON.stringify(days));
  } finally {
    await browser.close();
  }
})().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
