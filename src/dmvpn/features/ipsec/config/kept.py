"""Lines of IOS that are about what is not here (policies with many flows, tunnels of two IP versions): kept."""

from __future__ import annotations

from typing import Final

from dmvpn.ios import ConfigLine

_HELP: Final = "Kept for the record; has no effect here"
MIXED_MODE: Final = ConfigLine("ipsec-profile", "set mixed-mode", _HELP, order=60, keep_no=True)
POLICY_LIMIT: Final = ConfigLine(
    "ipsec-profile", "set security-policy limit {number:1-50000}", _HELP, order=60, keep_no=True
)
LINES: Final = (MIXED_MODE, POLICY_LIMIT)
