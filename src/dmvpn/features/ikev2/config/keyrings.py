"""`crypto ikev2 keyring`: pre-shared keys and whose they are."""

from __future__ import annotations

from typing import Final

from dmvpn.features.ikev2.config.words import IDENTITY_HELP, KEY, KEY_HELP, check_key, not_acted_upon
from dmvpn.ios import ConfigLine, Mode

_KEYRING, _PEER = "ikev2-keyring", "ikev2-keyring-peer"
MODES: Final = (
    Mode(_KEYRING, "config-ikev2-keyring"),
    Mode(_PEER, "config-ikev2-keyring-peer", _KEYRING, closing_mark=True),
)

KEYRING: Final = ConfigLine(
    "global",
    "crypto ikev2 keyring {name:word}",
    {"keyring": "Pre-shared keys", "name": "Name of the keyring"},
    key=("name",),
    order=203,
    opens=_KEYRING,
)
PEER: Final = ConfigLine(
    _KEYRING,
    "peer {name:word}",
    {"peer": "A peer, or a group of them with the same key", "name": "Name for it, local to this router"},
    key=("name",),
    opens=_PEER,
)
DESCRIPTION: Final = ConfigLine(_PEER, "description {text:line}", {"description": "Text for people"}, order=5)
ADDRESS: Final = ConfigLine(
    _PEER,
    "address ( {address:address} [ {mask:mask} ] | {address6:prefix6} )",
    {
        "address": "Its address",
        "mask": "Mask of a range; 0.0.0.0 0.0.0.0 is everybody",
        "address6": "Kept; tunnels go over IPv4 here",
    },
    order=10,
)
HOSTNAME: Final = ConfigLine(
    _PEER,
    "hostname {name:word}",
    {"hostname": "Its name, to find its address by", "name": "Host name"},
    order=15,
    check=not_acted_upon("no names are looked up; use address or identity"),
)
IDENTITY: Final = ConfigLine(
    _PEER,
    "identity ( address {address:address} | fqdn [ domain ] {text:word} | email [ domain ] {text:word} "
    "| key-id {text:word} )",
    {**IDENTITY_HELP, "identity": "Its identity, which counts more than its address"},
    order=20,
)
PRE_SHARED_KEY: Final = ConfigLine(
    _PEER,
    f"pre-shared-key [ local | remote ] {KEY}",
    {**KEY_HELP, "pre-shared-key": "The key", "local": "With which we sign", "remote": "With which the peer signs"},
    key=("local", "remote"),
    order=30,
    check=check_key,
)

LINES: Final = (KEYRING, PEER, DESCRIPTION, ADDRESS, HOSTNAME, IDENTITY, PRE_SHARED_KEY)
