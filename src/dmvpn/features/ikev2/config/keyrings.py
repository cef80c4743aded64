"""`crypto ikev2 keyring`: pre-shared keys and whose they are."""

from __future__ import annotations

from typing import Final

from dmvpn.features.ikev2.config.words import IDENTITY_HELP, KEY, KEY_HELP, check_key, identity_of, key_of
from dmvpn.features.ikev2.model import Keyring, KeyringPeer
from dmvpn.ios import Args, ConfigLine, ConfigTree, Mode, Section

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
    "address {address:address} [ {mask:mask} ]",
    {"address": "Its address", "mask": "Mask of a range; 0.0.0.0 0.0.0.0 is everybody"},
    order=10,
)
HOSTNAME: Final = ConfigLine(
    _PEER, "hostname {name:word}", {"hostname": "Its name, to find its address by", "name": "Host name"}, order=15
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


def keyrings(tree: ConfigTree) -> tuple[Keyring, ...]:
    """All keyrings."""
    return tuple(
        Keyring(args.text("name"), tuple(_peer(peer, inner) for peer, inner in section.sections(PEER)))
        for args, section in tree.sections(KEYRING)
    )


def _peer(args: Args, section: Section) -> KeyringPeer:
    address, hostname, identity = section.get(ADDRESS), section.get(HOSTNAME), section.get(IDENTITY)
    keys = section.all(PRE_SHARED_KEY)
    return KeyringPeer(
        name=args.text("name"),
        address=address.address("address") if address else None,
        mask=address.address("mask", None) if address else None,
        hostname=hostname.text("name") if hostname else "",
        identity=identity_of(identity) if identity else None,
        local_key=key_of(_for_side(keys, "local", "remote")),
        remote_key=key_of(_for_side(keys, "remote", "local")),
    )


def _for_side(keys: list[Args], side: str, other: str) -> Args | None:
    """The key of this side; one that names no side is for both, and one that does counts more."""
    of_side = [key for key in keys if side in key]
    of_both = [key for key in keys if side not in key and other not in key]
    return next(iter(of_side + of_both), None)
