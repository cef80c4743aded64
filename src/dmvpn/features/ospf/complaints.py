"""What is not taken is counted, and the log says so, not more often than once a minute for each interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.messages import BadPacket

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.context import Context
    from dmvpn.base.notices import Log
    from dmvpn.features.ospf.interface import OspfInterface
    from dmvpn.features.ospf.sender import Sender

#: Seconds between two log messages about bad packets of one interface.
_COMPLAINT_PAUSE: Final = 60.0


class Complaints:
    """Complains for one process."""

    def __init__(self, context: Context, sender: Sender) -> None:
        self._context = context
        self._sender = sender
        self._complained: dict[str, float] = {}

    def refuse(self, interface: OspfInterface, source: IPv4Address, reason: str, what: str) -> None:
        """Count a packet that is not taken, and say so, not more often than once a minute."""
        self._sender.drop(reason)
        self.complain(interface, BadPacket.of(what, source, interface.name))

    def complain(self, interface: OspfInterface, log: Log) -> None:
        """Log this unless something was logged of the interface in the last minute."""
        now = self._context.now
        if now - self._complained.get(interface.name, float("-inf")) >= _COMPLAINT_PAUSE:
            self._complained[interface.name] = now
            self._context.out.append(log)
