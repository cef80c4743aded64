"""The commands of IKE.

tables       show crypto ikev2 sa, session, stats, show crypto isakmp sa; sas: what they say
settings     show crypto ikev2 proposal, policy, profile, show crypto isakmp policy
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.ikev2.show import settings, tables

COMMANDS: Final = (*tables.COMMANDS, *settings.COMMANDS)

__all__ = ["COMMANDS"]
