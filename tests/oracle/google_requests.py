"""What carnetd asks Google, against Google's own description of the People API.

    CARNETD_RECORD=$PWD/target/google-calls cargo test --test e2e google
    target/oracle-python/bin/python tests/oracle/google_requests.py target/google-calls

Reads what the end-to-end tests kept (tests/e2e/tee.rs): path, query and body of every request must be as described, and
every call that carnetd knows must be among them.
"""

import collections
import json
import os
import pathlib
import sys
import urllib.parse

try:
    from discovery import Description
    DESCRIPTION = Description()
except ImportError as missing:
    if os.environ.get("CI") == "true":
        raise
    print(f"SKIPPED: {missing}; .ci/install brings it", file=sys.stderr)
    sys.exit(0)

CALLS = {
    "people.contactGroups.list",
    "people.contactGroups.members.modify",
    "people.people.batchCreateContacts",
    "people.people.batchDeleteContacts",
    "people.people.batchUpdateContacts",
    "people.people.connections.list",
    "people.people.createContact",
    "people.people.deleteContact",
    "people.people.getBatchGet",
    "people.people.updateContact",
}
"""All calls that carnetd makes (src/adapter/google/api.rs)."""
MASKS = {"personFields", "updatePersonFields", "readMask", "updateMask"}
PERSON = set(DESCRIPTION.schemas["Person"]["properties"])
UPDATED = PERSON - {"metadata", "photos", "etag", "resourceName", "coverPhotos", "ageRanges", "skills"}


def requests(data):
    """The requests of one connection, one after the other; one that was cut off is left out."""
    while b"\r\n\r\n" in data:
        head, data = data.split(b"\r\n\r\n", 1)
        line, *lines = head.decode().split("\r\n")
        headers = {key.lower(): value.strip() for key, value in (each.split(":", 1) for each in lines)}
        assert headers.get("transfer-encoding") is None, "carnetd says how long its bodies are"
        length = int(headers.get("content-length", 0))
        if len(data) < length:
            return
        body, data = data[:length], data[length:]
        verb, target, _ = line.split(" ")
        yield verb, urllib.parse.urlsplit(target), headers, body


def masks(method, pairs, body):
    """What is wrong with the masks of a call."""
    for name, value in [*pairs, *body.items()]:
        if name in MASKS:
            allowed = UPDATED if name in ("updatePersonFields", "updateMask") else PERSON
            for path in value.split(","):
                if path.split(".")[0] not in allowed:
                    yield f"{name} holds {path!r}"
    updating = {"people.people.updateContact", "people.people.batchUpdateContacts"}
    if method["id"] in updating:
        people = list(body["contacts"].values()) if "contacts" in body else [body]
        for person in people:
            sources = [one for one in person["metadata"]["sources"] if one["type"] == "CONTACT"]
            if len(sources) != 1 or not sources[0].get("etag"):
                yield f"an update names no version: {person['metadata']}"
    limits = {"people.people.batchUpdateContacts": ("contacts", 200), "people.people.batchCreateContacts": ("contacts", 200),
              "people.people.batchDeleteContacts": ("resourceNames", 500)}
    if method["id"] in limits:
        key, most = limits[method["id"]]
        if not 0 < len(body[key]) <= most:
            yield f"{len(body[key])} {key} in one batch"
    if method["id"] == "people.people.getBatchGet" and len([1 for name, _ in pairs if name == "resourceNames"]) > 200:
        yield "too many resource names in one read"


def check(verb, url, headers, body):
    """The id of the method that was called, and what is wrong with the request."""
    path = urllib.parse.unquote(url.path.removeprefix("/google/"))
    method, _ = DESCRIPTION.method(verb, path)
    if method is None:
        return None, [f"{verb} {path} is no call of the People API"]
    pairs = urllib.parse.parse_qsl(url.query, keep_blank_values=True)
    problems = list(DESCRIPTION.query(method, pairs))
    value = {}
    if "request" in method:
        value = json.loads(body)
        problems += DESCRIPTION.problems(value, method["request"], sent=True)
        if not headers.get("content-type", "").startswith("application/json"):
            problems.append(f"content-type is {headers.get('content-type')}")
    elif body:
        problems.append(f"{len(body)} bytes of body for a call without one")
    if not headers.get("authorization", "").startswith("Bearer "):
        problems.append("no bearer token")
    return method["id"], problems + list(masks(method, pairs, value))


def main():
    calls, wrong, tokens = collections.Counter(), collections.Counter(), 0
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.http")):
        for verb, url, headers, body in requests(path.read_bytes()):
            if not url.path.startswith("/google/v1/"):
                tokens += url.path == "/google/token"
                continue
            name, problems = check(verb, url, headers, body)
            calls[name] += 1
            wrong.update(f"{name}: {problem}" for problem in problems)
    for name, count in sorted(calls.items(), key=str):
        print(f"{count:7} {name}")
    print(f"{tokens:7} token requests")
    for problem, count in wrong.most_common(40):
        print(f"WRONG, {count} times: {problem}", file=sys.stderr)
    never = CALLS - set(calls)
    if never:
        print(f"WRONG: never called, so never checked: {', '.join(sorted(never))}", file=sys.stderr)
    sys.exit(1 if wrong or never else 0)


if __name__ == "__main__":
    main()
