"""Octets that were a finding once: files `kept/TARGET-HASH`, tried every day, and what `make fuzz` begins with.

A finding of atheris in `tests/fuzz/findings` is kept by moving it there.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "kept"
_TOLD: Final = re.compile(r"octets for ([a-z-]+): ([0-9a-f]*)")


def kept(target: str) -> list[bytes]:
    """Return what is kept of a target."""
    return [path.read_bytes() for path in sorted(FOLDER.glob("*-*")) if path.name.rpartition("-")[0] == target]


def told(target: str, octets: bytes) -> str:
    """Return the line by which a test says with which octets it fails."""
    return f"octets for {target}: {octets.hex()}"


def keep_told(text: str) -> list[Path]:
    """Keep the octets that the text of a failure names. Returns the files."""
    files = []
    for target, octets in dict.fromkeys(_TOLD.findall(text)):
        content = bytes.fromhex(octets)
        files.append(FOLDER / f"{target}-{hashlib.sha256(content).hexdigest()[:8]}")
        files[-1].write_bytes(content)
    return files
