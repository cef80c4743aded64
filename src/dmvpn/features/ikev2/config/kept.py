"""Lines of IOS that are about what is not here (FlexVPN's configuration exchange): kept, without effect."""

from __future__ import annotations

from typing import Final

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
LINES: Final = (CONFIG_EXCHANGE, KEYRING_DESCRIPTION)
