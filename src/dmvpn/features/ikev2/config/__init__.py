"""The configuration lines of IKE, and the typed model that is made of them."""

from __future__ import annotations

from typing import Final

from dmvpn.features.ikev2.config import isakmp, keyrings, profiles, proposals
from dmvpn.features.ikev2.config.words import DPD, DPD_HELP, dpd_of
from dmvpn.features.ikev2.model import Ikev2Config
from dmvpn.ios import ConfigLine, ConfigTree

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
        "max-sa": "All of them",
        "max-in-negotation-sa": "Those that are being negotiated",  # sic: IOS spells it so
        "number": "How many",
    },
    key=("max-sa", "max-in-negotation-sa"),
    order=204,
)
LOGGING: Final = ConfigLine(
    "global",
    "crypto logging ( session | ikev2 )",
    {"logging": "Log messages", "session": "When a session comes up or goes down", "ikev2": "Of IKEv2"},
    key=("session", "ikev2"),
    order=198,
)

MODES: Final = (*proposals.MODES, *keyrings.MODES, *profiles.MODES, *isakmp.MODES)
LINES: Final = (
    *proposals.LINES,
    *keyrings.LINES,
    *profiles.LINES,
    *isakmp.LINES,
    *(PEER_DPD, NAT_KEEPALIVE, COOKIE_CHALLENGE, WINDOW, FRAGMENTATION, LIMIT, LOGGING),
)

#: Octets of a message that needs no fragments, where the line does not say it.
_FRAGMENT = 576


def model(tree: ConfigTree) -> Ikev2Config:
    """What the configuration says of IKE."""
    fragmentation = tree.get(FRAGMENTATION)
    limits = {word: args.integer("number") for args in tree.all(LIMIT) for word in _LIMITS if word in args}
    return Ikev2Config(
        proposals=proposals.proposals(tree),
        policies=proposals.policies(tree),
        keyrings=keyrings.keyrings(tree),
        profiles=profiles.profiles(tree),
        dpd=dpd_of(tree.get(PEER_DPD)),
        nat_keepalive=_number(tree, NAT_KEEPALIVE, "seconds", 0),
        cookie_challenge=_number(tree, COOKIE_CHALLENGE, "number", 0),
        window=_number(tree, WINDOW, "requests", 5),
        fragment=fragmentation.integer("octets", _FRAGMENT) if fragmentation else None,
        maximum_sas=limits.get("max-sa", 0),
        maximum_half_open=limits.get("max-in-negotation-sa", 0),
        log_sessions=bool(tree.all(LOGGING)),
        isakmp=isakmp.isakmp(tree),
    )


_LIMITS: Final = ("max-sa", "max-in-negotation-sa")


def _number(tree: ConfigTree, line: ConfigLine, name: str, otherwise: int) -> int:
    args = tree.get(line)
    return args.integer(name) if args else otherwise
