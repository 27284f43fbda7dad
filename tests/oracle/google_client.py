"""Google's official client against our sandbox: what the vendor's own code expects of the service must hold there.

    cargo build && target/oracle-python/bin/python tests/oracle/google_client.py

Every answer is checked against the discovery document that the client ships. `CARNETD` names the program.
"""

import base64
import datetime
import json
import os
import pathlib
import struct
import subprocess
import sys
import unittest
import urllib.error
import urllib.request
import zlib

try:
    import googleapiclient.discovery
    from google.auth.exceptions import RefreshError
    from google.auth.transport.requests import Request
    from google.oauth2 import service_account
    from google.oauth2.credentials import Credentials
    from googleapiclient.errors import HttpError
    from googleapiclient.http import HttpRequest
except ImportError as missing:
    if os.environ.get("CI") == "true":
        raise
    print(f"SKIPPED: {missing}; .ci/install brings it", file=sys.stderr)
    sys.exit(0)

from discovery import Description

ROOT = pathlib.Path(__file__).resolve().parents[2]
CARNETD = os.environ.get("CARNETD", str(ROOT / "target/debug/carnetd"))
KEYS = ROOT / "src/sandbox/google/tests"
ALICE = "alice@acme.example"
CONTACTS = "https://www.googleapis.com/auth/contacts"
FIELDS = "names,emailAddresses,phoneNumbers,organizations,memberships,metadata,clientData,photos,birthdays,addresses"
DESCRIPTION = Description()


class Checked(HttpRequest):
    """A request whose answer must be as the document says."""

    def execute(self, *args, **kwargs):
        answer = super().execute(*args, **kwargs)
        schema = DESCRIPTION.methods[self.methodId]["response"]
        problems = list(DESCRIPTION.problems(answer, schema))
        assert not problems, f"{self.methodId}: {problems}"
        return answer


