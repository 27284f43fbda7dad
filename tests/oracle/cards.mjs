// Cards that carnetd wrote, read by programs that we did not write: vobject and khard.
//
// A folder is kept two-way with the sandbox. A person made in Pipedrive becomes a card; an edit there changes a few
// lines of a rich one. `read_cards.py` then reads the folder.
//
//     cargo build && node --test tests/oracle/cards.mjs
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { configure, headers, run, startSandbox, sync } from './sandbox.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const python = process.env.ORACLE_PYTHON ?? here('../../target/oracle-python/bin/python');
if (!existsSync(python) && process.env.CI === 'true') throw new Error(`${python} is missing: run .ci/install`);
const skip = existsSync(python) ? false : `${python} is missing: run .ci/install, or set ORACLE_PYTHON`;

const folder = mkdtempSync(join(tmpdir(), 'carnetd-cards-'));
const contacts = join(folder, 'contacts');
let sandbox;

before(async () => {
  if (skip) return;
  sandbox = await startSandbox();
  mkdirSync(contacts);
  for (const name of ['anne-moreau', 'ines-ortega', 'kwame-mensah']) {
    copyFileSync(here(`../../examples/quickstart/contacts/${name}.vcf`), join(contacts, `${name}.vcf`));
  }
  configure(folder, sandbox.url, 'two-way');
});
after(async () => {
  await sandbox?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function pipedrive(method, path, body) {
  const answer = await fetch(`${sandbox.url}/pipedrive/api/v2/${path}`, {
    method, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, `${method} ${path}: ${await answer.clone().text()}`);
  return (await answer.json()).data;
}

/** Lines of a card as they stand, folds taken out. */
const lines = (name) => readFileSync(join(contacts, `${name}.vcf`), 'utf8').replace(/\r\n[ \t]/g, '').split('\r\n');

test('others read what carnetd wrote', { skip }, async () => {
  const kept = Object.fromEntries(['anne-moreau', 'ines-ortega', 'kwame-mensah'].map((name) => [name, lines(name)]));
  const untouched = readFileSync(join(contacts, 'kwame-mensah.vcf'));
  await sync(folder, ['--init']);
  const persons = await pipedrive('GET', 'persons?limit=500');
  assert.equal(persons.length, 3);

  const find = (email) => persons.find((person) => person.emails.some((one) => one.value === email));
  const anne = find('anne@atelier-moreau.example');
  const phones = [...anne.phones, { value: '+33 1 99 00 55 66', label: 'work' }];
  await pipedrive('PATCH', `persons/${anne.id}`, { phones });
  const ines = find('ines.ortega@rioclaro.example');
  await pipedrive('PATCH', `persons/${ines.id}`, { emails: [...ines.emails, { value: 'ines@neu.example', label: 'home' }] });
  await pipedrive('POST', 'persons', {
    name: 'Zoë 山田, Jr.; “Z”', owner_id: anne.owner_id, visible_to: 3,
    emails: [{ value: 'zoe@yamada.example', label: 'work', primary: true }, { value: 'z@post.example', label: 'home' }],
    phones: [{ value: '+44 7700 900321', label: 'mobile', primary: true }, { value: '+44 1632 960321;x=7', label: 'work' }],
  });
  await sync(folder);

  assert.equal(readdirSync(contacts).filter((name) => name.endsWith('.vcf')).length, 4, 'one new card');
  assert.ok(readFileSync(join(contacts, 'kwame-mensah.vcf')).equals(untouched), 'an untouched card keeps every byte');
  // carnetd's own to change are the lines of what was edited, and the time of the revision.
  const unchanged = (name, changed) => kept[name].filter((line) => line && !changed.test(line));
  writeFileSync(join(folder, 'expected.json'), JSON.stringify({
    'Mme Anne Claire Moreau': {
      emails: ['anne@atelier-moreau.example', 'compta@atelier-moreau.example'], phones: phones.map((phone) => phone.value),
      categories: ['Clients'], lines: unchanged('anne-moreau', /^REV/),
    },
    'Inés Ortega Ruiz': {
      emails: ['ines.ortega@rioclaro.example', 'ines@neu.example'], lines: unchanged('ines-ortega', /^REV/),
    },
    'Dr. Kwame A. Mensah Jr.': { emails: ['k.mensah@harbourlight.example'] },
    'Zoë 山田, Jr.; “Z”': {
      written: true, emails: ['zoe@yamada.example', 'z@post.example'], phones: ['+44 7700 900321', '+44 1632 960321;x=7'],
      categories: ['Clients'],
    },
  }));
  await run(python, [here('read_cards.py'), contacts, join(folder, 'expected.json')]);

  const after = Object.fromEntries(readdirSync(contacts).map((name) => [name, readFileSync(join(contacts, name), 'utf8')]));
  await sync(folder);
  for (const [name, text] of Object.entries(after)) {
    assert.equal(readFileSync(join(contacts, name), 'utf8'), text, `${name} is written again without a change`);
  }
});
