"""Under which names a router keeps what no configuration shows: private keys and revocation lists."""

from __future__ import annotations

import re
from typing import Final

from dmvpn.features.pki.keypairs import is_keypair

KEY, LIST = "key", "crl"
#: Octets of all revocation lists of a trustpoint: longer values would not survive a restart.
LARGEST: Final = 1 << 16
_LONG: Final = 0x80
_NAME: Final = re.compile(r"pki-(.+)\.(key|crl)\Z")
_ODD: Final = re.compile(r"[^A-Za-z0-9_-]")
_QUOTED: Final = re.compile(r"%([0-9a-f]+)%")


def name_of(trustpoint: str, kind: str) -> str:
    """Return the name under which it is kept: of a file, so of letters that no file system minds."""
    return f"pki-{_ODD.sub(lambda match: f'%{ord(match[0]):x}%', trustpoint)}.{kind}"


def meaning_of(name: str) -> tuple[str, str] | None:
    """Return the trustpoint and the kind of a stored value, by its name; None: the name is not of this feature."""
    match = _NAME.match(name)
    return None if match is None else (_QUOTED.sub(lambda quoted: chr(int(quoted[1], 16)), match[1]), match[2])


def is_ours(name: str) -> bool:
    """Return whether this feature keeps something under this name."""
    return meaning_of(name) is not None or is_keypair(name)


def joined(values: tuple[bytes, ...]) -> bytes:
    """Join several DER values to one."""
    return b"".join(values)


def parted(octets: bytes) -> tuple[bytes, ...]:
    """Return the DER values that follow each other; damaged octets are the last one."""
    found: list[bytes] = []
    while octets:
        end = _end(octets)
        found.append(octets[:end])
        octets = octets[end:]
    return tuple(found)


def _end(octets: bytes) -> int:
    """Return where the first DER value ends (X.690 §8.1.3)."""
    if len(octets) < 2 or not octets[1] & _LONG:
        return 2 + octets[1] if len(octets) > 1 else len(octets)
    width = octets[1] & ~_LONG
    return min(len(octets), 2 + width + int.from_bytes(octets[2 : 2 + width], "big"))
