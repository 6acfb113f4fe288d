// A Telegram for the tests: telegram-test-api on a free port of this machine. Prints the port when it is ready, and ends
// when its standard input does.
//
// telegram-test-api gives each update once, whatever it is asked, and answers at once where there is none. Before it stands
// what Telegram does: an update comes again until a higher offset confirms it, and a request may wait for the first one.
// Tests can stop requests for updates on their way (POST /test/stop, /test/go) and see how many wait, how many updates were
// given, and how many nobody has confirmed (POST /test/state).
'use strict';

const net = require('node:net');

let TelegramServer;
let express;
try {
  TelegramServer = require('telegram-test-api');
  express = require('express');
} catch (error) {
  console.error(`the Telegram emulator is not installed: run scripts/setup.sh test (${error.code})`);
  process.exit(1);
}

function asTelegramDoes(server) {
  const app = express();
  let given = 0;
  let waiting = 0;
  let stopped = false;
  const unconfirmed = (token) => server.storage.userMessages.filter((update) => update.botToken === token);
  const wait = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

  app.use(express.json());
  app.post('/test/stop', (_request, response) => { stopped = true; response.json({}); });
  app.post('/test/go', (_request, response) => { stopped = false; response.json({}); });
  app.post('/test/state', (_request, response) => {
    response.json({ given, waiting, unconfirmed: server.storage.userMessages.length });
  });
  app.post('/bot:token/getUpdates', async (request, response, next) => {
    const { token } = request.params;
    let gone = false;
    response.once('close', () => { gone = true; });
    while (stopped && !gone) await wait(20);
    if (gone) return;
    const { offset = 0, timeout = 0 } = request.body;
    server.storage.userMessages = server.storage.userMessages
      .filter((update) => update.botToken !== token || update.updateId >= offset);
    const until = Date.now() + timeout * 1000;
    waiting += 1;
    while (!gone && unconfirmed(token).length === 0 && Date.now() < until) await wait(20);
    waiting -= 1;
    if (gone) return;
    for (const update of unconfirmed(token)) update.isRead = false;
    given += unconfirmed(token).length;
    next();
  });
  app.use(server.webServer);
  server.webServer = app;
  return server;
}

const probe = net.createServer();
probe.listen(0, '127.0.0.1', () => {
  const { port } = probe.address();
  probe.close(async () => {
    await asTelegramDoes(new TelegramServer({ host: '127.0.0.1', port, storeTimeout: 600 })).start();
    console.log(port);
  });
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
