"""Our side of an exchange: it begins, our descriptions leave, and it is forgotten. RFC 2328 §10.6, §10.8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import below
from dmvpn.features.ospf import messages
from dmvpn.features.ospf.lsa import Options
from dmvpn.features.ospf.packet import Description, DescriptionFlag

if TYPE_CHECKING:
    from dmvpn.features.ospf.interface import Neighbor
    from dmvpn.features.ospf.lsa import LsaHeader
    from dmvpn.features.ospf.output import Sender
    from dmvpn.features.ospf.state import State

_BEGIN: Final = int(DescriptionFlag.INIT | DescriptionFlag.MORE | DescriptionFlag.MASTER)
#: Octets of a description before its headers.
_FIXED: Final = 8


class Descriptions:
    """Describes our database to the neighbors of one process."""

    def __init__(self, state: State, sender: Sender) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender

    def begin(self, neighbor: Neighbor) -> None:
        """Begin in EXSTART: claim to lead. The first number is a new one each time, so that no old description fits."""
        neighbor.begin_talk(below(self._context.ports.entropy, 1 << 31))
        self._describe(neighbor, _BEGIN)
        self._context.start(neighbor.retransmit_timer, neighbor.interface.settings.retransmit_interval)

    def forget(self, neighbor: Neighbor) -> None:
        """Forget the talk, which is over; its unacknowledged LSAs are dropped."""
        self._context.stop(neighbor.retransmit_timer)
        neighbor.end_talk()

    def describe_next(self, neighbor: Neighbor) -> None:
        """Describe the next part of our database, as much as a packet holds."""
        portion, flags = neighbor.talk.portion(self._sender.headers(neighbor.interface, _FIXED))
        self._describe(neighbor, int(flags), portion)

    def say_again(self, neighbor: Neighbor) -> None:
        """Say the last description again to a neighbor that leads: it has not received the description."""
        description = neighbor.description
        if not neighbor.talk.leads and description is not None:
            self._sender.to(neighbor, description)

    def debug(self, neighbor: Neighbor, text: str) -> None:
        """Print a line of `debug ip ospf adj` about the exchange."""
        name = neighbor.interface.name
        if self._context.ports.debugging.on(messages.ADJACENCY, interface=name):
            self._context.debug(messages.line(self._state.number, name, text))

    def _describe(self, neighbor: Neighbor, flags: int, headers: tuple[LsaHeader, ...] = ()) -> None:
        description = Description(
            mtu=neighbor.interface.described_mtu,
            options=int(neighbor.interface.area.options | Options.OPAQUE),
            flags=flags,
            sequence=neighbor.talk.sequence,
            headers=headers,
        )
        neighbor.talk.say(description)
        self._sender.to(neighbor, description)
        self.debug(
            neighbor, f"Send DBD to {neighbor.router} seq 0x{description.sequence:X} flag 0x{description.flags:X}"
        )
