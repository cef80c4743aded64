"""The commands of IKE.

tables       show crypto ikev2 sa, session, show crypto isakmp sa; sas: what they say
statistics   show crypto ikev2 stats
settings     show crypto ikev2 proposal, policy, profile, show crypto isakmp policy
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.ikev2.show import settings, statistics, tables

COMMANDS: Final = (*tables.COMMANDS, *statistics.COMMANDS, *settings.COMMANDS)

__all__ = ["COMMANDS"]
