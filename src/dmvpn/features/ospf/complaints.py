"""Counters and log messages for refused packets. The log has at most one message a minute for each interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.limits import Limiter
from dmvpn.features.ospf.messages import BadPacket

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.context import Context
    from dmvpn.base.notices import Log
    from dmvpn.features.ospf.interface import OspfInterface
    from dmvpn.features.ospf.output import Sender

#: Seconds between two log messages about bad packets of one interface, and how many there are in that time of all.
_COMPLAINT_PAUSE: Final = 60.0
_COMPLAINT_BURST: Final = 1024


class Complaints:
    """Complains for one process."""

    def __init__(self, context: Context, sender: Sender) -> None:
        self._context = context
        self._sender = sender
        self._complained: Limiter[str] = Limiter(_COMPLAINT_PAUSE, _COMPLAINT_BURST)

    def refuse(self, interface: OspfInterface, source: IPv4Address, reason: str, what: str) -> None:
        """Count a refused packet, and log it at most once a minute."""
        self._sender.drop(reason)
        self.complain(interface, BadPacket.of(what, source, interface.name))

    def complain(self, interface: OspfInterface, log: Log) -> None:
        """Log this unless something was logged of the interface in the last minute."""
        if self._complained.permits(interface.name, self._context.now):
            self._context.emit(log)
