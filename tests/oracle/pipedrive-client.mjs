// Pipedrive's official client against our sandbox: what the vendor's own code expects of the service must hold there.
//
//     cargo build && node --test tests/oracle/pipedrive-client.mjs
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import * as v1 from 'pipedrive/v1';
import * as v2 from 'pipedrive/v2';

import { startSandbox } from './sandbox.mjs';

const alice = 'alice@acme.example';
let sandbox;
let persons;
let organizations;
let pictures;

before(async () => {
  sandbox = await startSandbox();
  const configured = (api, path) => new api.Configuration({ apiKey: `sandbox:${alice}`, basePath: `${sandbox.url}/pipedrive${path}` });
  persons = statusKept(new v2.PersonsApi(configured(v2, '/api/v2')));
  organizations = statusKept(new v2.OrganizationsApi(configured(v2, '/api/v2')));
  pictures = statusKept(new v1.PersonsApi(configured(v1, '/api/v1')));
});
after(() => sandbox?.stop());

const me = async () => (await (await fetch(`${sandbox.url}/pipedrive/api/v1/users/me`, { headers: { 'x-api-token': `sandbox:${alice}` } })).json()).data;

/** The client throws the body of a refused call and drops the status: keep it. */
function statusKept(api) {
  api.axios.defaults.transformResponse = [...api.axios.defaults.transformResponse, (body, _, status) => (
    status >= 400 && body instanceof Object ? { ...body, httpStatus: status } : body
  )];
  return api;
}

/** Whether a call was refused with this status. */
const refused = (status) => (error) => {
  assert.equal(error.httpStatus ?? error.response?.status, status, `${error.message ?? JSON.stringify(error)}`);
  return true;
};

/** All pages of a list call. */
async function all(list, parameters) {
  const found = [];
  let cursor;
  do {
    const page = await list({ ...parameters, ...(cursor ? { cursor } : {}) });
    assert.equal(page.success, true);
    assert.ok(page.data.length <= parameters.limit, 'a page is longer than its limit');
    found.push(...page.data);
    cursor = page.additional_data?.next_cursor;
  } while (cursor);
  return found;
}

