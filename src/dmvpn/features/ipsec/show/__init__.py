"""The commands of IPsec.

sessions   show crypto session, clear crypto ...  sas        show crypto ipsec sa
engine     show crypto engine connections active
maps       show crypto map, sockets               settings   show crypto ipsec profile, transform-set
words      names and figures that several of them have
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.ipsec.show import sas, sessions, settings
from dmvpn.features.ipsec.show import sas as engine
from dmvpn.features.ipsec.show import settings as maps

COMMANDS: Final = (
    *sessions.COMMANDS,
    *sas.COMMANDS,
    *engine.ENGINE_COMMANDS,
    *maps.MAP_COMMANDS,
    *settings.COMMANDS,
    *sessions.CLEARS,
)

__all__ = ["COMMANDS"]
