// A case at the department, with the resident, and with the councillor, to its end: officers work by the link in the mail, without an
// account; the resident by their private link; the councillor is signed in and looks on.
"use strict";
const { link, press, unfold } = require("./role.js");

async function office(one, { name }, { cases }) {
  const { base, mark, newcomer, see, holds, fail, mail, done } = one;
  const of = (title) => cases[`${title} ${name}`] || (() => { throw new Error(`no case ${title} ${name}`); })();
  const [first, second, third] = [of("Pothole for two"), of("Pothole no more"), of("Pothole for long")];
  const there = (text, start) => base + new URL(link(text, start)).pathname;

  // The officer of the first department accepts, asks, needs longer, and finds that it is not theirs.
  const officer = await newcomer();
  const theirs = there(await mail(first, "/officer/"), "https?://");
  await officer.goto(theirs);
  await see(officer, "officer");
  await officer.fill("#accept-name", "J. Hay");
  await press(officer, "Accept: we deal with it");
  await holds(officer, "Accepted. The council's case desk and the councillor can see it.", "officer: accepted");
  await unfold(officer, "#ask");
  await see(officer, "officer-ask");
  await officer.check("#ask-resident");
  await officer.fill("#ask-words", `Is it deeper than a hand, ${mark}?`);
  await press(officer, "Ask");
  await holds(officer, "Your question is with the council's case desk", "officer: asked");
  await holds(officer, `Is it deeper than a hand, ${mark}?`, "officer: the question stands on the page");
  await unfold(officer, "#date");
  await officer.fill("#date-why", `The machine is being mended, ${mark}.`);
  // A day that is past is refused, and what was written is still there.
  const day = await officer.inputValue("#date-day");
  await officer.evaluate(() => document.querySelector("#date form").setAttribute("novalidate", ""));
  await officer.fill("#date-day", "2020-01-01");
  await press(officer, "Set the date and tell them");
  await holds(officer, "Nothing was done yet", "officer: a day that is past is refused");
  if (await officer.inputValue("#date-why") !== `The machine is being mended, ${mark}.`) await fail(officer, "the words are lost");
  await see(officer, "officer-refused");
  await officer.fill("#date-day", day);
  await press(officer, "Set the date and tell them");
  await holds(officer, "The new date is set", "officer: a later date");
  await see(officer, "officer-after");
  await unfold(officer, "#hand-on");
  await officer.selectOption("#hand-on-to", "parks");
  await officer.fill("#hand-on-why", `It is on the green, ${mark}.`);
  await see(officer, "officer-hand-on");
  await press(officer, "Hand it on");
  await holds(officer, "Handed on. The other department gets a mail about it.", "officer: handed on");
  await see(officer, "officer-handed-on");
  const gone = await officer.goto(theirs);
  if (gone.status() !== 410) await fail(officer, `the first department's link answers ${gone.status()}`);
  await holds(officer, "This case was handed on: Parks and green spaces has it now", "officer: the first department's link leads to the case no more");
  await see(officer, "officer-gone");

  // The other department has a link of its own, and what was said before.
  const other = await newcomer();
  await other.goto(there(await mail(first, "/officer/", "parks@brackenmere.example"), "https?://"));
  await see(other, "other");
  await press(other, "Accept: we deal with it");
  await holds(other, "Accepted", "other department: accepted");

  // The resident adds words while it is open.
  const resident = await newcomer();
  const trail = there(await mail(first, "/trail/"), "https?://[^\\s>]*/trail/");
  await resident.goto(trail);
  await see(resident, "trail");
  await resident.fill("#problem", `It is worse since the rain, ${mark}.`);
  const add = () => Promise.all([resident.waitForNavigation(), resident.click("#add")]);
  await add();
  // A browser is faster than a person: then it is asked again, with the words still there, and the way to wait is to try again.
  while ((await resident.innerText("body")).includes("That was very fast")) await add();
  await holds(resident, "We have added it to your report", "resident: added words");
  // A person at the desk reads it first.
  const administrator = await one.administrator();
  const { person: desk } = await one.hire(administrator, "Gwen Park", "gatekeeper", "");
  // It is at work on it in a moment: until then the page is asked again.
  const onward = desk.getByRole("button", { name: /^Send.* to / }).first();
  await desk.goto(`${base}/cases/${first}`);
  for (let tries = 0; tries < 300 && !(await onward.isVisible()); tries += 1) await desk.reload();
  await see(desk, "words-to-send-on");
  await Promise.all([desk.waitForNavigation(), onward.click()]);
  await holds(desk, "The resident's words are on their way to the department", "gatekeeper: sent on");
  await mail(first, `It is worse since the rain, ${mark}.`);
  done.push("the department has the resident's words");

  await other.reload();
  await unfold(other, "#close");
  await other.check("#close-done");
  await other.fill("#close-words", `Filled this morning, ${mark}.`);
  await see(other, "other-close");
  await press(other, "Close and tell them");
  await holds(other, "Closed. Everybody who reported it is told", "other department: closed");
  await see(other, "other-closed");
  await mail(`Filled this morning, ${mark}.`);
  done.push("the resident has the words of the end");
  await resident.goto(trail);
  await see(resident, "trail-closed");
  await resident.check("#score-4");
  await resident.fill("#words", `Quick, thank you, ${mark}.`);
  const rate = () => Promise.all([resident.waitForNavigation(), resident.click("#rate")]);
  await rate();
  while ((await resident.innerText("body")).includes("That was very fast")) await rate();
  await holds(resident, "We have written down what you think", "resident: rated");
  await see(resident, "trail-rated");

  // Another resident does not need it any more.
  await resident.goto(there(await mail(second, "/trail/"), "https?://[^\\s>]*/trail/"));
  const withdraw = async () => {
    await unfold(resident, "details:has(#withdraw)");
    await Promise.all([resident.waitForNavigation(), resident.click("#withdraw")]);
  };
  await unfold(resident, "details:has(#withdraw)");
  await see(resident, "trail-withdraw");
  await withdraw();
  while ((await resident.innerText("body")).includes("That was very fast")) await withdraw();
  await holds(resident, "Your report is closed", "resident: withdrawn");
  await see(resident, "trail-withdrawn");

  // The councillor: theirs, the ward, what is late, the report, one case, and the department asked.
  const { person: member } = await one.hire(administrator, "Marek Nowak", "councillor", "nowak");
  await member.goto(`${base}/my`);
  await holds(member, third, "councillor: the open case is on their list");
  await see(member, "my");
  await member.goto(`${base}/my?show=closed`);
  await holds(member, first, "councillor: the closed case is on its list");
  await see(member, "my-closed");
  for (const [address, name] of [["/ward", "wards"], ["/ward?ward=Station", "ward"], ["/overdue", "overdue"], ["/reports", "reports"], ["/more", "more"]]) {
    await member.goto(base + address);
    await see(member, name);
  }
  await member.goto(`${base}/my`);
  await member.getByRole("link", { name: new RegExp(third) }).first().click();
  await member.waitForURL(`**/my/${third}`);
  await holds(member, "What happened, and who was told", "councillor: one case");
  await see(member, "one");
  await press(member, /^Ask .* when it will be done/);
  await holds(member, "The department is asked when it will be done", "councillor: chased");
  await holds(member, "was asked today when it will be done", "councillor: and is not asked to do it again");
  await see(member, "one-chased");
  await mail(third, "highways@brackenmere.example", "when");
  done.push("the department is asked by mail");
  const table = await member.request.get(`${base}/my.csv`);
  if (!(await table.text()).includes(third)) await fail(member, "the table has no row of the case");
  done.push("councillor: the table has the case");
  return one.end();
}

module.exports = { office };
