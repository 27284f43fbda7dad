// Pipedrive's published description as a judge between carnetd and the sandbox.
//
// carnetd's calls go to a router, from there (API v2) through Prism, which checks request and answer against a strict
// copy of the description, and through a relay to the sandbox; API v1 goes to the sandbox straight. A folder of cards
// is imported, edited, and partly deleted; neither side may break the description once.
//
//     cargo build && node --test tests/oracle/prism.mjs
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import YAML from 'yaml';

import { close, queryOf } from './closed-spec.mjs';
import { Child, configure, freePort, headers, spec, startSandbox, sync } from './sandbox.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const description = spec('pipedrive/openapi-v2.yaml');
const skip = description ? false : 'the vendor\'s description is not at hand; CARNETD_SPECS names its folder';

const folder = mkdtempSync(join(tmpdir(), 'carnetd-prism-'));
const servers = [];
const violations = [];
const calls = [];
let sandbox;
let prism;
let router;
let relay;
/** Set to make the relay falsify answers: the judge must notice. */
let falsify = false;

/** A server that hands each request on to `target(url)` and its answer back through `seen`. */
async function forward(target, seen) {
  const server = createServer(async (request, response) => {
    try {
      const body = Buffer.concat(await request.toArray());
      const { host, connection, 'accept-encoding': _, 'transfer-encoding': __, 'content-length': ___, ...rest } = request.headers;
      const answer = await fetch(target(request.url), {
        method: request.method, headers: rest, redirect: 'manual', body: body.length ? body : undefined,
      });
      const sent = seen(request, answer, Buffer.from(await answer.arrayBuffer()));
      const kept = [...answer.headers].filter(([name]) => !['content-length', 'transfer-encoding', 'connection'].includes(name));
      response.writeHead(answer.status, Object.fromEntries(kept)).end(sent);
    } catch (error) {
      response.writeHead(502).end(`${error.message} ${error.cause?.message ?? ''}`);
    }
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

before(async () => {
  if (skip) return;
  const strict = close(YAML.parse(readFileSync(description, 'utf8')));
  writeFileSync(join(folder, 'strict.json'), JSON.stringify(strict));
  sandbox = await startSandbox();
  relay = await forward((url) => sandbox.url + url, (_, answer, body) => (
    falsify && answer.ok ? JSON.stringify({ ...JSON.parse(body), nonsense: 1 }) : body
  ));
  const port = await freePort();
  const upstream = `${relay}/pipedrive/api/v2`;
  prism = new Child(process.execPath, [
    here('node_modules/@stoplight/prism-cli/dist/index.js'), 'proxy', join(folder, 'strict.json'), upstream,
    '--errors', '--host', '127.0.0.1', '--port', String(port),
  ], { cwd: folder });
  await prism.answers(`http://127.0.0.1:${port}/`, 60);
  const v2 = '/pipedrive/api/v2';
  router = await forward(
    (url) => (url.startsWith(v2) ? `http://127.0.0.1:${port}${url.slice(v2.length)}` : sandbox.url + url),
    (request, answer, body) => {
      const url = new URL(request.url, router);
      const call = `${request.method} ${url.pathname.replace(/\/\d+/g, '/{id}')}`;
      calls.push(call);
      if (url.pathname.startsWith(v2)) {
        const declared = queryOf(strict, request.method, url.pathname.slice(v2.length));
        for (const name of url.searchParams.keys()) {
          if (!declared?.has(name)) violations.push(`${call}: the query parameter ${name} is not described`);
        }
        const judged = answer.headers.get('content-type')?.includes('problem+json');
        if (judged || answer.headers.has('sl-violations')) violations.push(`${call}: ${body}`);
      }
      return body;
    },
  );
});

after(async () => {
  for (const server of servers) server.close().closeAllConnections();
  await Promise.all([prism?.stop(), sandbox?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** One pass, which must end well. */
const pass = (...args) => sync(folder, args, () => violations.join('\n'));

const list = async (kind) => (await (await fetch(`${sandbox.url}/pipedrive/api/v2/${kind}?limit=500`, { headers })).json()).data;
const writes = () => calls.filter((call) => !call.startsWith('GET ')).length;

/** The picture of one of the quick start's cards. */
function photo() {
  const card = readFileSync(here('../../examples/quickstart/contacts/anne-moreau.vcf'), 'latin1').replace(/\r\n[ \t]/g, '');
  return Buffer.from(card.match(/^PHOTO[^:]*:(.+)\r$/m)[1], 'base64');
}

/** A plain card, numbered. */
const card = (n, change = '') => ['BEGIN:VCARD', 'VERSION:3.0', `UID:card-${n}`, `N:Person${n};Test;;;`, `FN:Test Person${n}`,
  `EMAIL;TYPE=WORK:person${n}@company${n % 7}.example`, `TEL;TYPE=CELL:+1 202 555 01${String(n % 100).padStart(2, '0')}`,
  `ORG:Company ${n % 7}`, `TITLE:Role ${n}`, `BDAY:1980-01-${String((n % 28) + 1).padStart(2, '0')}`,
  `ADR;TYPE=WORK:;;${n} High Street;Brightwater;;BW1 ${n % 10}AA;United Kingdom`, `NOTE:Card ${n}${change}`,
  'CATEGORIES:Clients', 'END:VCARD', ''].join('\r\n');

test('the judge sees a bad request, a bad answer and an unknown parameter', { skip }, async () => {
  const url = `${router}/pipedrive/api/v2/persons`;
  const json = { ...headers, 'content-type': 'application/json' };
  const made = await fetch(url, { method: 'POST', headers: json, body: JSON.stringify({ name: 'Good' }) });
  assert.equal(made.status, 200, await made.clone().text());
  const { id } = (await made.json()).data;
  assert.deepEqual(violations, []);

  await fetch(url, { method: 'POST', headers: json, body: JSON.stringify({ name: 'Bad', nonsense: 1 }) });
  assert.equal(violations.length, 1, 'an unknown key in a request');
  falsify = true;
  await fetch(`${url}/${id}`, { headers });
  falsify = false;
  assert.equal(violations.length, 2, 'an unknown key in an answer');
  await fetch(`${url}?nonsense=1`, { headers });
  assert.ok(violations.length > 2, 'an unknown query parameter');

  await fetch(`${url}/${id}`, { method: 'DELETE', headers });
  violations.length = 0;
  calls.length = 0;
});

test('the sandbox answers as described, whatever is asked', { skip }, async () => {
  const call = async (method, path, body) => {
    const answer = await fetch(`${router}/pipedrive/api/v2/${path}`, {
      method, headers: { ...headers, 'content-type': 'application/json' }, body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, `${method} ${path}: ${text}`);
    return JSON.parse(text).data;
  };
  const organization = await call('POST', 'organizations', { name: 'Described', visible_to: 3, address: { value: '1 High Street, Brightwater' } });
  await call('PATCH', `organizations/${organization.id}`, { name: 'Described Ltd' });
  const person = await call('POST', 'persons', {
    name: 'Described Person', org_id: organization.id, visible_to: 1, label_ids: [], notes: 'text', birthday: '1980-02-29', job_title: 'Judge',
    emails: [{ value: 'd@x.example', primary: true, label: 'work' }], phones: [{ value: '+44 1632 960001', label: '' }],
    im: [{ value: 'xmpp:d@x.example', label: 'xmpp' }], postal_address: { value: '1 High Street', locality: 'Brightwater', postal_code: 'BW1' },
  });
  const picture = new FormData();
  picture.append('file', new File([photo()], 'p.jpg', { type: 'image/jpeg' }));
  const upload = await fetch(`${router}/pipedrive/api/v1/persons/${person.id}/picture`, { method: 'POST', headers, body: picture });
  assert.ok(upload.ok, await upload.text());
  await call('PATCH', `persons/${person.id}`, { notes: null, birthday: null, job_title: null, org_id: null, postal_address: null, im: [], emails: [], phones: [] });
  const { update_time: since } = await call('PATCH', `persons/${person.id}`, { name: 'Described Again', org_id: organization.id });
  for (const path of [
    `persons/${person.id}`, `persons/${person.id}?include_fields=open_deals_count`, `persons/${person.id}/picture`, `persons?ids=${person.id}`,
    'persons?limit=1&sort_by=id&sort_direction=desc', `persons?updated_since=${since}`, `persons?owner_id=${person.owner_id}&org_id=${organization.id}`,
    'persons/search?term=described&fields=name', `organizations/${organization.id}`, 'organizations?limit=1', 'organizations/search?term=Described&fields=name',
    'personFields',
  ]) await call('GET', path);
  await call('DELETE', `persons/${person.id}`);
  await call('DELETE', `organizations/${organization.id}`);
  assert.deepEqual(violations, []);
  calls.length = 0;
});

test('carnetd and the sandbox keep to the description', { skip }, async () => {
  cpSync(here('../../examples/quickstart/contacts'), join(folder, 'contacts'), { recursive: true });
  const file = (n) => join(folder, 'contacts', `card-${n}.vcf`);
  for (let n = 0; n < 60; n += 1) writeFileSync(file(n), card(n));
  configure(folder, router, 'one-way');

  await pass('--init');
  assert.equal((await list('persons')).length, 72, 'sixty cards and the twelve clients of the quick start');
  const first = writes();

  await pass();
  assert.equal(writes(), first, 'a pass without a change writes nothing');

  for (let n = 0; n < 15; n += 1) {
    writeFileSync(file(n), card(n, ', edited').replace(/^TITLE:.*\r\n/m, '').replace(/^BDAY:.*\r\n/m, '')
      .replace(/^TEL.*$/m, '$&\r\nTEL;TYPE=HOME:+44 1632 960001').replace(/^ORG:.*$/m, 'ORG:Another Company'));
  }
  for (let n = 50; n < 53; n += 1) rmSync(file(n));
  await pass();
  const names = (await list('persons')).map((person) => person.name);
  assert.equal(names.length, 69, 'three persons are deleted');
  assert.ok(!names.includes('Test Person51'));

  const kinds = new Set(calls);
  for (const kind of ['POST persons', 'GET persons', 'PATCH persons/{id}', 'GET persons/{id}', 'DELETE persons/{id}', 'POST organizations']) {
    const [method, path] = kind.split(' ');
    assert.ok(kinds.has(`${method} /pipedrive/api/v2/${path}`), `${kind} was never called: ${[...kinds].join(', ')}`);
  }
  assert.deepEqual(violations, []);
});
