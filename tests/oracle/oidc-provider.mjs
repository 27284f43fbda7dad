// `carnetd login` against an authorization server that we did not write: oidc-provider, in Google's place.
//
// PKCE is demanded, codes are good once, refresh tokens rotate and a reused one ends the whole grant. A scripted browser
// logs in and consents. The contacts behind the login are the sandbox's: a gateway lets through whose token is good.
//
//     cargo build && node --test tests/oracle/oidc-provider.mjs
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Child, carnetd, freePort, startSandbox } from './sandbox.mjs';

const CONTACTS = 'https://www.googleapis.com/auth/contacts';
const ALICE = 'alice@acme.example';
const client = { client_id: 'carnetd-desktop', client_secret: 'not a secret in a desktop client' };

const { default: Provider } = await import('oidc-provider').catch((missing) => {
  if (process.env.CI === 'true') throw missing;
  return { default: null };
});
const skip = Provider ? false : 'oidc-provider is missing: run .ci/install';

const folder = mkdtempSync(join(tmpdir(), 'carnetd-oidc-'));
/** What each exchange sent and got, in order. */
const exchanges = [];
/** Access tokens that the gateway refuses. */
const dead = new Set();
let sandbox;
let server;
let issuer;
let provider;

/** Where the authorization server listens, Google's paths, and behind `/google` the sandbox. */
async function serve() {
  const port = await freePort();
  issuer = `http://127.0.0.1:${port}`;
  provider = new Provider(issuer, {
    clients: [{
      ...client,
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['http://127.0.0.1/'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
    }],
    routes: { authorization: '/o/oauth2/v2/auth', token: '/token', revocation: '/revoke' },
    scopes: ['openid', 'email', CONTACTS],
    claims: { email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: id, email_verified: true }) }),
    pkce: { required: () => true },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ['a test'] },
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 86400, IdToken: 3600, Interaction: 600, RefreshToken: 86400, Session: 600 },
  });
  provider.on('grant.success', (ctx) => exchanges.push({ sent: { ...ctx.oidc.params }, got: { ...ctx.body } }));
  provider.on('grant.error', (ctx, error) => exchanges.push({ sent: { ...ctx.oidc?.params }, refused: error.error }));
  const answer = provider.callback();
  server = createServer((request, response) => (
    request.url.startsWith('/google/') ? gateway(request, response) : answer(request, response)
  ));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

/** The contacts of whoever the token was given to, and nothing without a good one. */
async function gateway(request, response) {
  const token = request.headers.authorization?.replace(/^Bearer /, '');
  const access = !dead.has(token) && await provider.AccessToken.find(token ?? '');
  if (!access || access.isExpired || !access.scope.includes(CONTACTS)) {
    response.writeHead(401, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { code: 401, status: 'UNAUTHENTICATED', message: 'no' } }));
    return;
  }
  const chunks = await request.toArray();
  const behind = await fetch(`${sandbox.url}${request.url}`, {
    method: request.method,
    headers: { authorization: `Bearer sandbox:${access.accountId}`, 'content-type': 'application/json' },
    body: chunks.length ? Buffer.concat(chunks) : undefined,
  });
  response.writeHead(behind.status, { 'content-type': 'application/json' });
  response.end(Buffer.from(await behind.arrayBuffer()));
}

/** A browser: it keeps cookies, follows redirects, and fills in the forms that it is shown, until `isEnd`. */
async function browse(start, user, isEnd) {
  const cookies = new Map();
  let [url, body] = [start, undefined];
  for (let step = 0; step < 20; step += 1) {
    const answer = await fetch(url, {
      method: body ? 'POST' : 'GET', body, redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [name, value] = cookie.split(';')[0].split(/=(.*)/s);
      if (value) cookies.set(name, value); else cookies.delete(name);
    }
    body = undefined;
    if (answer.status >= 300 && answer.status < 400) {
      url = new URL(answer.headers.get('location'), url).href;
      if (isEnd(url)) return url;
      continue;
    }
    const page = await answer.text();
    const action = /<form[^>]*action="([^"]*)"/.exec(page)?.[1];
    assert.ok(action, `${answer.status} without a form at ${url}:\n${page}`);
    const fields = [...page.matchAll(/<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"/g)];
    body = new URLSearchParams(fields.map(([, name, value]) => [name, value]));
    if (page.includes('name="login"')) {
      body.set('login', user);
      body.set('password', 'any');
    }
    url = new URL(action, url).href;
  }
  throw new Error(`the browser goes in circles at ${url}`);
}

/** Begins `carnetd login alice --no-browser` and waits for the address that it prints. */
async function beginLogin() {
  const child = spawn(carnetd, ['login', 'alice', '--no-browser', '--config', join(folder, 'carnetd.toml')]);
  let [out, err] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text) => { err += text; });
  const ended = once(child, 'close').then(([code]) => code);
  const line = new Promise((found, never) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
      if (out.includes('\n')) found(out.trim());
    });
    ended.then((code) => never(new Error(`carnetd login ended with ${code}:\n${out}${err}`)));
  });
  return { url: await line, ended, said: () => ({ out, err }) };
}

/** Runs carnetd to its end; the exit code and what it said. */
async function run(...args) {
  const child = new Child(carnetd, [...args, '--config', join(folder, 'carnetd.toml')]);
  return { code: await child.exit(), said: child.output };
}

const isLoopback = (redirect) => (url) => url.startsWith(redirect);

