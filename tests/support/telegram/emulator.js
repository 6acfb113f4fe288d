// A Telegram for the tests: telegram-test-api on a free port of this machine. Prints the port when it is ready, and ends
// when its standard input does.
'use strict';

const net = require('node:net');

let TelegramServer;
try {
  TelegramServer = require('telegram-test-api');
} catch (error) {
  console.error(`the Telegram emulator is not installed: run scripts/setup.sh test (${error.code})`);
  process.exit(1);
}

const probe = net.createServer();
probe.listen(0, '127.0.0.1', () => {
  const { port } = probe.address();
  probe.close(async () => {
    await new TelegramServer({ host: '127.0.0.1', port, storeTimeout: 600 }).start();
    console.log(port);
  });
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
