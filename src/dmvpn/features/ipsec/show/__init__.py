"""The commands of IPsec.

sessions   show crypto session                    sas        show crypto ipsec sa
maps       show crypto map, sockets               settings   show crypto ipsec profile, transform-set
orders     clear crypto session, sa, ikev2 sa, isakmp
words      names and figures that several of them have
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.ipsec.show import maps, orders, sas, sessions, settings

COMMANDS: Final = (
    *sessions.COMMANDS,
    *sas.COMMANDS,
    *maps.COMMANDS,
    *settings.COMMANDS,
    *orders.COMMANDS,
)

__all__ = ["COMMANDS"]
