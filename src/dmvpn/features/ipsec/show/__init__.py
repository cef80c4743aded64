"""The commands of IPsec.

sessions   show crypto session, clear crypto ...  sas        show crypto ipsec sa
engine     show crypto engine connections active
maps       show crypto map, sockets               settings   show crypto ipsec profile, transform-set
words      names and figures that several of them have
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.ipsec.show import engine, maps, sas, sessions, settings

COMMANDS: Final = (
    *sessions.COMMANDS,
    *sas.COMMANDS,
    *engine.COMMANDS,
    *maps.COMMANDS,
    *settings.COMMANDS,
    *sessions.CLEARS,
)

__all__ = ["COMMANDS"]