/** Asks the token endpoint as somebody else would. */
async function exchange(form) {
  const body = new URLSearchParams({ ...client, ...form });
  const answer = await fetch(`${issuer}/token`, { method: 'POST', body });
  return { status: answer.status, ...(await answer.json()) };
}

const persons = async () => {
  const url = `${sandbox.url}/pipedrive/api/v2/persons`;
  return (await (await fetch(url, { headers: { 'x-api-token': `sandbox:${ALICE}` } })).json()).data;
};

before(async () => {
  if (skip) return;
  sandbox = await startSandbox();
  await serve();
  const secret = (name, text) => writeFileSync(join(folder, name), `${text}\n`, { mode: 0o600 });
  secret('token', `sandbox:${ALICE}`);
  secret('client-secret', client.client_secret);
  writeFileSync(join(folder, 'carnetd.toml'), `
    [pipedrive]
    url = "${sandbox.url}/pipedrive"
    token_file = "token"
    visibility_levels = 2
    [status]
    listen = "off"
    [google]
    login = "user"
    client_id = "${client.client_id}"
    client_secret_file = "client-secret"
    auth_url = "${issuer}"
    token_url = "${issuer}"
    api_url = "${issuer}/google"
    [accounts.alice]
    provider = "google"
    address = "${ALICE}"
    group = "*"
    direction = "two-way"
    visibility = "company"
  `);
  await fetch(`${sandbox.url}/google/v1/people:createContact`, {
    method: 'POST',
    headers: { authorization: `Bearer sandbox:${ALICE}`, 'content-type': 'application/json' },
    body: JSON.stringify({ names: [{ givenName: 'Anne', familyName: 'Moreau' }] }),
  });
});
after(async () => {
  server?.closeAllConnections();
  server?.close();
  await sandbox?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('without a login the account needs one', { skip }, async () => {
  const { code, said } = await run('sync', '--init');
  assert.equal(code, 4, said);
  assert.match(said, /carnetd login alice/);
});

test('a login as somebody else is refused', { skip }, async () => {
  const login = await beginLogin();
  const redirect = new URL(login.url).searchParams.get('redirect_uri');
  const end = await browse(login.url, 'mallory@acme.example', isLoopback(redirect));
  await fetch(end);
  assert.notEqual(await login.ended, 0);
  assert.match(login.said().err, /alice@acme\.example/);
  assert.equal((await run('sync')).code, 4);
});

test('a login is kept, its code is good once and only with its verifier', { skip }, async () => {
  const login = await beginLogin();
  const asked = new URL(login.url).searchParams;
  assert.equal(asked.get('code_challenge_method'), 'S256');
  assert.equal(login.said().out.trim(), login.url, 'the address is alone on stdout');
  const redirect = asked.get('redirect_uri');
  const end = await browse(login.url, ALICE, isLoopback(redirect));
  const code = new URL(end).searchParams.get('code');

  const thief = { grant_type: 'authorization_code', code, redirect_uri: redirect };
  for (const verifier of [{}, { code_verifier: 'a'.repeat(43) }]) {
    const stolen = await exchange({ ...thief, ...verifier });
    assert.deepEqual([stolen.status, stolen.error], [400, 'invalid_grant'], 'the code alone is worth nothing');
  }
  const page = await fetch(end);
  assert.equal(page.status, 200);
  assert.equal(await login.ended, 0, login.said().err);
  const secrets = [code, exchanges.at(-1).got.refresh_token, exchanges.at(-1).got.access_token];
  const { out, err } = login.said();
  for (const text of [out, err, await page.text()]) {
    for (const secret of secrets) assert.ok(secret && !text.includes(secret), 'a secret is shown');
  }
  assert.equal((await run('sync')).code, 0);
  assert.deepEqual((await persons()).map((person) => person.name), ['Anne Moreau']);
});

test('refresh tokens rotate, and each one is used once', { skip }, async () => {
  for (let round = 0; round < 3; round += 1) {
    const begun = exchanges.length;
    dead.add(exchanges.at(-1).got.access_token);
    const { code, said } = await run('sync');
    assert.equal(code, 0, said);
    const renewed = exchanges.slice(begun);
    assert.deepEqual(renewed.map((one) => [one.sent.grant_type, one.refused]), [['refresh_token', undefined]]);
    assert.equal(renewed[0].sent.refresh_token, exchanges[begun - 1].got.refresh_token, 'the one that came last');
    assert.notEqual(renewed[0].got.refresh_token, renewed[0].sent.refresh_token, 'it rotates');
  }
});

test('a code or a token that is used again ends the grant, and carnetd asks for a login', { skip }, async () => {
  const { sent } = exchanges.find((one) => one.got && one.sent.code && one.got.scope.includes(CONTACTS)
    && one.got.id_token && JSON.parse(Buffer.from(one.got.id_token.split('.')[1], 'base64url')).email === ALICE);
  const { code, code_verifier, redirect_uri } = sent;
  const again = await exchange({ grant_type: 'authorization_code', code, code_verifier, redirect_uri });
  assert.deepEqual([again.status, again.error], [400, 'invalid_grant'], 'even with its verifier');
  const late = await run('sync');
  assert.equal(late.code, 4, late.said);
  assert.match(late.said, /carnetd login alice/);
  assert.equal((await persons()).length, 1, 'nothing is deleted');

  const login = await beginLogin();
  await fetch(await browse(login.url, ALICE, isLoopback(new URL(login.url).searchParams.get('redirect_uri'))));
  assert.equal(await login.ended, 0, login.said().err);
  assert.equal((await run('sync')).code, 0, 'a new login mends it');
});
