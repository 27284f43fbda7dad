#!/usr/bin/env python3
"""Measures what accounts at Google cost: calls of a first sync, of an idle pass and of changes written back; and memory
with many accounts under one service account.

    cargo build --release
    python3 benches/google.py --contacts 10000
    python3 benches/google.py --accounts 1000

Serves the sandbox as a process of its own and runs carnetd against it. Needs Python 3.9 and nothing else. How to read it:
docs/measurements.md.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

OWNER = "user-0@acme.example"
KEY = pathlib.Path(__file__).resolve().parents[1] / "src/sandbox/google/tests/service-account.pem"


def call(root, path, method="GET", body=None, user=OWNER):
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer sandbox:{user}"}
    with urllib.request.urlopen(urllib.request.Request(root + path, data, headers, method=method)) as answer:
        text = answer.read()
    return json.loads(text) if text.startswith((b"{", b"[")) else None


def calls(root):
    """The calls since the last time, by route."""
    routes = call(root, "_calls")["routes"]
    call(root, "_calls", "DELETE")
    return {route: row["calls"] for route, row in sorted(routes.items())}


def of(service, counts):
    return {route: count for route, count in counts.items() if f" /{service}/" in route}


def person(number):
    """A contact as address books hold them."""
    email = {"value": f"person-{number}@acme.example", "type": "work"}
    return {
        "names": [{"givenName": f"Person{number}", "familyName": f"Family{number % 997}"}],
        "emailAddresses": [email, {"value": f"p{number}@home.example", "type": "home"}],
        "phoneNumbers": [{"value": f"+1555{number:07}", "type": "mobile"}],
        "organizations": [{"name": f"Company {number % 100}", "title": "Buyer"}],
    }


def fill(root, user, numbers):
    """Puts contacts into a user's book, with the label Clients."""
    body = {"contactGroup": {"name": "Clients"}}
    label = call(root, "google/v1/contactGroups", "POST", body, user)["resourceName"]
    memberships = [{"contactGroupMembership": {"contactGroupResourceName": label}}]
    for start in range(0, len(numbers), 200):
        people = [{"contactPerson": {**person(n), "memberships": memberships}} for n in numbers[start:start + 200]]
        call(root, "google/v1/people:batchCreateContacts", "POST", {"contacts": people, "readMask": "metadata"}, user)


def configure(directory, root, accounts, interval, listen):
    key = {"type": "service_account", "client_email": "sync@acme.iam.gserviceaccount.com", "client_id": "104",
           "private_key_id": "k1", "private_key": KEY.read_text()}
    for name, text in (("google.json", json.dumps(key)), ("token", f"sandbox:{OWNER}\n")):
        (directory / name).write_text(text)
        (directory / name).chmod(0o600)
    lines = [f'state_dir = "state"\ninterval = "{interval}"\n[pipedrive]\nurl = "{root}pipedrive"\ntoken_file = "token"',
             'visibility_levels = 2\ndaily_tokens = 10000000\ndaily_share = "100%"', f'[status]\nlisten = "{listen}"',
             '[google]\nlogin = "service-account"\nservice_account_file = "google.json"',
             *(f'{name} = "{root}google"' for name in ("api_url", "auth_url", "token_url")),
             '[defaults]\ngroup = "Clients"\ndirection = "two-way"\nvisibility = "company"']
    lines += [f'[accounts.user-{n}]\nprovider = "google"\naddress = "user-{n}@acme.example"' for n in range(accounts)]
    (directory / "carnetd.toml").write_text("\n".join(lines) + "\n")
    call(root, "_faults", "POST", {"pipedrive": {"users": [f"user-{n}@acme.example" for n in range(accounts)]}})


def run(*command):
    """Runs a command; its wall time in seconds and its peak memory in MB."""
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        _, status, used = os.wait4(process.pid, 0)
        if status != 0:
            out.seek(0)
            sys.exit(f"{' '.join(map(str, command))} ended with {os.waitstatus_to_exitcode(status)}:\n{out.read()}")
    return time.monotonic() - start, used.ru_maxrss / 1024


def say(label, text):
    print(f"{label:<26}{text}", flush=True)


def told(label, counts):
    say(label, f"{sum(counts.values())} calls")
    for route, count in counts.items():
        print(f"{'':<26}  {count:6} {route}")


