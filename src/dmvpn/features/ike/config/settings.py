"""The lines about all of IKEv2, its proposals and policies; words that lines share; lines kept without effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from dmvpn.base.values import collected
from dmvpn.features.ike.model import Encryption, Hash
from dmvpn.ios import Args, ConfigLine, Mode, OneOf, Section, register_type, several

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
PROBES_HELP: Final[Mapping[str, str]] = {
    "interval": "Seconds of silence before the first question",
    "retry": "Seconds between questions",
    "periodic": "Always",
    "on-demand": "Only when there is something to send",
}
DPD_HELP: Final[Mapping[str, str]] = {"dpd": "Detect that the peer is dead", **PROBES_HELP}


def not_acted_upon(why: str) -> Callable[[Args, Section], str]:
    """Make the check of a line that is kept and changes nothing, so that no user relies on it."""
    return lambda args, section: f"%Warning: kept without effect: {why}"


def check_key(args: Args, _: Section) -> str | None:
    """Refuse invalid keys, and warn of keys that only another router can read."""
    if "6" in args:
        return (
            "%Warning: kept; a key of type 6 can be read by the router that wrote it only, so tunnels that need it "
            "stay down; enter the key in clear"
        )
    if "hex" in args and octets_of(args) is None:
        return "% Invalid hex key: pairs of hexadecimal digits are expected"
    return None


def octets_of(args: Args) -> bytes | None:
    """Return the key of a line; None if it is encrypted, or in hexadecimal digits and no whole number of octets."""
    if "6" in args:
        return None
    text = args.text("key")
    if "hex" not in args:
        return text.encode()
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


CONFIG_EXCHANGE: Final = ConfigLine(
    "ikev2-profile",
    "config-exchange ( request | set ( accept | send ) )",
    "Kept for the record; no configuration is exchanged here",
    key=("request", "accept", "send"),
    order=60,
    keep_no=True,
)
_HELP: Final = {
    "description": "Text for people",
    "logging": "Log messages",
    "session": "When a session comes up or goes down",
    "ikev2": "Of IKEv2",
    "engine": "Cryptography",
    "compliance": "Compliance of algorithms with recommendations",
    "shield": "Weak ones are refused: Diffie-Hellman groups 2 and 5, 3DES and MD5",
    "disable": "Permit them where a line names them",
    "encryption": "Ciphers, the best one first",
    "integrity": "Hashes that protect messages, the best one first",
    "prf": "Pseudo-random functions; those of `integrity` by default",
    "group": "Diffie-Hellman groups, the best one first",
    "match": "Where the policy holds",
    "fvrf": "In a VRF",
    "any": "Everywhere",
    "vrf": "Name of the VRF",
    "local": "For a local address",
}
KEYRING_DESCRIPTION: Final = ConfigLine("isakmp-keyring", "description {text:line}", _HELP, order=5)


# ------------------------------------------------------------------------------------------------- kept, without effect


PEER_DPD: Final = ConfigLine("global", f"crypto ikev2 {DPD}", DPD_HELP, order=204)
NAT_KEEPALIVE: Final = ConfigLine(
    "global",
    "crypto ikev2 nat keepalive {seconds:5-3600}",
    {"nat": "Peers behind address translation", "keepalive": "Keep the translation alive", "seconds": "Seconds"},
    order=204,
)
COOKIE_CHALLENGE: Final = ConfigLine(
    "global",
    "crypto ikev2 cookie-challenge {number:1-1000}",
    {"cookie-challenge": "Ask strangers for a cookie first", "number": "From so many half-open SAs on"},
    order=204,
)
WINDOW: Final = ConfigLine(
    "global",
    "crypto ikev2 window {requests:1-20}",
    {"window": "How many requests may be in flight", "requests": "Requests"},
    order=204,
    default="crypto ikev2 window 5",
    check=not_acted_upon("one request is on its way at a time"),
)
FRAGMENTATION: Final = ConfigLine(
    "global",
    "crypto ikev2 fragmentation [ mtu {octets:96-1500} ]",
    {"fragmentation": "Offer to fragment messages (RFC 7383)", "mtu": "What is larger", "octets": "Octets"},
    order=204,
)
LIMIT: Final = ConfigLine(
    "global",
    "crypto ikev2 limit ( max-sa {number:1-100000} | max-in-negotation-sa {number:1-100000} )",
    {
        "limit": "Refuse more SAs than this",
        "max-sa": "All SAs",
        "max-in-negotation-sa": "SAs under negotiation",  # sic: IOS spells it so
        "number": "How many",
    },
    key=("max-sa", "max-in-negotation-sa"),
    order=204,
)
LOGGING: Final = ConfigLine("global", "crypto logging ( session | ikev2 )", _HELP, key=("session", "ikev2"), order=198)

SHIELD: Final = ConfigLine("global", "crypto engine compliance shield disable", _HELP, order=197)


# ----------------------------------------------------------------------------------------------- proposals and policies


_PROPOSAL, _POLICY = "ikev2-proposal", "ikev2-policy"
PROPOSAL_MODES: Final = (Mode(_PROPOSAL, "config-ikev2-proposal"), Mode(_POLICY, "config-ikev2-policy"))

PROPOSAL: Final = ConfigLine(
    "global",
    "crypto ikev2 proposal {name:word}",
    {"ikev2": "Internet Key Exchange version 2", "proposal": "Algorithms", "name": "Name of the proposal"},
    key=("name",),
    order=201,
    opens=_PROPOSAL,
)
ENCRYPTION: Final = ConfigLine(_PROPOSAL, "encryption " + several("cipher", CIPHER.name, 7), _HELP, order=10)
INTEGRITY: Final = ConfigLine(_PROPOSAL, "integrity " + several("hash", HASH.name, 5), _HELP, order=20)
PRF: Final = ConfigLine(_PROPOSAL, "prf " + several("hash", HASH.name, 5), _HELP, order=30)
GROUPS: Final = ConfigLine(_PROPOSAL, "group " + several("group", GROUP.name, 11), _HELP, order=40)

POLICY: Final = ConfigLine(
    "global",
    "crypto ikev2 policy {name:word}",
    {"policy": "Which proposals are used where", "name": "Name of the policy"},
    key=("name",),
    order=202,
    opens=_POLICY,
)
MATCH_FVRF: Final = ConfigLine(_POLICY, "match fvrf ( any | {vrf:word} )", _HELP, order=10)
MATCH_LOCAL: Final = ConfigLine(_POLICY, "match address local {address:address}", _HELP, key=("address",), order=20)
USES: Final = ConfigLine(
    _POLICY, "proposal {name:word}", {"proposal": "Use a proposal", "name": "Its name"}, key=("name",), order=30
)

LINES: Final = collected(ConfigLine, vars())
