"""The IKEv1 lines: `crypto isakmp policy`, `key`, `profile`, and `crypto keyring`.

A line in the log says in which version they run and why (`translation.py`), and which of them do not work.
"""

from typing import Final

from dmvpn.base.values import collected
from dmvpn.features.ike.config.settings import IDENTITY_HELP, PROBES_HELP, check_key
from dmvpn.features.ike.model import DEFAULT_LIFETIME
from dmvpn.ios import ConfigLine, Mode

_POLICY, _PROFILE, _KEYRING = "isakmp-policy", "isakmp-profile", "isakmp-keyring"
MODES: Final = (Mode(_POLICY, "config-isakmp"), Mode(_PROFILE, "conf-isa-prof"), Mode(_KEYRING, "conf-keyring"))

_KEY: Final = "[ 0 | 6 ] {key:secret}"
_IPV6: Final = "ipv6 {address6:prefix6}"
_IPV6_HELP: Final = {"ipv6": "Kept; tunnels go over IPv4 here", "address6": "Its IPv6 address, or a prefix"}
_KEY_HELP: Final = {
    **_IPV6_HELP,
    "key": "The pre-shared key",
    "0": "The key follows in clear",
    "6": "Kept: the key follows encrypted, and cannot be read here",
    "mask": "Mask of a range; 0.0.0.0 0.0.0.0 matches any peer",
    "hostname": "A host name",
    "name": "Name",
}
_KEEPALIVE_HELP: Final = {"keepalive": "Detect dead peers", **PROBES_HELP}


POLICY: Final = ConfigLine(
    "global",
    "crypto isakmp policy {number:1-10000}",
    {"isakmp": "IKE version 1", "policy": "Algorithms", "number": "The smallest number is preferred"},
    key=("number",),
    order=205,
    opens=_POLICY,
    sort=("number",),
)
_HELP: Final = {
    "encryption": "Cipher",
    "aes": "AES",
    "128": "Bits of the key",
    "192": "Bits of the key",
    "256": "Bits of the key",
    "3des": "Weak",
    "des": "Weak",
    "authentication": "How",
    "pre-share": "With pre-shared keys",
    "rsa-sig": "With RSA signatures",
    "group": "Diffie-Hellman group",
    "lifetime": "How long an IKE SA lives",
    "seconds": "Seconds",
    "address": "Our address",
    "keyring": "Pre-shared keys of IKE version 1",
    "name": "Name of the keyring",
    "vrf": "For peers in this VRF; without it for those of the global table",
    "profile": "Peers and their keys",
    "ca": "Certificates",
    "trust-point": "Ours, and the authorities of peers; without the line all trustpoints count",
    "self-identity": "Who we are",
    "certificate": "Peers whose certificate fits",
    "map": "Name of a certificate map",
    "identity": "Who we are, where no profile says it",
    "hostname": "Our host name with its domain",
    "dn": "The name in our certificate",
    "fragmentation": "Send large messages in fragments to peers that take them",
    "mtu": "What is larger",
    "octets": "Octets",
    "nat": "Peers behind address translation",
    "keepalive": "Keep the translation alive",
    "invalid-spi-recovery": "Initiate IKE with a peer that keeps using deleted SAs after it was notified",
    "run-as": "Not in IOS: initiate with another version of IKE",
    "ikev2": "IKE version 2",
    "weak-algorithms": "Not in IOS: permit weak algorithms",
}
ENCRYPTION: Final = ConfigLine(
    _POLICY, "encryption ( aes [ 128 | 192 | 256 ] | 3des | des )", _HELP, order=10, default="encryption des"
)
HASH: Final = ConfigLine(
    _POLICY,
    "hash ( sha | sha256 | sha384 | sha512 | md5 )",
    {"hash": "Hash", "sha": "SHA-1", "sha256": "SHA-2", "sha384": "SHA-2", "sha512": "SHA-2", "md5": "Weak"},
    order=20,
    default="hash sha",
)
AUTHENTICATION: Final = ConfigLine(
    _POLICY, "authentication ( pre-share | rsa-sig )", _HELP, order=30, default="authentication rsa-sig"
)
GROUP: Final = ConfigLine(_POLICY, "group {group:dh-group}", _HELP, order=40, default="group 1")
LIFETIME: Final = ConfigLine(
    _POLICY, "lifetime {seconds:60-86400}", _HELP, order=50, default=f"lifetime {DEFAULT_LIFETIME}"
)