def one_account(options, directory, root, carnetd):
    fill(root, OWNER, range(options.contacts))
    configure(directory, root, 1, "5m", "off")
    sync = [carnetd, "--config", directory / "carnetd.toml", "sync"]
    calls(root)
    wall, peak = run(*sync, "--init")
    first = calls(root)
    say("first sync", f"{options.contacts} contacts in {wall:.1f} s; peak memory {peak:.0f} MB")
    told("  Google", of("google", first))
    told("  Pipedrive", of("pipedrive", first))
    pages = -(-options.contacts // 1000)
    google = of("google", first)
    least = pages + 2
    say("  least for Google", f"{least}: {pages} pages, the groups, a token; {sum(google.values()) / least:.3f} of it")


def one_daemon(options, directory, root, carnetd):
    """Idle passes and changes written back, by a daemon."""
    config = directory / "carnetd.toml"
    config.write_text(config.read_text().replace('interval = "5m"', 'interval = "1m"'))
    with open(directory / "log", "w") as log:
        daemon = subprocess.Popen([carnetd, "--config", config, "run"], stdout=log, stderr=log)
        try:
            settle(root, daemon, 1)
            calls(root)
            run(carnetd, "--config", config, "sync")
            told("idle pass", of("google", calls(root)))
            listed = call(root, f"pipedrive/api/v2/persons?limit={options.changed}")["data"]
            for one in listed:
                call(root, f"pipedrive/api/v2/persons/{one['id']}", "PATCH", {"job_title": "Director"})
            calls(root)
            run(carnetd, "--config", config, "sync")
            told(f"{len(listed)} written back", of("google", calls(root)))
        finally:
            daemon.terminate()
            daemon.wait()


def settle(root, daemon, accounts, quiet=3.0):
    """Waits until every account has been looked at and nothing is written any more."""
    written, since = -1, time.monotonic()
    end = since + 600
    while time.monotonic() < end:
        time.sleep(0.5)
        if daemon.poll() is not None:
            sys.exit("carnetd ended")
        routes = call(root, "_calls")["routes"]
        now = sum(row["calls"] for route, row in routes.items() if not route.startswith("GET "))
        if now != written:
            written, since = now, time.monotonic()
        looks = routes.get("GET /google/v1/people/{id}/connections", {"calls": 0})["calls"]
        if looks >= accounts and time.monotonic() - since > quiet:
            return
    sys.exit("it does not come to rest within ten minutes")


def memory(process):
    """Resident memory of a process in MB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def many_accounts(options, directory, root, carnetd):
    users = [(f"user-{n}@acme.example", range(n * options.each, (n + 1) * options.each)) for n in range(options.accounts)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda user: fill(root, *user), users))
    configure(directory, root, options.accounts, options.interval, "off")
    calls(root)
    with open(directory / "log", "w") as log:
        start = time.monotonic()
        daemon = subprocess.Popen([carnetd, "--config", directory / "carnetd.toml", "run"], stdout=log, stderr=log)
        try:
            settle(root, daemon, options.accounts, 5)
            say("first passes", f"{options.accounts} accounts of {options.each} contacts in {time.monotonic() - start:.0f} s")
            told("  Google", of("google", calls(root)))
            samples = []
            for _ in range(options.seconds):
                time.sleep(1)
                samples.append(memory(daemon))
            say(f"{options.seconds} s of idle passes", f"memory {statistics.median(samples):.0f} MB (most {max(samples):.0f} MB)")
            idle = calls(root)
            told("  Google", of("google", idle))
            told("  Pipedrive", of("pipedrive", idle))
        finally:
            daemon.terminate()
            daemon.wait()


def main():
    parser = argparse.ArgumentParser(description="Measures what accounts at Google cost.")
    parser.add_argument("--contacts", type=int, default=10_000)
    parser.add_argument("--changed", type=int, default=200, help="persons whose change is written back")
    parser.add_argument("--accounts", type=int, help="so many accounts instead of one")
    parser.add_argument("--each", type=int, default=10, help="contacts of each of them")
    parser.add_argument("--interval", default="30s", help="between their passes")
    parser.add_argument("--seconds", type=int, default=60, help="how long they are watched while idle")
    parser.add_argument("--program", default="target/release/carnetd")
    options = parser.parse_args()
    carnetd = os.path.abspath(options.program)
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        sandbox = subprocess.Popen([carnetd, "sandbox", "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
        try:
            line = next(line for line in sandbox.stderr if "http://" in line)
            root = line[line.index("http://"):].split(";")[0].strip()
            if options.accounts:
                many_accounts(options, directory, root, carnetd)
            else:
                one_account(options, directory, root, carnetd)
                one_daemon(options, directory, root, carnetd)
        finally:
            sandbox.terminate()
            sandbox.wait()


if __name__ == "__main__":
    main()
