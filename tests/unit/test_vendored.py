"""Files of other projects inside of the page are those that their projects gave out, and are named in NOTICE."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dmvpn.web.exported import FOLDER

VENDOR = FOLDER / "vendor"
ROOT = Path(__file__).parents[2]
#: Files of our own about them.
OURS = {"README", "SHA256SUMS", "xterm.d.mts"}


def test_each_vendored_file_has_its_hash_and_its_hash_is_right() -> None:
    lines = [line.split() for line in (VENDOR / "SHA256SUMS").read_text().splitlines()]
    sums = {name: digest for digest, name in lines}
    found = {path.name for path in VENDOR.iterdir()} - OURS
    assert found == set(sums)
    assert {name: hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() for name in found} == sums


def test_the_license_is_there_and_notice_names_it() -> None:
    assert "Permission is hereby granted, free of charge" in (VENDOR / "LICENSE").read_text()
    assert "xterm.js" in (ROOT / "NOTICE").read_text()