KEY: Final = ConfigLine(
    "global",
    f"crypto isakmp key {_KEY} "
    f"( address ( {{address:address}} [ {{mask:mask}} ] | {_IPV6} ) [ no-xauth ] | hostname {{name:word}} )",
    {**_KEY_HELP, "address": "Of the peer with this address", "no-xauth": "Ask it for no user"},
    key=("address", "mask", "address6", "name"),
    order=206,
    check=check_key,
)
KEYRING: Final = ConfigLine(
    "global", "crypto keyring {name:word} [ vrf {vrf:word} ]", _HELP, key=("name",), order=199, opens=_KEYRING
)
KEYRING_KEY: Final = ConfigLine(
    _KEYRING,
    f"pre-shared-key ( address ( {{address:address}} [ {{mask:mask}} ] | {_IPV6} ) | hostname {{name:word}} ) "
    f"key {_KEY}",
    {**_KEY_HELP, "pre-shared-key": "The key of a peer", "address": "Its address"},
    key=("address", "mask", "address6", "name"),
    check=check_key,
)

PROFILE: Final = ConfigLine(
    "global",
    "crypto isakmp profile {name:word}",
    {**_HELP, "name": "Name of the profile"},
    key=("name",),
    order=207,
    opens=_PROFILE,
)
PROFILE_TRUSTPOINT: Final = ConfigLine(
    _PROFILE, "ca trust-point {name:word}", {**_HELP, "name": "Name of the trustpoint"}, key=("name",), order=15
)
PROFILE_KEYRING: Final = ConfigLine(
    _PROFILE, "keyring {name:word}", {**_HELP, "keyring": "Where the keys are", "name": "A `crypto keyring`"}, order=10
)
SELF_IDENTITY: Final = ConfigLine(
    _PROFILE,
    "self-identity ( address [ ipv6 ] | fqdn [ {text:word} ] )",
    {**IDENTITY_HELP, **_IPV6_HELP, **_HELP},
    order=20,
)
MATCH_IDENTITY: Final = ConfigLine(
    _PROFILE,
    f"match identity ( address ( {{address:address}} [ {{mask:mask}} ] | {_IPV6} ) [ {{vrf:word}} ] "
    "| host [ domain ] {text:word} )",
    {
        **IDENTITY_HELP,
        **_IPV6_HELP,
        "match": "Peers that this profile is for",
        "identity": "Peers with this identity",
        "host": "A name",
        "vrf": "The VRF where they are; without it the global table",
    },
    key=("address", "mask", "address6", "vrf", "domain", "text"),
    order=30,
)

PROFILE_KEEPALIVE: Final = ConfigLine(
    _PROFILE, "keepalive {interval:10-3600} [ retry {retry:2-60} ] [ periodic | on-demand ]", _KEEPALIVE_HELP, order=40
)
MATCH_CERTIFICATE: Final = ConfigLine(_PROFILE, "match certificate {map:word}", _HELP, key=("map",), order=31)

IDENTITY: Final = ConfigLine(
    "global",
    "crypto isakmp identity ( address | hostname | dn )",
    _HELP,
    order=209,
    default="crypto isakmp identity address",
)
FRAGMENTATION: Final = ConfigLine("global", "crypto isakmp fragmentation [ mtu {octets:96-1500} ]", _HELP, order=209)
KEEPALIVE: Final = ConfigLine(
    "global",
    "crypto isakmp keepalive {interval:10-3600} [ {retry:2-60} ] [ periodic | on-demand ]",
    _KEEPALIVE_HELP,
    order=208,
)
NAT_KEEPALIVE: Final = ConfigLine("global", "crypto isakmp nat keepalive {seconds:5-3600}", _HELP, order=209)
INVALID_SPI: Final = ConfigLine("global", "crypto isakmp invalid-spi-recovery", _HELP, order=209)
RUN_AS: Final = ConfigLine("global", "crypto isakmp run-as ikev2", _HELP, order=204)
WEAK: Final = ConfigLine("global", "crypto isakmp weak-algorithms", _HELP, order=204)
LINES: Final = collected(ConfigLine, vars())
