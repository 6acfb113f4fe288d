// A provider of sign-ons for the tests: npm's oidc-provider, certified by the OpenID Foundation, on a free port of this machine.
// Prints the port when it is ready, and ends when its standard input does. Its own pages ask who somebody is; whatever they enter
// they are, so that tests can be anybody. An account NAME has the subject "subject-of-NAME", and calls itself NAME.
//
// usage: node provider.js REDIRECT_URI
//
// Tests can have it misbehave (POST /test/…): "other-key" signs with a key that it does not publish, "other-nonce" answers another
// question, "new-keys" takes a new key and publishes it, "well" behaves again.
'use strict';

const http = require('node:http');
const { pathToFileURL } = require('node:url');
const { generateKeyPairSync, createSign, webcrypto } = require('node:crypto');

globalThis.crypto ??= webcrypto;
// Nobody reads standard output but for the port.
console.info = console.error;
console.warn = console.error;

const key = (kid) => ({ kid, use: 'sig', alg: 'RS256', ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }) });
const body = async (stream) => { let text = ''; for await (const chunk of stream) text += chunk; return text; };

function resigned(token, jwk, change) {
  const [head, payload] = token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ ...head, kid: jwk.kid })}.${part({ ...payload, ...change })}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign({ key: jwk, format: 'jwk' }, 'base64url')}`;
}

(async () => {
  // It is a module, and modules are not looked for in NODE_PATH.
  let where;
  try {
    where = require.resolve('oidc-provider');
  } catch (error) {
    console.error(`the provider of sign-ons is not installed: run scripts/setup.sh test (${error.code})`);
    process.exit(1);
  }
  const { Provider } = await import(pathToFileURL(where));
  const redirect = process.argv[2];
  let [own, mood] = [key('first'), 'well'];
  let provider;
  const server = http.createServer(async (request, response) => {
    if (request.method === 'POST' && request.url.startsWith('/test/')) {
      mood = request.url.slice('/test/'.length);
      if (mood === 'new-keys') own = key('second');
      return response.end('{}');
    }
    // Keys that came after the start.
    if (request.url === '/jwks' && own.kid !== 'first') {
      const { kid, use, alg, kty, e, n } = own;
      response.setHeader('content-type', 'application/jwk-set+json');
      return response.end(JSON.stringify({ keys: [{ kid, use, alg, kty, e, n }] }));
    }
    if (request.url !== '/token' || mood === 'well' || request.headers['x-own']) return provider.callback()(request, response);
    // The answer is the provider's, but for its token.
    const asked = { method: 'POST', headers: { 'x-own': 'yes', 'content-type': request.headers['content-type'], authorization: request.headers.authorization } };
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/token`, { ...asked, body: await body(request) });
    const said = await answer.json();
    if (said.id_token && mood === 'other-key') said.id_token = resigned(said.id_token, { ...key('other'), kid: 'first' }, {});
    if (said.id_token && mood === 'other-nonce') said.id_token = resigned(said.id_token, own, { nonce: 'another' });
    if (said.id_token && mood === 'new-keys') said.id_token = resigned(said.id_token, own, {});
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(said));
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    provider = new Provider(`http://127.0.0.1:${port}`, {
      clients: [{ client_id: 'beadle', client_secret: 'a secret of the tests', redirect_uris: [redirect] }],
      cookies: { keys: ['of the tests'] },
      jwks: { keys: [own] },
      claims: { openid: ['sub'], profile: ['preferred_username', 'upn'], email: ['email', 'email_verified'] },
      pkce: { required: () => true },
      findAccount: (_ctx, name) => ({
        accountId: name,
        claims: () => ({ sub: `subject-of-${name}`, preferred_username: name, upn: `${name}@upn.brackenmere.example`, email: `${name}@brackenmere.example`, email_verified: true }),
      }),
    });
    console.log(port);
  });
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
})();
