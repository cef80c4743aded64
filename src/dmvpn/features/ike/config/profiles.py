"""`crypto ikev2 profile`: whom it is for, and how both sides prove who they are; `crypto ikev2 keyring`: their keys."""

from __future__ import annotations

from typing import Final

from dmvpn.base.placeholder import Placeholder
from dmvpn.base.values import collected
from dmvpn.features.ike.config.settings import DPD, DPD_HELP, IDENTITY_HELP, KEY, KEY_HELP, check_key, not_acted_upon
from dmvpn.features.ike.model import DEFAULT_LIFETIME, AuthenticationMethod
from dmvpn.ios import Args, ConfigLine, Mode, Section

_PROFILE = "ikev2-profile"
MODES: Final = (Mode(_PROFILE, "config-ikev2-profile"),)


def _check_authentication(args: Args, section: Section) -> str | None:
    """Check that we prove ourselves in one way; the peer may do it in several."""
    ours = [other for other in section.all(USES) if "local" in other]
    if "local" in args and any(method_of(other) is not method_of(args) for other in ours):
        return "% There is a local authentication method already; remove it first"
    return check_key(args, section) if "key" in args.values_given else None


def method_of(args: Args) -> AuthenticationMethod:
    """Return the method that a line names."""
    return next(method for method in AuthenticationMethod if method.value in args)


PROFILE: Final = ConfigLine(
    "global",
    "crypto ikev2 profile {name:word}",
    {"profile": "Peers and how they are authenticated", "name": "Name of the profile"},
    key=("name",),
    order=204,
    opens=_PROFILE,
)
DESCRIPTION: Final = ConfigLine(_PROFILE, "description {text:line}", {"description": "Text for people"}, order=5)
_HELP: Final = {
    "match": "Peers that this profile is for",
    "fvrf": "Peers in a VRF",
    "any": "In any",
    "vrf": "Name of the VRF",
    "certificate": "Peers whose certificate fits",
    "map": "Name of a certificate map",
    "authentication": "How one side proves who it is",
    "remote": "The peer",
    "pre-share": "With a pre-shared key",
    "rsa-sig": "With an RSA signature",
    "ecdsa-sig": "With an ECDSA signature",
    "eap": "With EAP (RFC 7296 §2.16)",
    "keyring": "Where the keys are",
    "name": "Name of the keyring",
    "pki": "Certificates",
    "trustpoint": "Of a trustpoint",
    "sign": "Only to prove ourselves",
    "verify": "Only to check peers",
    "lifetime": "How long an IKE SA lives",
    "seconds": "Seconds",
    "nat": "Peers behind address translation",
    "keepalive": "Keep the translation alive",
    "force-encap": "Send ESP in UDP even without NAT",
    "initial-contact": "Old SAs of a peer that begins again",
    "force": "Delete them though it does not ask for it",
    "refuse": "Not in IOS: refuse peers",
    "unproved-names": "With a pre-shared key found by address, which proves no name",
    "peer": "A peer, or a group of them with the same key",
    "address": "Its address",
    "mask": "Mask of a range; 0.0.0.0 0.0.0.0 matches any peer",
    "address6": "Kept; tunnels go over IPv4 here",
    "pre-shared-key": "The key",
}
MATCH_FVRF: Final = ConfigLine(_PROFILE, "match fvrf ( any | {vrf:word} )", _HELP, order=10)
MATCH_LOCAL: Final = ConfigLine(
    _PROFILE,
    "match address local ( {address:address} | interface {interface:interface} )",
    {"local": "Peers that come to this address", "interface": "Peers that come to this interface"},
    key=("address", "interface"),
    order=11,
)
MATCH_IDENTITY: Final = ConfigLine(
    _PROFILE,
    "match identity remote ( address ( {address:address} [ {mask:mask} ] | {address6:prefix6} ) "
    "| fqdn [ domain ] {text:word} | email [ domain ] {text:word} | key-id {text:line} | any )",
    {
        **IDENTITY_HELP,
        "identity": "Peers with this identity",
        "remote": "Their own",
        "any": "Every one",
        "address6": "Kept; tunnels go over IPv4 here",
    },
    key=("address", "address6", "fqdn", "email", "domain", "key-id", "any", "mask", "text"),
    order=12,
)
MATCH_CERTIFICATE: Final = ConfigLine(_PROFILE, "match certificate {map:word}", _HELP, key=("map",), order=13)
LOCAL_IDENTITY: Final = ConfigLine(
    _PROFILE,
    "identity local ( address {address:address} | fqdn {text:word} | email {text:word} | key-id {text:line} | dn )",
    {**IDENTITY_HELP, "identity": "Who we are", "local": "Our own identity", "dn": "The name in our certificate"},
    order=20,
)
USES: Final = ConfigLine(
    _PROFILE,
    f"authentication ( local | remote ) ( pre-share [ key {KEY} ] | rsa-sig | ecdsa-sig | eap )",
    {**KEY_HELP, **_HELP, "local": "We"},
    key=("local", "remote", "pre-share", "rsa-sig", "ecdsa-sig", "eap"),
    order=30,
    check=_check_authentication,
)
KEYRING: Final = ConfigLine(
    _PROFILE, "keyring ( local {name:word} | {name:word} )", {**_HELP, "local": "In this configuration"}, order=40
)
TRUSTPOINT: Final = ConfigLine(
    _PROFILE, "pki trustpoint {name:word} [ sign | verify ]", {**_HELP, "name": "Its name"}, key=("name",), order=41
)
LIFETIME: Final = ConfigLine(
    _PROFILE, "lifetime {seconds:120-86400}", _HELP, order=50, default=f"lifetime {DEFAULT_LIFETIME}"
)
PEER_DPD: Final = ConfigLine(_PROFILE, DPD, DPD_HELP, order=51)
NAT_KEEPALIVE: Final = ConfigLine(_PROFILE, "nat keepalive {seconds:5-3600}", _HELP, order=52)
FORCE_ENCAPSULATION: Final = ConfigLine(_PROFILE, "nat force-encap", _HELP, order=53)
INITIAL_CONTACT: Final = ConfigLine(_PROFILE, "initial-contact force", _HELP, order=54)
UNPROVED_NAMES: Final = ConfigLine(_PROFILE, "refuse unproved-names", _HELP, order=55)


