// Works with passkeys in a real browser, whose own virtual authenticator keeps them (Chromium's WebAuthn domain), on a desk and on a
// telephone, and with the eyes of axe-core. Says what it saw as JSON on standard output; what that means is for the tests to judge.
//
// usage: node passkey.js BASE PASSWORD OTHER     OTHER is somebody else with the same password
// settings (environment): as form.js
"use strict";
const { chromium } = require("playwright-core");
const { look, executablePath } = require("./look.js");

const [base, password, other] = process.argv.slice(2);

// A page with a device before it that keeps passkeys.
async function begin(browser, width) {
  const page = await (await browser.newContext({ viewport: { width, height: 800 } })).newPage();
  page.setDefaultTimeout(10000);
  const device = await page.context().newCDPSession(page);
  await device.send("WebAuthn.enable");
  const options = {
    protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await device.send("WebAuthn.addVirtualAuthenticator", { options });
  return { page, tell: (what, more) => device.send(`WebAuthn.${what}`, { authenticatorId, ...more }) };
}

async function withPassword(page, name) {
  await page.goto(`${base}/sign-in?next=/account`);
  await page.fill("#user-name", name);
  await page.fill("#password", password);
  await page.press("#password", "Enter");
}

async function signOut(page) {
  await page.click("text=Sign out");
  await page.waitForURL(`${base}/sign-in`);
}

async function add(page, called) {
  await page.fill("#called", called);
  await page.fill("#passkey", password);
  await page.click("#add-passkey");
}

// The answer to the sign-in's question, which is not sent.
async function hold(page) {
  let held = null;
  await page.route("**/sign-in/passkey/done", async (route) => {
    held = { body: route.request().postData(), cookie: (await route.request().allHeaders()).cookie };
    await route.abort();
  });
  // Each as from a browser of its own: one browser has one question at a time.
  await page.context().clearCookies();
  await page.goto(`${base}/sign-in?next=/account`);
  const sent = page.waitForEvent("requestfailed");
  await page.click("#with-passkey");
  await sent;
  await page.unroute("**/sign-in/passkey/done");
  return held;
}

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--disable-gpu"] });
  let before = null;
  const seen = { pages: [], came: [], refused: [], held: [] };
  const came = async (page) => {
    await page.waitForURL(`${base}/account*`);
    seen.came.push(await page.textContent("tr:has-text('This one') td:nth-child(2)"));
  };
  const refused = async (page) => {
    await page.waitForSelector(".govuk-error-summary");
    seen.refused.push(await page.textContent(".govuk-error-summary li"));
  };
  try {
    const plain = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
    await plain.goto(`${base}/sign-in`);
    seen.offeredWithoutScripts = await plain.isVisible("#with-passkey");
    for (const width of [1280, 360]) {
      const { page, tell } = await begin(browser, width);
      before = page;
      const looked = (name) => look(page, `passkey-${name}-${width}`, seen.pages);
      await withPassword(page, "administrator");
      await came(page);
      await looked("account");
      // A finger that is not known makes none; the same page tries again.
      await tell("setUserVerified", { isUserVerified: false });
      await add(page, "Work laptop");
      await page.waitForSelector("#passkey-go button");
      await looked("create");
      await tell("setUserVerified", { isUserVerified: true });
      await page.click("#passkey-go button");
      await page.waitForURL(`${base}/account?done=passkey-added`);
      await looked("account-with-one");

      await signOut(page);
      await page.goto(`${base}/sign-in?next=/account`);
      await page.waitForSelector("#with-passkey");
      await looked("sign-in");
      await tell("setUserVerified", { isUserVerified: false });
      await page.click("#with-passkey");
      await page.waitForSelector("#passkey-go button");
      await looked("use");
      await tell("setUserVerified", { isUserVerified: true });
      await page.click("#passkey-go button");
      await came(page);

      await signOut(page);
      await withPassword(page, "administrator");
      await came(page);
      await page.click("summary");
      await page.check("#which");
      await page.fill("#away", password);
      await looked("take-away");
      await page.click("text=Take it away");
      await page.waitForURL(`${base}/account?done=passkey-gone`);
      await signOut(page);
      await page.click("#with-passkey");
      await refused(page);
      await looked("refused");
      await tell("clearCredentials");
      if (width === 1280) {
        await page.context().close();
        continue;
      }

      await withPassword(page, "administrator");
      await came(page);
      await add(page, "Telephone");
      await page.waitForURL(`${base}/account?done=passkey-added`);
      const own = (await tell("getCredentials")).credentials.map((one) => one.credentialId);
      await signOut(page);
      seen.held.push(await hold(page), await hold(page));
      // Somebody else's own passkey is lost; their password and this one are not enough.
      await withPassword(page, other);
      await came(page);
      await add(page, "Key ring");
      await page.waitForURL(`${base}/account?done=passkey-added`);
      await signOut(page);
      for (const one of (await tell("getCredentials")).credentials) {
        if (!own.includes(one.credentialId)) await tell("removeCredential", { credentialId: one.credentialId });
      }
      await withPassword(page, other);
      await refused(page);
    }
    process.stdout.write(JSON.stringify(seen));
  } catch (error) {
    // What stood before them when it went wrong.
    const text = before && (await before.textContent("main"));
    throw new Error(`${error.message}\nat ${before && before.url()}: ${text}`, { cause: error });
  } finally {
    await browser.close();
  }
})().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
