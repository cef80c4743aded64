"""The lines about all of IKEv2, and those that are kept without effect: FlexVPN's configuration exchange."""

from __future__ import annotations

from typing import Final

from dmvpn.features.ikev2.config.words import DPD, DPD_HELP, not_acted_upon
from dmvpn.ios import ConfigLine

CONFIG_EXCHANGE: Final = ConfigLine(
    "ikev2-profile",
    "config-exchange ( request | set ( accept | send ) )",
    "Kept for the record; no configuration is exchanged here",
    key=("request", "accept", "send"),
    order=60,
    keep_no=True,
)
KEYRING_DESCRIPTION: Final = ConfigLine(
    "isakmp-keyring", "description {text:line}", {"description": "Text for people"}, order=5
)
_KEPT: Final = (CONFIG_EXCHANGE, KEYRING_DESCRIPTION)


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

SHIELD: Final = ConfigLine(
    "global",
    "crypto engine compliance shield disable",
    {
        "engine": "Cryptography",
        "compliance": "Of algorithms with what is recommended",
        "shield": "Weak ones are refused: Diffie-Hellman groups 2 and 5",
        "disable": "Permit them where a line names them",
    },
    order=197,
)

LINES: Final = (PEER_DPD, NAT_KEEPALIVE, COOKIE_CHALLENGE, WINDOW, FRAGMENTATION, LIMIT, LOGGING, SHIELD, *_KEPT)
