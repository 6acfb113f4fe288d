// Signs on in a real browser through the provider's own pages, on a desk and on a telephone, with scripts and without, and with the
// eyes of axe-core on our pages. Says what it saw as JSON on standard output; what that means is for the tests to judge.
//
// usage: node sign_on.js BASE PASSWORD     the provider lets anybody be whom they say they are
// settings (environment): as form.js
"use strict";
const { chromium } = require("playwright-core");
const { look, executablePath } = require("./look.js");

const [base, password] = process.argv.slice(2);

// From our sign-in page to wherever the provider sends them.
async function signOn(page, name) {
  await page.click("#sign-on");
  await page.fill("input[name=login]", name);
  await page.fill("input[name=password]", "x");
  await page.click("button[type=submit]");
  // Who comes for the first time in this browser is asked whether we may know.
  await page.click("button[type=submit]");
  await page.waitForURL((url) => url.href.startsWith(base));
}

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--disable-gpu"] });
  const [pages, came, strangers, forgotten] = [[], [], [], []];
  try {
    for (const [width, javaScriptEnabled] of [[1280, true], [360, true], [1280, false], [360, false]]) {
      const options = { viewport: { width, height: 800 }, javaScriptEnabled };
      const page = await (await browser.newContext(options)).newPage();
      // axe-core is a script itself: where those are switched off, it cannot look.
      const looked = (name) => (javaScriptEnabled ? look(page, `sign-on-${name}-${width}`, pages) : null);
      await page.goto(`${base}/sign-in?next=/account`);
      await looked("sign-in");
      await signOn(page, "ann");
      came.push(new URL(page.url()).pathname);
      await looked("account");
      await page.context().close();
      if (!javaScriptEnabled) continue;
      const stranger = await (await browser.newContext(options)).newPage();
      await stranger.goto(`${base}/sign-in`);
      await signOn(stranger, "mallory");
      strangers.push(await stranger.textContent("h1"));
      await look(stranger, `sign-on-stranger-${width}`, pages);
      await stranger.context().close();
      const administrator = await (await browser.newContext(options)).newPage();
      await administrator.goto(`${base}/sign-in?next=/admin/people`);
      await administrator.fill("#password", password);
      await administrator.click("main button[type=submit]");
      await administrator.waitForURL(`${base}/admin/people`);
      await look(administrator, `sign-on-people-${width}`, pages);
      await administrator.click("text=a.lane");
      await administrator.waitForURL(`${base}/admin/people/*`);
      await look(administrator, `sign-on-person-${width}`, pages);
      await Promise.all([administrator.waitForNavigation(), administrator.click("text=Forget who signed on")]);
      forgotten.push((await administrator.innerText("main")).includes("May sign on as ann, and has not yet"));
      await look(administrator, `sign-on-forgotten-${width}`, pages);
      await administrator.context().close();
    }
    process.stdout.write(JSON.stringify({ pages, came, strangers, forgotten }));
  } finally {
    await browser.close();
  }
})().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