describe('persons', () => {
  test('what was created is read back', async () => {
    const created = (await persons.addPerson({
      AddPersonRequest: {
        name: 'Anne Moreau',
        emails: [{ value: 'anne@moreau.example', primary: true, label: 'work' }, { value: 'anne@post.example', label: 'home' }],
        phones: [{ value: '+33 1 99 00 12 34' }],
        visible_to: 3,
      },
    })).data;
    assert.equal(created.name, 'Anne Moreau');
    assert.equal(created.owner_id, (await me()).id, 'without owner_id the caller owns the person');
    assert.equal(created.is_deleted, false);
    assert.equal(created.visible_to, 3);
    assert.deepEqual(created.phones, [{ value: '+33 1 99 00 12 34', primary: true, label: 'work' }]);
    assert.deepEqual(created.emails.map((email) => [email.value, email.primary, email.label]), [
      ['anne@moreau.example', true, 'work'], ['anne@post.example', false, 'home'],
    ]);
    const read = (await persons.getPerson({ id: created.id })).data;
    assert.deepEqual({ ...read, update_time: null }, { ...created, update_time: null });
  });

  test('a change touches the keys it names, and replaces a list whole', async () => {
    const { id } = (await persons.addPerson({
      AddPersonRequest: { name: 'Before', emails: [{ value: 'one@x.example' }, { value: 'two@x.example' }], phones: [{ value: '+1 202 555 0143' }] },
    })).data;
    const changed = (await persons.updatePerson({ id, UpdatePersonRequest: { emails: [{ value: 'three@x.example' }] } })).data;
    assert.deepEqual(changed.emails.map((email) => email.value), ['three@x.example']);
    assert.equal(changed.name, 'Before');
    assert.deepEqual(changed.phones.map((phone) => phone.value), ['+1 202 555 0143']);
    assert.match(changed.update_time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  test('a deleted person is gone from lists and cannot be changed', async () => {
    const { id } = (await persons.addPerson({ AddPersonRequest: { name: 'Goes away' } })).data;
    assert.deepEqual((await persons.deletePerson({ id })).data, { id });
    const left = await all((p) => persons.getPersons(p), { limit: 500 });
    assert.ok(!left.some((person) => person.id === id));
    const read = await persons.getPerson({ id }).then((answer) => answer.data.is_deleted, (error) => refused(404)(error));
    assert.equal(read, true, 'it reads as deleted or not at all');
  });

  test('pages by id hold everybody once', async () => {
    const made = [];
    for (let i = 0; i < 23; i += 1) made.push((await persons.addPerson({ AddPersonRequest: { name: `Page ${i}` } })).data.id);
    const listed = (await all((p) => persons.getPersons(p), { limit: 5, sort_by: 'id' })).map((person) => person.id);
    assert.equal(new Set(listed).size, listed.length, 'nobody comes twice');
    assert.deepEqual([...listed].sort((a, b) => a - b), listed, 'in the order of ids');
    for (const id of made) assert.ok(listed.includes(id), `person ${id} is missing`);
    const some = await persons.getPersons({ ids: `${made[0]},${made[1]},999999999` });
    assert.deepEqual(some.data.map((person) => person.id), made.slice(0, 2), 'an unknown id is left out silently');
  });

  test('a changed person is found by time', async () => {
    const { id } = (await persons.addPerson({ AddPersonRequest: { name: 'Recent' } })).data;
    const { update_time: since } = (await persons.updatePerson({ id, UpdatePersonRequest: { name: 'More recent' } })).data;
    const seen = await all((p) => persons.getPersons(p), { limit: 500, updated_since: since });
    assert.ok(seen.some((person) => person.id === id), 'updated_since is inclusive');
    const later = new Date(Date.parse(since) + 60_000).toISOString().replace('.000Z', 'Z');
    assert.ok(!(await persons.getPersons({ updated_since: later })).data.some((person) => person.id === id));
  });

  test('search finds by e-mail, exactly and without regard to case', async () => {
    const { id } = (await persons.addPerson({ AddPersonRequest: { name: 'Findable Person', emails: [{ value: 'find.me@x.example' }] } })).data;
    const hits = (await persons.searchPersons({ term: 'FIND.ME@x.example', fields: 'email', exact_match: true })).data.items;
    assert.deepEqual(hits.map((hit) => [hit.item.id, hit.item.type, hit.item.emails[0]]), [[id, 'person', 'find.me@x.example']]);
    const none = (await persons.searchPersons({ term: 'find.me', fields: 'email', exact_match: true })).data.items;
    assert.deepEqual(none, []);
  });

  test('what the service does not know is refused, and nothing is made of it', async () => {
    const count = async () => (await all((p) => persons.getPersons(p), { limit: 500 })).length;
    const start = await count();
    await assert.rejects(persons.addPerson({ AddPersonRequest: { name: 'X', nonsense: 1 } }), refused(400));
    await assert.rejects(persons.addPerson({ AddPersonRequest: { name: 'X', visible_to: '3' } }), refused(400));
    await assert.rejects(persons.addPerson({ AddPersonRequest: {} }), refused(400));
    await assert.rejects(persons.getPersons({ updated_since: '2026-01-01T00:00:00.123Z' }), refused(400));
    await assert.rejects(persons.getPerson({ id: 999999999 }), refused(404));
    assert.equal(await count(), start);
  });

  test('without a credential nothing is told', async () => {
    const unknown = new v2.Configuration({ apiKey: 'wrong', basePath: `${sandbox.url}/pipedrive/api/v2` });
    const stranger = statusKept(new v2.PersonsApi(unknown));
    await assert.rejects(stranger.getPersons(), refused(401));
  });
});

describe('organizations', () => {
  test('create, list, page, change, delete', async () => {
    const ids = [];
    for (const name of ['Moreau & Fils', 'Aozora', 'Brightwater']) {
      ids.push((await organizations.addOrganization({ AddOrganizationRequest: { name, visible_to: 3 } })).data.id);
    }
    const listed = (await all((p) => organizations.getOrganizations(p), { limit: 2 })).map((organization) => organization.id);
    for (const id of ids) assert.equal(listed.filter((one) => one === id).length, 1);
    const changed = (await organizations.updateOrganization({ id: ids[1], UpdateOrganizationRequest: { name: 'Aozora Seiki' } })).data;
    assert.equal(changed.name, 'Aozora Seiki');
    assert.equal((await organizations.getOrganization({ id: ids[1] })).data.name, 'Aozora Seiki');
    assert.deepEqual((await organizations.deleteOrganization({ id: ids[2] })).data, { id: ids[2] });
    assert.ok(!(await organizations.getOrganizations({ limit: 500 })).data.some((organization) => organization.id === ids[2]));
  });

  test('names are not unique, and an exact search finds them all', async () => {
    const make = async (name) => (await organizations.addOrganization({ AddOrganizationRequest: { name } })).data.id;
    const twins = [await make('Twin Works'), await make('TWIN WORKS')];
    await make('Twin Works Two');
    const hits = (await organizations.searchOrganization({ term: 'twin works', fields: 'name', exact_match: true })).data.items;
    assert.deepEqual(hits.map((hit) => hit.item.id).sort((a, b) => a - b), twins);
  });

  test('a person belongs to one', async () => {
    const organization = (await organizations.addOrganization({ AddOrganizationRequest: { name: 'Employer' } })).data.id;
    const { id, org_id: employer } = (await persons.addPerson({ AddPersonRequest: { name: 'Employee', org_id: organization } })).data;
    assert.equal(employer, organization);
    assert.deepEqual((await persons.getPersons({ org_id: organization })).data.map((person) => person.id), [id]);
  });
});

describe('pictures', () => {
  // The photo of one of the quick start's cards: 144 × 144 pixels.
  const card = readFileSync(new URL('../../examples/quickstart/contacts/anne-moreau.vcf', import.meta.url), 'latin1');
  const base64 = card.replace(/\r\n[ \t]/g, '').match(/^PHOTO[^:]*:(.+)\r$/m)[1];
  const photo = new File([Buffer.from(base64, 'base64')], 'photo.jpg', { type: 'image/jpeg' });

  test('upload, read, replace, delete', async () => {
    const { id, picture_id: none } = (await persons.addPerson({ AddPersonRequest: { name: 'Pictured' } })).data;
    assert.equal(none, null);
    await assert.rejects(persons.getPersonPicture({ id }), refused(404));
    assert.equal((await pictures.addPersonPicture({ id, file: photo })).success, true);
    const first = (await persons.getPerson({ id })).data.picture_id;
    assert.equal(typeof first, 'number');
    const read = (await persons.getPersonPicture({ id })).data;
    assert.equal(read.item_id, id);
    assert.ok(read.pictures['128'] && read.pictures['512'], 'both sizes are there');
    await pictures.addPersonPicture({ id, file: photo, crop_x: 0, crop_y: 0, crop_width: 130, crop_height: 130 });
    assert.notEqual((await persons.getPerson({ id })).data.picture_id, first, 'a new picture has a new id');
    assert.equal((await pictures.deletePersonPicture({ id })).success, true);
    assert.equal((await persons.getPerson({ id })).data.picture_id, null);
  });

  test('a picture that is too small is refused', async () => {
    const { id } = (await persons.addPerson({ AddPersonRequest: { name: 'Unpictured' } })).data;
    await assert.rejects(pictures.addPersonPicture({ id, file: photo, crop_x: 0, crop_y: 0, crop_width: 90, crop_height: 90 }), refused(400));
    await assert.rejects(pictures.addPersonPicture({ id, file: new File(['not a picture'], 'x.jpg') }), refused(400));
    assert.equal((await persons.getPerson({ id })).data.picture_id, null);
  });
});

describe('OAuth', () => {
  const redirectUri = 'http://127.0.0.1:9/callback';
  const client = () => {
    const made = new v2.OAuth2Configuration({ clientId: 'app', clientSecret: 'hush', redirectUri, host: `${sandbox.url}/pipedrive` });
    made.onTokenUpdate = (token) => { made.seen = token; };
    return made;
  };

  /** What the browser brings back when `user` has pressed "Allow". */
  async function allow(oauth, user = alice) {
    const page = await fetch(`${oauth.authorizationUrl}&state=s1&user=${encodeURIComponent(user)}`, { redirect: 'manual' });
    const back = new URL(page.headers.get('location'));
    assert.equal(back.origin + back.pathname, redirectUri);
    assert.equal(back.searchParams.get('state'), 's1');
    return back.searchParams.get('code');
  }

  const acting = (oauth) => statusKept(new v2.PersonsApi(new v2.Configuration({ accessToken: oauth.getAccessToken, basePath: oauth.basePath })));

  test('a code becomes tokens that act as the user', async () => {
    const oauth = client();
    await oauth.authorize(await allow(oauth, 'bob@acme.example'));
    assert.equal(oauth.seen.token_type, 'Bearer');
    assert.ok(oauth.seen.expires_in > 0);
    assert.equal(oauth.basePath, `${sandbox.url}/pipedrive/api/v2`, 'api_domain names the company');
    const { owner_id: bob } = (await acting(oauth).addPerson({ AddPersonRequest: { name: 'Bob brought me' } })).data;
    assert.notEqual(bob, (await me()).id);
  });

  test('a code works once, and no other does', async () => {
    const oauth = client();
    const code = await allow(oauth);
    await oauth.authorize(code);
    await assert.rejects(oauth.authorize(code));
    await assert.rejects(oauth.authorize('invented'));
  });

  test('refreshing gives a new access token; the refresh token stays', async () => {
    const oauth = client();
    await oauth.authorize(await allow(oauth));
    const first = oauth.seen;
    await oauth.tokenRefresh();
    assert.notEqual(oauth.seen.access_token, first.access_token);
    assert.equal(oauth.seen.refresh_token, first.refresh_token);
    assert.equal((await acting(oauth).getPersons({ limit: 1 })).success, true);
  });

  test('the client refreshes by itself once the token has expired', async () => {
    const oauth = client();
    await oauth.authorize(await allow(oauth));
    const first = oauth.seen.access_token;
    oauth.expiresAt = 1;
    assert.equal((await acting(oauth).getPersons({ limit: 1 })).success, true);
    assert.notEqual(oauth.seen.access_token, first);
  });

  test('an expired access token and a revoked login are refused', async () => {
    const oauth = client();
    await oauth.authorize(await allow(oauth));
    const stale = new v2.Configuration({ accessToken: oauth.seen.access_token, basePath: oauth.basePath });
    const later = await fetch(`${sandbox.url}/_clock`, { method: 'POST', body: JSON.stringify({ advance_seconds: 4000 }) });
    assert.equal(later.status, 200);
    await assert.rejects(statusKept(new v2.PersonsApi(stale)).getPersons(), refused(401));
    await oauth.tokenRefresh();
    await oauth.revokeToken('refresh_token');
    await assert.rejects(oauth.tokenRefresh());
  });
});
