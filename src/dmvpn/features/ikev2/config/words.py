"""Words that several modes of IKE have in common: algorithms, keys, identities, dead peer detection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ikev2.algorithms import Encryption, Hash
from dmvpn.ios import Args, OneOf, Section, register_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_GROUPS: Final = {
    "1": "768 bits; broken",
    "2": "1024 bits; weak",
    "5": "1536 bits; weak",
    "14": "2048 bits",
    "15": "3072 bits",
    "16": "4096 bits",
    "19": "256 bits, elliptic curve",
    "20": "384 bits, elliptic curve",
    "21": "521 bits, elliptic curve",
    "24": "2048 bits with a subgroup of 256 bits",
    "31": "Curve25519",
}
_WEAK: Final = (Encryption.DES, Encryption.TRIPLE_DES, Hash.MD5)

CIPHER: Final = register_type(
    OneOf("ike-encryption", {word.value: "Weak" if word in _WEAK else "Cipher" for word in Encryption})
)
HASH: Final = register_type(OneOf("ike-hash", {word.value: "Weak" if word in _WEAK else "Hash" for word in Hash}))
GROUP: Final = register_type(OneOf("dh-group", _GROUPS))

#: How a key is written. What follows `6` could only be read with the master key of the router that wrote it.
KEY: Final = "[ 0 | 6 | hex ] {key:line}"
KEY_HELP: Final[Mapping[str, str]] = {
    "0": "The key follows in clear",
    "6": "Kept: the key follows encrypted, and cannot be read here",
    "hex": "The key follows in hexadecimal digits",
    "key": "The key",
}

IDENTITY_HELP: Final[Mapping[str, str]] = {
    "address": "An address",
    "mask": "Mask of a range of addresses",
    "fqdn": "A host name with its domain",
    "email": "An e-mail address",
    "domain": "All names of a domain",
    "key-id": "Any text",
    "text": "Name",
}

DPD: Final = "dpd {interval:10-3600} {retry:2-60} ( periodic | on-demand )"
DPD_HELP: Final[Mapping[str, str]] = {
    "dpd": "Find out when the peer is dead",
    "interval": "Seconds of silence before the first question",
    "retry": "Seconds between questions",
    "periodic": "Always",
    "on-demand": "Only when there is something to send",
}


def not_acted_upon(why: str) -> Callable[[Args, Section], str]:
    """The check of a line that is kept and changes nothing, so that nobody relies on it."""
    return lambda args, section: f"%Warning: kept, and not acted upon: {why}"


def check_key(args: Args, _: Section) -> str | None:
    """Refuses keys that are none, and warns of those that only another router can read."""
    if "6" in args:
        return (
            "%Warning: kept; a key of type 6 can be read by the router that wrote it only, so tunnels that need it "
            "stay down; enter the key in clear"
        )
    if "hex" in args and octets_of(args) is None:
        return "% Invalid hex key: pairs of hexadecimal digits are expected"
    return None


def octets_of(args: Args) -> bytes | None:
    """The key that a line gives; None if it is encrypted, or in hexadecimal digits and no whole number of octets."""
    if "6" in args:
        return None
    text = args.text("key")
    if "hex" not in args:
        return text.encode()
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None