# ------------------------------------------------------------------------------------------------------------- keyrings


_RING, _PEER = "ikev2-keyring", "ikev2-keyring-peer"
KEYRING_MODES: Final = (
    Mode(_RING, "config-ikev2-keyring"),
    Mode(_PEER, "config-ikev2-keyring-peer", _RING, closing_mark=True),
)

RING: Final = ConfigLine(
    "global",
    "crypto ikev2 keyring {name:word}",
    {"keyring": "Pre-shared keys", "name": "Name of the keyring"},
    key=("name",),
    order=203,
    opens=_RING,
)
PEER: Final = ConfigLine(
    _RING, "peer {name:word}", {**_HELP, "name": "Name for it, local to this router"}, key=("name",), opens=_PEER
)
PEER_DESCRIPTION: Final = ConfigLine(_PEER, "description {text:line}", {"description": "Text for people"}, order=5)
ADDRESS: Final = ConfigLine(
    _PEER, "address ( {address:address} [ {mask:mask} ] | {address6:prefix6} )", _HELP, order=10
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
    {**KEY_HELP, **_HELP, "local": "With which we sign", "remote": "With which the peer signs"},
    key=("local", "remote"),
    order=30,
    check=check_key,
)

LINES: Final = collected(ConfigLine, vars())


def peer_lines(
    keyring: str, name: str | Placeholder, address: str | Placeholder, secret: Placeholder, *, version: int = 4
) -> str:
    """Return the lines of a key for a peer.

    version: of IP, of its address.
    """
    kind = "address" if version == 4 else "address6"
    peer = [PEER.line(name=name), ADDRESS.line(**{kind: address}), PRE_SHARED_KEY.line(key=secret)]
    return "\n ".join([RING.line(name=keyring), "\n  ".join(peer)])
