"""`crypto ikev2 proposal` and `crypto ikev2 policy`: which algorithms, and for which addresses."""

from __future__ import annotations

from typing import Final

from dmvpn.features.ikev2.config.words import CIPHER, GROUP, HASH
from dmvpn.ios import ConfigLine, Mode, several

_PROPOSAL, _POLICY = "ikev2-proposal", "ikev2-policy"
MODES: Final = (Mode(_PROPOSAL, "config-ikev2-proposal"), Mode(_POLICY, "config-ikev2-policy"))

PROPOSAL: Final = ConfigLine(
    "global",
    "crypto ikev2 proposal {name:word}",
    {"ikev2": "Internet Key Exchange version 2", "proposal": "Algorithms", "name": "Name of the proposal"},
    key=("name",),
    order=201,
    opens=_PROPOSAL,
)
ENCRYPTION: Final = ConfigLine(
    _PROPOSAL,
    "encryption " + several("cipher", CIPHER.name, 7),
    {"encryption": "Ciphers, the best one first"},
    order=10,
)
INTEGRITY: Final = ConfigLine(
    _PROPOSAL,
    "integrity " + several("hash", HASH.name, 5),
    {"integrity": "Hashes that protect messages, the best one first"},
    order=20,
)
PRF: Final = ConfigLine(
    _PROPOSAL,
    "prf " + several("hash", HASH.name, 5),
    {"prf": "Pseudo-random functions; those of `integrity` if nothing is said"},
    order=30,
)
GROUPS: Final = ConfigLine(
    _PROPOSAL,
    "group " + several("group", GROUP.name, 11),
    {"group": "Diffie-Hellman groups, the best one first"},
    order=40,
)

POLICY: Final = ConfigLine(
    "global",
    "crypto ikev2 policy {name:word}",
    {"policy": "Which proposals are used where", "name": "Name of the policy"},
    key=("name",),
    order=202,
    opens=_POLICY,
)
MATCH_FVRF: Final = ConfigLine(
    _POLICY,
    "match fvrf ( any | {vrf:word} )",
    {"match": "Where the policy holds", "fvrf": "In a VRF", "any": "Everywhere", "vrf": "Name of the VRF"},
    order=10,
)
MATCH_LOCAL: Final = ConfigLine(
    _POLICY,
    "match address local {address:address}",
    {"local": "For a local address"},
    key=("address",),
    order=20,
)
USES: Final = ConfigLine(
    _POLICY,
    "proposal {name:word}",
    {"proposal": "Use a proposal", "name": "Its name"},
    key=("name",),
    order=30,
)

LINES: Final = (PROPOSAL, ENCRYPTION, INTEGRITY, PRF, GROUPS, POLICY, MATCH_FVRF, MATCH_LOCAL, USES)
