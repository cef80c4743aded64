"""The commands of IPsec.

sessions   show crypto session, clear crypto ...
sas        show crypto ipsec sa, show crypto engine connections active
settings   show crypto ipsec profile, transform-set, show crypto map, sockets
"""

from typing import Final

from dmvpn.features.ipsec.show import sas, sessions, settings

COMMANDS: Final = (
    *sessions.COMMANDS,
    *sas.COMMANDS,
    *settings.COMMANDS,
    *sessions.CLEARS,
)

__all__ = ["COMMANDS"]
