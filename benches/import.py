#!/usr/bin/env python3
"""Measures a first import into the sandbox: wall time, CPU, peak memory, calls, tokens, and how a burst limit is used.

    cargo build --release
    python3 benches/import.py --cards 10000
    python3 benches/import.py --cards 600 --plan growth

Generates the cards, serves the sandbox as a process of its own, runs `carnetd sync --init`, and a second pass that must
change nothing. Needs Python 3.9 and nothing else. How to read it: docs/measurements.md.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

OWNER = "alice@acme.example"
WINDOW = 2.0
"""Seconds of Pipedrive's rolling burst window."""


def card(number, organizations, chance):
    """A card as address books hold them: two addresses, two numbers, an organization, sometimes more."""
    name = f"Person{number} Family{number % 997}"
    lines = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"UID:measured-{number}",
        f"FN:{name}",
        f"N:Family{number % 997};Person{number};;;",
        f"EMAIL;TYPE=WORK:person-{number}@acme.example",
        f"TEL;TYPE=CELL:+1555{number:07}",
    ]
    if organizations:
        lines.append(f"ORG:Company {number % organizations}")
    if chance.random() < 0.5:
        lines.append(f"EMAIL;TYPE=HOME:p{number}@home.example")
        lines.append(f"TEL;TYPE=WORK:+1556{number:07}")
    if chance.random() < 0.3:
        lines.append(f"ADR;TYPE=WORK:;;{number} Long Street;Springfield;;12345;USA")
        lines.append("TITLE:Buyer")
    if chance.random() < 0.2:
        lines.append("NOTE:Met at the fair\\, wants a call in spring. " * 5)
        lines.append("BDAY:1980-02-29")
    return "\r\n".join([*lines, "END:VCARD", ""])


def call(root, path, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(root + path, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text.startswith((b"{", b"[")) else None


def run(*command, **more):
    """Runs a command; its wall time, CPU time in seconds and peak memory in MB."""
    start = time.monotonic()
    process = subprocess.Popen(command, **more)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {os.waitstatus_to_exitcode(status)}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def say(label, text):
    print(f"{label:<22}{text}")


def measure(options, directory, root, carnetd):
    chance = random.Random(options.seed)
    (directory / "cards").mkdir()
    for number in range(options.cards):
        (directory / f"cards/{number:06}.vcf").write_text(card(number, options.organizations, chance))
    (directory / "token").write_text(f"sandbox:{OWNER}\n")
    config = directory / "carnetd.toml"
    config.write_text(
        f'state_dir = "state"\n[pipedrive]\nurl = "{root}pipedrive"\ntoken_file = "token"\nvisibility_levels = 2\n'
        'daily_share = "100%"\n[status]\nlisten = "off"\n[accounts.alice]\nprovider = "folder"\npath = "cards"\n'
        f'owner = "{OWNER}"\ngroup = "*"\ndirection = "one-way"\nvisibility = "company"\n'
    )
    limit = None
    if options.plan:
        settings = {"plan": options.plan, "enforce_burst": True}
        call(root, "_faults", "POST", {"pipedrive": settings})
        limit = {"lite": 20, "growth": 40, "professional": 80, "premium": 100, "ultimate": 120}[options.plan]
    sync = [carnetd, "--config", config, "sync"]
    with open(directory / "out", "w") as out:
        wall, cpu, peak = run(*sync, "--init", stdout=out, stderr=out)
        calls = call(root, "_calls")
        again, _, _ = run(*sync, stdout=out, stderr=out)
    writes = sum(row["calls"] for route, row in calls["routes"].items() if not route.startswith("GET "))
    after = call(root, "_calls")
    writes_after = sum(row["calls"] for route, row in after["routes"].items() if not route.startswith("GET "))
    persons = calls["routes"]["POST /pipedrive/api/v2/persons"]["calls"]
    made = calls["routes"].get("POST /pipedrive/api/v2/organizations", {"calls": 0})["calls"]
    say("cards", f"{options.cards}; made {persons} persons and {made} organizations")
    say("wall time", f"{wall:.2f} s")
    say("CPU time", f"{cpu:.2f} s")
    say("peak memory", f"{peak:.0f} MB")
    say("calls", f"{calls['calls']}, of which {writes} writes; {calls['too_many']} refused as too many (429)")
    beside = calls["tokens"] - 5 * persons - 5 * made
    say("tokens", f"{calls['tokens']}: 5 for each contact, 5 for each organization, and {beside} to look around")
    say("second pass", f"{again:.2f} s, {writes_after - writes} writes")
    if limit:
        # So many calls fit into a rolling window that the last cannot be sent sooner than this after the first.
        least = (calls["calls"] - 1) // limit * WINDOW
        say("burst limit", f"{limit} in {WINDOW:.0f} s: {least:.0f} s at least, {least / wall * 100:.1f} % of the rate reached")
    if persons != options.cards or writes_after != writes:
        sys.exit("the import was not exact")


def main():
    parser = argparse.ArgumentParser(description="Measures a first import into the sandbox.")
    parser.add_argument("--cards", type=int, default=10_000)
    parser.add_argument("--organizations", type=int, default=100, help="distinct ones; 0: none")
    parser.add_argument("--plan", choices=["lite", "growth", "professional", "premium", "ultimate"],
                        help="enforce this plan's burst limit")
    parser.add_argument("--program", default="target/release/carnetd")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    carnetd = os.path.abspath(options.program)
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        command = [carnetd, "sandbox", "--listen", "127.0.0.1:0"]
        sandbox = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            line = next(line for line in sandbox.stderr if "http://" in line)
            root = line[line.index("http://"):].split(";")[0].strip()
            measure(options, directory, root, carnetd)
        finally:
            sandbox.terminate()
            sandbox.wait()


if __name__ == "__main__":
    main()
