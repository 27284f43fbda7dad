"""Reads a folder of vCards with vobject and khard, and compares what they see with what is expected.

    python read_cards.py FOLDER EXPECTED.json

EXPECTED maps a formatted name to the lists `emails`, `phones`, `categories` (each at least), and `lines`: unfolded
lines that must stand in the card as they are. Names not in EXPECTED must still be readable. Prints one line a card.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import vobject


def values(card, name):
    """All values of a property, whatever its group; lists are flattened."""
    for line in card.contents.get(name, []):
        yield from line.value if isinstance(line.value, list) else [line.value]


def unfolded(path):
    text = path.read_bytes().replace(b"\r\n", b"\n")
    return text.replace(b"\n ", b"").replace(b"\n\t", b"").decode().split("\n")


def check(path, expected):
    raw = path.read_bytes()
    cards = list(vobject.readComponents(raw.decode()))
    assert len(cards) == 1, f"{path}: {len(cards)} cards"
    (card,) = cards
    name = card.fn.value
    wanted = expected.pop(name, {})
    for key, prop in (("emails", "email"), ("phones", "tel"), ("categories", "categories")):
        seen = set(values(card, prop))
        missing = set(wanted.get(key, [])) - seen
        assert not missing, f"{path}: {prop} {missing} not among {seen}"
    lines = unfolded(path)
    for line in wanted.get("lines", []):
        assert line in lines, f"{path}: the line is gone or changed: {line}"
    if wanted.get("written"):
        assert raw.endswith(b"END:VCARD\r\n"), f"{path}: no CRLF at the end"
        assert b"\n" not in raw.replace(b"\r\n", b""), f"{path}: a line end that is not CRLF"
        assert max(map(len, raw.split(b"\r\n"))) <= 75, f"{path}: a line of more than 75 octets"
        assert card.contents["uid"], f"{path}: no UID"
    print(f"vobject reads {name}")
    # khard shows only cards that have a UID; some programs write none.
    return name, "uid" in card.contents


def khard(folder, *arguments):
    with tempfile.TemporaryDirectory() as home:
        configuration = Path(home, "khard.conf")
        configuration.write_text(
            f"[addressbooks]\n[[contacts]]\npath = {folder}\n[contact table]\ndisplay = formatted_name\nshow_uids = no\n"
        )
        command = [sys.executable, "-m", "khard", "-c", str(configuration), *arguments]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"khard {arguments}: {run.stdout}{run.stderr}"
    assert "error" not in run.stderr.lower(), run.stderr
    return run.stdout


def main(folder, expected_path):
    expected = json.loads(Path(expected_path).read_text())
    everybody = {name: dict(wanted) for name, wanted in expected.items()}
    read = [check(path, expected) for path in sorted(Path(folder).glob("*.vcf"))]
    names = [name for name, has_uid in read if has_uid]
    assert not expected, f"no card for {list(expected)}"
    listed = khard(folder, "list", "--parsable")
    emails = khard(folder, "email", "--parsable")
    for name in names:
        assert name in listed, f"khard does not list {name}:\n{listed}"
    for name in names:
        for email in everybody.get(name, {}).get("emails", []):
            assert email in emails, f"khard does not find {email}:\n{emails}"
    print(f"khard lists {len(listed.splitlines())} cards")


if __name__ == "__main__":
    main(*sys.argv[1:])
