"""`crypto pki certificate map`: certificates described by their contents."""

from __future__ import annotations

from typing import Final

from dmvpn.base.values import collected
from dmvpn.ios import ConfigLine, Mode

_MAP = "pki-certificate-map"
MODES: Final = (Mode(_MAP, "ca-certificate-map"),)

MAP: Final = ConfigLine(
    "global",
    "crypto ( pki | ca=pki ) certificate map {name:word} {number:1-65535}",
    {
        "pki": "Certificates",
        "certificate": "Certificates as such",
        "map": "Which certificates are meant",
        "name": "Name of the map",
        "number": "Entries are tried in this order",
    },
    key=("name", "number"),
    order=192,
    opens=_MAP,
    sort=("name", "number"),
)
RULE: Final = ConfigLine(
    _MAP,
    "( subject-name | issuer-name | alt-subject-name | serial-number ) ( eq | ne | co | nc ) {text:line}",
    {
        "subject-name": "Whose certificate it is",
        "issuer-name": "Who issued it",
        "alt-subject-name": "Other names of its owner",
        "serial-number": "Its number, hexadecimal",
        "eq": "Is equal to",
        "ne": "Is not equal to",
        "co": "Contains",
        "nc": "Does not contain",
        "text": "What is compared; large letters are as good as small ones",
    },
    key=(),
    order=10,
)
LINES: Final = collected(ConfigLine, vars())
