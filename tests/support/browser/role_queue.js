// A gatekeeper in the review queue: each message is decided in another way. With scripts each decision is keys; without, it is what there is
// to click.
"use strict";
const { opened, press, unfold } = require("./role.js");

async function queue(one, { name, streets }, { cases }) {
  const { base, mark, scripts, see, holds, fail, mail, done } = one;
  const administrator = await one.administrator();
  const { person: desk } = await one.hire(administrator, "Gwen Park", "gatekeeper", "");
  const of = (title) => cases[`${title} ${name}`] || (() => { throw new Error(`no case ${title} ${name}`); })();
  const open = (reference) => opened(one, desk, reference);
  const leads = (act) => Promise.all([desk.waitForNavigation(), act()]);
  const part = (field) => desk.locator(`[data-part=${field}]`);

  // Chooses something of a part: its key, then that of the choice.
  const choose = async (key, pick) => {
    if (scripts) {
      await desk.keyboard.press(key);
      await leads(() => desk.keyboard.press(pick));
      return;
    }
    await unfold(desk, `details[data-group=${key}]`);
    await leads(() => desk.locator(`[data-group=${key}] button[data-pick="${pick}"]`).click());
  };
  // Writes what is asked for after a key, and sends it.
  const write = async (key, field, words, button, zero) => {
    if (scripts) {
      await desk.keyboard.press(key);
      if (zero) await desk.keyboard.press("0");
      await desk.keyboard.type(words);
      if (field !== "#question") return leads(() => desk.keyboard.press("Enter"));
      // In a field of several lines, Enter is a line: the button is the next one.
      await desk.keyboard.press("Tab");
      return leads(() => desk.keyboard.press("Enter"));
    }
    await unfold(desk, `details[data-group=${key}]`);
    await desk.fill(field, words);
    return leads(() => desk.locator(`[data-group=${key}] form`).filter({ has: desk.locator(field) }).getByRole("button", { name: button }).click());
  };
  // One key, or the button that has it.
  const decide = (key) => leads(() => (scripts ? desk.keyboard.press(key) : desk.click(`[data-key="${key}"]`)));
  // What stands in the banner of what was decided last.
  const last = async (reference, words, step) => {
    const banner = await desk.innerText(".review-last");
    if (!banner.includes(words) || !banner.includes(reference)) await fail(desk, `${step}: "${words}" of ${reference} is not in the banner, but "${banner}"`);
    done.push(step);
  };
  const takenBack = async (reference, step) => {
    if (!desk.url().includes(`/review/${reference}`)) await fail(desk, `${step}: the message is not before them again`);
    await holds(desk, "Taken back", step);
  };

  // One part of what is suggested after the other, each by two keys.
  const changed = of("Road and lamp");
  await open(changed);
  await see(desk, "suggested");
  if (scripts) {
    await desk.keyboard.press("?");
    await desk.waitForSelector("#keys[open] table");
    await holds(desk, "What each key does", "the help says what each key does");
    await see(desk, "help");
    await desk.keyboard.press("Escape");
  } else if (await desk.isVisible("#keys")) {
    await fail(desk, "keys are offered that need a script");
  }
  for (const [key, field] of [["s", "service"], ["p", "priority"], ["d", "department"]]) {
    const free = desk.locator(`[data-group=${key}] button[data-pick]:not([disabled])`).first();
    const [pick, value] = [await free.getAttribute("data-pick"), await free.getAttribute("value")];
    await choose(key, pick);
    if (await part(field).getAttribute("data-value") !== value) await fail(desk, `the ${field} is not ${value}`);
    await last(changed, "Changed", `${key}, ${pick}: the ${field} is changed`);
  }
  await see(desk, "changed");
  const before = await part("place").innerText();
  const nowhere = desk.locator("[data-group=w] button[data-pick]").last();
  await choose("w", await nowhere.getAttribute("data-pick"));
  if (!(await part("place").innerText()).startsWith("Not known")) await fail(desk, "the place is not taken away");
  done.push("w: the place is taken away");
  await decide("u");
  await takenBack(changed, "u: the place is back");
  if (await part("place").innerText() !== before) await fail(desk, `the place was ${before}`);
  await write("w", "#other-place", streets[3], "Change", true);
  if (!(await part("place").innerText()).includes(streets[3])) await fail(desk, `the place is not ${streets[3]}`);
  done.push("w, 0: another place is written");
  await see(desk, "place");
  const department = await part("department").locator("strong").innerText();
  await decide("a");
  await last(changed, "Accepted", "a: accepted as changed");

  // A message with several requests: split, and another one found in it.
  const several = of("Bin and pothole");
  await open(several);
  await see(desk, "several");
  await decide("t");
  if (!desk.url().endsWith(`/cases/${several}#several`)) await fail(desk, "t does not lead to the requests");
  await see(desk, "requests");
  await press(desk, /^Make request \d a case of its own/);
  await holds(desk, "Split. The new case waits for review", "t: split into two cases");
  await see(desk, "split");
  // One that beadle did not see: on the message that holds one request.
  const lamp = of("Lamp by the station");
  await open(lamp);
  // The page goes to a place on another page: where that is folded, it is opened there.
  await decide("t");
  if (!desk.url().endsWith(`/cases/${lamp}#another`)) await fail(desk, "t does not lead to where another request is noted");
  await unfold(desk, "#another");
  await see(desk, "another");
  await desk.fill("#another-words", "It has been dark all week.");
  await press(desk, "Note as a request of its own");
  await holds(desk, "Noted: the message holds another request", "t: another request is noted");
  await see(desk, "another-noted");
  await press(desk, /^Make request \d a case of its own/);
  await holds(desk, "Split. The new case waits for review", "another request is a case of its own");

  // Spam, taken back once.
  const spam = of("Cheap loans");
  await open(spam);
  await decide("x");
  await last(spam, "Closed as spam", "x: spam");
  await decide("u");
  await takenBack(spam, "u: no spam");
  await decide("x");
  await last(spam, "Closed as spam", "x: spam again");

  await open(lamp);
  await write("h", "#why", `Ask the depot first, ${mark}`, "Put on hold");
  await last(lamp, "Put on hold", "h: on hold");
  await desk.goto(`${base}/cases/${lamp}`);
  await holds(desk, `Ask the depot first, ${mark}`, "the page of the case says why it is on hold");
  await see(desk, "held");
  await open(lamp);
  await see(desk, "review-held");

  const asked = of("Something on the wall");
  await open(asked);
  await write("q", "#question", `Which shop is it, please? ${mark}`, "Ask");
  await last(asked, "The resident is asked", "q: the resident is asked");

  const secret = of("Only for you");
  await open(secret);
  await decide("c");
  await last(secret, "Given to the councillor only", "c: councillor only");
  await desk.goto(`${base}/cases/${secret}`);
  if ((await desk.innerText("body")).includes("The hedge of my neighbour")) await fail(desk, "what is for the councillor only is read at the desk");
  await see(desk, "private");
  await open(secret);
  await see(desk, "review-private");

  // Two people about one thing: joined, taken back, joined.
  const [first, second] = [of("Mattress dumped"), of("Mattress again")];
  const join = async () => {
    const button = desk.getByRole("button", { name: `Join with ${first}` });
    const pick = await button.getAttribute("data-pick");
    if (!scripts) return leads(() => button.click());
    await desk.keyboard.press("j");
    return leads(() => desk.keyboard.press(pick));
  };
  await open(second);
  await see(desk, "similar");
  await join();
  await last(second, "Joined", "j: joined");
  await decide("u");
  await takenBack(second, "u: not joined");
  await join();
  await desk.goto(`${base}/cases/${second}`);
  await holds(desk, "Joined to another case", "the page of the case says what it is joined to");
  await holds(desk, first, "and names the other");
  await see(desk, "joined");

  // What left: the department has the case as it was changed, the resident the question.
  const sent = await mail(changed, "/officer/");
  if (!sent.includes(streets[3])) throw new Error(`${mark}: the department was not told of ${streets[3]}: ${sent}`);
  done.push("the department has the place as it was written");
  await mail(`Which shop is it, please? ${mark}`);
  done.push("the resident has the question");

  // On the page of the case: chased, and closed with words for the resident.
  await desk.goto(`${base}/cases/${changed}`);
  await see(desk, "sent");
  await press(desk, `Ask ${department}`);
  await holds(desk, "The department is asked when it will be done", "chased");
  await see(desk, "chased");
  await desk.check("#ended-otherwise");
  await desk.fill("#ended-words", `The road is rebuilt next year, ${mark}.`);
  await press(desk, "See what they get");
  await holds(desk, "Nothing has been sent, and the case is as it was", "shown before it is closed");
  await see(desk, "before-closing");
  await press(desk, "Close and tell them");
  await holds(desk, "Closed. Everybody who reported it is told", "closed with words");
  await see(desk, "closed");
  await mail(`The road is rebuilt next year, ${mark}.`);
  done.push("the resident has the words of the end");

  // What is left is passed over, until nothing waits.
  await desk.goto(`${base}/review`);
  if (await desk.$("[data-key=n]")) {
    await decide("n");
    done.push("n: skipped");
  }
  await see(desk, "skipped");
  return one.end();
}

module.exports = { queue };