def start():
    """A sandbox and its root."""
    process = subprocess.Popen([CARNETD, "sandbox", "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    line = next(line for line in process.stderr if "http://" in line)
    return process, line[line.index("http://"):].split(";")[0].strip()


def service(root, credentials):
    """The official client, talking to the sandbox."""
    document = dict(DESCRIPTION.document, rootUrl=f"{root}google/")
    return googleapiclient.discovery.build_from_document(document, credentials=credentials, requestBuilder=Checked)


def person(name, **fields):
    given, family = name.split(" ", 1)
    email = f"{name.replace(' ', '.').lower()}@home.example"
    return {"names": [{"givenName": given, "familyName": family}], "emailAddresses": [{"value": email}], **fields}


def picture(size):
    """A grey square as PNG."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + b"\x80" * size for _ in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def source(contact):
    """The version of a contact, as an update has to name it."""
    sources = contact["metadata"]["sources"]
    (kept,) = [{key: one[key] for key in ("type", "id", "etag")} for one in sources if one["type"] == "CONTACT"]
    return {"metadata": {"sources": [kept]}}


class Oracle(unittest.TestCase):
    """Each test has an account of its own."""

    @classmethod
    def setUpClass(cls):
        cls.process, cls.root = start()

    @classmethod
    def tearDownClass(cls):
        cls.process.terminate()
        cls.process.wait()
        cls.process.stderr.close()

    def setUp(self):
        self.user = f"{self.id().rsplit('.', 1)[-1].replace('_', '-')}@acme.example"
        self.api = service(self.root, Credentials(f"sandbox:{self.user}"))
        self.people = self.api.people()
        self.connections = self.people.connections()

    def set(self, **google):
        body = json.dumps({"google": google}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.root}_faults", body, method="POST")).close()

    def advance(self, seconds):
        body = json.dumps({"advance_seconds": seconds}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.root}_clock", body, method="POST")).close()

    def create(self, name, **fields):
        return self.people.createContact(body=person(name, **fields), personFields=FIELDS).execute()

    def list(self, **more):
        """All pages; the people and the last answer."""
        request = self.connections.list(resourceName="people/me", personFields=FIELDS,
                                        sources="READ_SOURCE_TYPE_CONTACT", **more)
        found = []
        while request is not None:
            answer = request.execute()
            found += answer.get("connections", [])
            self.assertTrue("nextSyncToken" not in answer or "nextPageToken" not in answer, "only on the last page")
            request = self.connections.list_next(request, answer)
        return found, answer

    def refused(self, status, canonical, call):
        """The error that a call is refused with."""
        with self.assertRaises(HttpError) as caught:
            call.execute()
        self.assertEqual(caught.exception.resp.status, status, caught.exception.content)
        error = json.loads(caught.exception.content)["error"]
        self.assertEqual((error["code"], error["status"]), (status, canonical))
        return error

    def test_pages_hold_everybody_once(self):
        for start in range(0, 23, 10):
            batch = [{"contactPerson": person(f"Page N{n}")} for n in range(start, min(start + 10, 23))]
            body = {"contacts": batch, "readMask": "names,metadata"}
            made = self.people.batchCreateContacts(body=body).execute()["createdPeople"]
            names = [one["person"]["names"][0]["displayName"] for one in made]
            self.assertEqual(names, [f"Page N{n}" for n in range(start, start + len(batch))], "in the order asked for")
        found, answer = self.list(pageSize=5)
        self.assertEqual(len({one["resourceName"] for one in found}), 23)
        self.assertEqual(answer["totalItems"], 23)
        self.assertNotIn("nextSyncToken", answer, "nobody asked for one")

    def test_sync(self):
        kept, gone, _ = self.create("Kept One"), self.create("Gone One"), self.create("Quiet One")
        _, answer = self.list(requestSyncToken=True, pageSize=2)
        token = answer["nextSyncToken"]
        self.assertEqual(self.list(requestSyncToken=True, pageSize=2, syncToken=token)[0], [])
        body = {**source(kept), "organizations": [{"title": "Boss"}]}
        self.people.updateContact(resourceName=kept["resourceName"], body=body, updatePersonFields="organizations").execute()
        self.people.deleteContact(resourceName=gone["resourceName"]).execute()
        found, answer = self.list(requestSyncToken=True, pageSize=2, syncToken=token)
        by_name = {one["resourceName"]: one for one in found}
        self.assertEqual(set(by_name), {kept["resourceName"], gone["resourceName"]})
        self.assertTrue(by_name[gone["resourceName"]]["metadata"]["deleted"])
        self.assertNotIn("names", by_name[gone["resourceName"]])
        self.assertEqual(by_name[kept["resourceName"]]["organizations"][0]["title"], "Boss")
        self.assertEqual(self.list(requestSyncToken=True, pageSize=2, syncToken=answer["nextSyncToken"])[0], [])
        other = self.connections.list(resourceName="people/me", personFields="names", requestSyncToken=True, syncToken=token)
        self.refused(400, "INVALID_ARGUMENT", other)

    def test_expired_sync_token(self):
        variants = {"invalid_argument": (400, "INVALID_ARGUMENT"), "failed_precondition": (400, "FAILED_PRECONDITION"),
                    "gone": (410, "FAILED_PRECONDITION")}
        self.create("Some One")
        for variant, (status, canonical) in variants.items():
            token = self.list(requestSyncToken=True)[1]["nextSyncToken"]
            self.set(sync_token_error=variant, expire_sync_tokens=True)
            call = self.connections.list(resourceName="people/me", personFields=FIELDS, requestSyncToken=True,
                                         sources="READ_SOURCE_TYPE_CONTACT", syncToken=token)
            error = self.refused(status, canonical, call)
            reasons = [detail.get("reason") for detail in error["details"]]
            self.assertIn("EXPIRED_SYNC_TOKEN", reasons)

    def test_a_sync_token_lives_seven_days(self):
        self.create("Some One")
        token = self.list(requestSyncToken=True)[1]["nextSyncToken"]
        self.advance(8 * 24 * 3600)
        with self.assertRaises(HttpError) as caught:
            self.list(requestSyncToken=True, syncToken=token)
        self.assertIn(b"EXPIRED_SYNC_TOKEN", caught.exception.content)

    def test_a_stale_version_is_refused(self):
        made = self.create("Anne Moreau")
        def update(contact, title):
            body = {**contact, "organizations": [{"title": title}]}
            return self.people.updateContact(resourceName=made["resourceName"], body=body,
                                             updatePersonFields="organizations", personFields=FIELDS)
        now = update(source(made), "First").execute()
        self.assertEqual(now["emailAddresses"][0]["value"], "anne.moreau@home.example", "what is not named stays")
        self.refused(400, "FAILED_PRECONDITION", update(source(made), "Second"))
        self.refused(400, "INVALID_ARGUMENT", update({}, "Third"))
        again = update({"etag": now["etag"]}, "Fourth").execute()
        self.assertEqual(again["organizations"][0]["title"], "Fourth")
        self.assertNotEqual(source(again), source(now))

    def test_batches(self):
        made = [self.create(f"Batch N{n}") for n in range(4)]
        stale = source(made[0])
        fresh = self.people.updateContact(resourceName=made[0]["resourceName"],
                                          body={**stale, "organizations": [{"title": "New"}]},
                                          updatePersonFields="organizations", personFields=FIELDS).execute()
        def update(first):
            contacts = {one["resourceName"]: {**source(one), "organizations": [{"title": "Boss"}]} for one in made[1:]}
            contacts[made[0]["resourceName"]] = {**first, "organizations": [{"title": "Boss"}]}
            body = {"contacts": contacts, "updateMask": "organizations", "readMask": "organizations,metadata"}
            return self.people.batchUpdateContacts(body=body)
        error = self.refused(400, "FAILED_PRECONDITION", update(stale))
        errors = [detail["contactErrors"] for detail in error["details"] if "contactErrors" in detail]
        self.assertEqual([list(each) for each in errors], [[made[0]["resourceName"]]])
        updated = update(source(fresh)).execute()["updateResult"]
        self.assertEqual({one["person"]["organizations"][0]["title"] for one in updated.values()}, {"Boss"})
        names = [one["resourceName"] for one in made]
        read = self.people.getBatchGet(resourceNames=[*names, "people/c77"], personFields="names").execute()["responses"]
        self.assertEqual([one["status"]["code"] for one in read if "person" not in one], [5])
        self.people.batchDeleteContacts(body={"resourceNames": names[:3]}).execute()
        self.assertEqual([one["resourceName"] for one in self.list()[0]], names[3:])
        many = {"contacts": [{"contactPerson": person(f"Many N{n}")} for n in range(201)], "readMask": "metadata"}
        self.refused(400, "INVALID_ARGUMENT", self.people.batchCreateContacts(body=many))

    def test_groups(self):
        groups = self.api.contactGroups()
        made = groups.create(body={"contactGroup": {"name": "Clients"}}).execute()
        self.refused(409, "ALREADY_EXISTS", groups.create(body={"contactGroup": {"name": "Clients"}}))
        listed = groups.list(pageSize=100).execute()
        kinds = {one["name"]: one["groupType"] for one in listed["contactGroups"]}
        self.assertEqual(kinds["Clients"], "USER_CONTACT_GROUP")
        self.assertEqual(kinds["myContacts"], "SYSTEM_CONTACT_GROUP")
        inside, _ = self.create("Inside One"), self.create("Beside One")
        modify = lambda **body: groups.members().modify(resourceName=made["resourceName"], body=body).execute()
        answer = modify(resourceNamesToAdd=[inside["resourceName"], "people/c77"])
        self.assertEqual(answer["notFoundResourceNames"], ["people/c77"])
        got = groups.get(resourceName=made["resourceName"], maxMembers=10).execute()
        self.assertEqual(got["memberResourceNames"], [inside["resourceName"]])
        self.assertEqual(got["memberCount"], 1)
        read = self.people.get(resourceName=inside["resourceName"], personFields="memberships").execute()
        names = {one["contactGroupMembership"]["contactGroupResourceName"] for one in read["memberships"]}
        self.assertEqual(names, {made["resourceName"], "contactGroups/myContacts"})
        renamed = groups.update(resourceName=made["resourceName"],
                                body={"contactGroup": {"name": "Customers", "etag": got["etag"]}}).execute()
        self.assertEqual(renamed["name"], "Customers")
        token = listed["nextSyncToken"]
        groups.delete(resourceName=made["resourceName"]).execute()
        changed = groups.list(syncToken=token, pageSize=100).execute()["contactGroups"]
        self.assertEqual([(one["resourceName"], one["metadata"]["deleted"]) for one in changed], [(made["resourceName"], True)])
        self.assertEqual(len(self.list()[0]), 2, "its people stay")

    def test_photos(self):
        made = self.create("With Picture")
        self.assertTrue(made.get("photos", [{"default": True}])[0].get("default"))
        body = {"photoBytes": base64.b64encode(picture(64)).decode(), "personFields": "photos,metadata"}
        shown = self.people.updateContactPhoto(resourceName=made["resourceName"], body=body).execute()["person"]
        (photo,) = [one for one in shown["photos"] if one["metadata"]["source"]["type"] == "CONTACT"]
        self.assertFalse(photo.get("default", False))
        with urllib.request.urlopen(photo["url"]) as answer:
            self.assertIn(answer.headers["content-type"], ("image/png", "image/jpeg"))
            self.assertGreater(len(answer.read()), 60)
        self.people.deleteContactPhoto(resourceName=made["resourceName"], personFields="photos").execute()
        read = self.people.get(resourceName=made["resourceName"], personFields="photos").execute()
        self.assertTrue(all(one.get("default") for one in read.get("photos", [])))

    def test_search(self):
        made = self.create("Findable Person")
        self.people.searchContacts(query="", readMask="names").execute()
        self.advance(5)
        found = self.people.searchContacts(query="findab", readMask="names").execute()["results"]
        self.assertEqual([one["person"]["resourceName"] for one in found], [made["resourceName"]])

    def test_refusals(self):
        made = self.create("Anne Moreau")
        self.refused(404, "NOT_FOUND", self.people.get(resourceName="people/c77", personFields="names"))
        self.refused(400, "INVALID_ARGUMENT", self.people.get(resourceName=made["resourceName"]))
        self.refused(400, "INVALID_ARGUMENT", self.people.get(resourceName=made["resourceName"], personFields="shoes"))
        two = {"names": [{"givenName": "A"}, {"givenName": "B"}]}
        self.refused(400, "INVALID_ARGUMENT", self.people.createContact(body=two))
        self.set(exhausted=[self.user])
        error = self.refused(429, "RESOURCE_EXHAUSTED", self.people.createContact(body=person("No More")))
        self.assertIn("FBS quota limit exceeded", json.dumps(error["details"]))
        self.set(exhausted=[])
        # The client would try to renew the token.
        url = f"{self.root}google/v1/people/me?personFields=names"
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(url, headers={"authorization": "Bearer none"}))
        with caught.exception as answer:
            self.assertEqual((answer.code, json.load(answer)["error"]["status"]), (401, "UNAUTHENTICATED"))

    def test_quota(self):
        self.set(quotas={"critical_reads": 3})
        with self.assertRaises(HttpError) as caught:
            for _ in range(9):
                self.connections.list(resourceName="people/me", personFields="names").execute()
        self.set(quotas=None)
        self.assertEqual(caught.exception.resp.status, 429)
        (detail,) = [one for one in caught.exception.error_details if one.get("reason")]
        self.assertEqual(detail["reason"], "RATE_LIMIT_EXCEEDED")

    def key(self):
        return {"type": "service_account", "client_email": "sync@acme.iam.gserviceaccount.com", "private_key_id": "k1",
                "private_key": (KEYS / "service-account.pem").read_text(), "token_uri": f"{self.root}google/token"}

    def test_a_service_account_acts_for_a_user(self):
        public = (KEYS / "service-account.pub.pem").read_text()
        self.set(service_accounts={"sync@acme.iam.gserviceaccount.com": public})
        self.create("Anne Moreau")
        credentials = service_account.Credentials.from_service_account_info(self.key(), scopes=[CONTACTS], subject=self.user)
        credentials.refresh(Request())
        self.assertTrue(credentials.valid)
        life = credentials.expiry - datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        self.assertGreater(life, datetime.timedelta(minutes=50))
        found = service(self.root, credentials).people().connections().list(
            resourceName="people/me", personFields="names").execute()
        self.assertEqual([one["names"][0]["displayName"] for one in found["connections"]], ["Anne Moreau"])
        self.set(delegated_domains=["other.example"])
        with self.assertRaisesRegex(RefreshError, "unauthorized_client"):
            credentials.refresh(Request())
        self.set(delegated_domains=None, service_accounts={"somebody@else.example": public})
        with self.assertRaisesRegex(RefreshError, "invalid_grant"):
            credentials.refresh(Request())
        self.set(service_accounts={})


if __name__ == "__main__":
    unittest.main()
