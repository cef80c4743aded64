"""How bad a wire is: what `lab impair` orders, for real and for simulated labs.

Filters look at IP packets as a provider's router does, from outside: by protocol, by port, by being a piece. The later
pieces of a UDP datagram have no ports, so a filter of ports lets them pass; what their receiver does without the first
one is up to it.
"""

from __future__ import annotations

import struct
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, TypeAlias

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dmvpn.shells.lab.control import Json

#: Milliseconds; no wire is slower, and the frames on their way must fit into memory.
LONGEST_DELAY = 10_000.0
#: Octets: what every link of IPv4 carries (RFC 791 §3.2), and the largest packet.
SMALLEST_MTU, LARGEST_MTU = 68, 65_535
#: Packets that wait for a slow wire, each way; more are lost, as in any queue.
LONGEST_QUEUE = 1000
_AMOUNTS = ("delay", "loss", "rate", "cut", "mtu")
_KNOWN = (*_AMOUNTS, "block", "sender")

#: Octets of the header in front of a packet.
ETHERNET: Final = 14
_IPV4: Final = b"\x08\x00"
_FRAGMENT_AT: Final = 6
_PROTOCOL_AT: Final = 9
#: "More fragments", and the offset: RFC 791 §3.1.
_PIECE: Final = 0x3FFF
_OFFSET: Final = 0x1FFF

#: An IPv4 packet, whole.
Packet: TypeAlias = bytes | memoryview


def _protocol(number: int) -> Callable[[Packet], bool]:
    return lambda packet: packet[_PROTOCOL_AT] == number


def _udp(port: int) -> Callable[[Packet], bool]:
    """Return whether it is to or from this port; only the first piece of a datagram tells (RFC 768)."""

    def is_such(packet: Packet) -> bool:
        start = (packet[0] & 0x0F) * 4
        if packet[_PROTOCOL_AT] != IpProtocol.UDP or _fragment(packet) & _OFFSET or len(packet) < start + 4:
            return False
        return port in struct.unpack_from("!HH", packet, start)

    return is_such


def _fragment(packet: Packet) -> int:
    return int.from_bytes(packet[_FRAGMENT_AT : _FRAGMENT_AT + 2], "big")


#: What can be blocked, and how it is known.
FILTERS: Final[Mapping[str, Callable[[Packet], bool]]] = {
    "gre": _protocol(IpProtocol.GRE),
    "esp": _protocol(IpProtocol.ESP),
    "udp-500": _udp(500),
    "udp-4500": _udp(4500),
    "fragments": lambda packet: bool(_fragment(packet) & _PIECE),
    "icmp": _protocol(IpProtocol.ICMP),
}


def ip_packet(frame: bytes) -> memoryview:
    """Return what an Ethernet frame carries if that is IPv4; nothing if it is something else."""
    return memoryview(frame)[ETHERNET:] if frame[ETHERNET - 2 : ETHERNET] == _IPV4 else memoryview(b"")


@dataclass(frozen=True, slots=True)
class Badness:
    """delay: ms one way. loss: percent. rate: kbit/s, 0 = unlimited. cut: nothing passes. block: names of `FILTERS`.

    mtu: octets of the largest IP packet that passes, 0 = whatever its ends send; the sender of a larger one is not
    told. sender: all of this concerns only what this node sends; "": what anybody does.
    """

    delay: float = 0.0
    loss: float = 0.0
    rate: float = 0.0
    cut: float = 0.0
    mtu: float = 0.0
    block: tuple[str, ...] = ()
    sender: str = ""

    @classmethod
    def read(cls, request: Mapping[str, Json]) -> Badness:
        """Return what an order says, besides what to `do`, with which `link`, and whether it is `hidden`.

        Raises UserError.
        """
        settings = {name: value for name, value in request.items() if name not in ("do", "link", "hidden")}
        if any(name not in _KNOWN for name in settings):
            raise UserError(
                "impair knows delay (ms), loss (percent), rate (kbit/s), mtu (octets), cut, block, sender (a node)"
            )
        block = settings.get("block", [])
        if not isinstance(block, list) or any(name not in FILTERS for name in block):
            raise UserError(f"impair can block {', '.join(FILTERS)}")
        try:
            amounts = {name: float(str(settings[name])) for name in _AMOUNTS if name in settings}
        except ValueError as error:
            raise UserError("impair takes numbers") from error
        names = tuple(name for name in FILTERS if name in block)
        badness = cls(**amounts, block=names, sender=str(settings.get("sender", "")))
        # Written so that what is no number ("nan") is refused, too.
        if not (0 <= badness.delay <= LONGEST_DELAY and 0 <= badness.loss <= 100):
            raise UserError(f"delay is 0 to {LONGEST_DELAY:.0f} ms, loss 0 to 100 percent")
        if not (badness.rate == 0 or 1 <= badness.rate < float("inf")):
            raise UserError("rate is at least 1 kbit/s, or 0 for a wire without limit")
        if badness.mtu and not (SMALLEST_MTU <= badness.mtu <= LARGEST_MTU and badness.mtu.is_integer()):
            raise UserError(f"mtu is {SMALLEST_MTU} to {LARGEST_MTU} octets, a whole number")
        return badness

    @property
    def harmless(self) -> bool:
        """Nothing is wrong with the wire."""
        return self == Badness(sender=self.sender)

    def concerns(self, sender: str) -> bool:
        """Return whether it happens to what this node sends."""
        return self.sender in ("", sender)

    def swallows(self, length: int) -> bool:
        """Return whether an IP packet of so many octets is too large for the wire."""
        return 0 < self.mtu < length

    def blocks(self, packet: Packet) -> bool:
        """Return whether this IP packet is of a kind that does not pass. Pieces of IPv6 packets and the like pass."""
        if not self.block or len(packet) < HEADER_LENGTH or packet[0] >> 4 != 4:
            return False
        return any(FILTERS[name](packet) for name in self.block)

    def request(self) -> dict[str, Json]:
        """Return what an order for this says: the inverse of `read`."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items() if value
        }

    def described(self) -> dict[str, Json]:
        """Return what `lab status` shows: the amounts always, the rest where there is some."""
        more: dict[str, Json] = {"block": list(self.block)} if self.block else {}
        more |= {"mtu": self.mtu} if self.mtu else {}
        more |= {"sender": self.sender} if self.sender else {}
        return {"delay": self.delay, "loss": self.loss, "rate": self.rate, "cut": self.cut, **more}

    @property
    def particulars(self) -> tuple[str, ...]:
        """What is wrong with the wire: "loss 10", "block esp", "loss 100 from R31"."""
        amounts = {"delay": self.delay, "loss": self.loss, "rate": self.rate, "mtu": self.mtu}
        texts = ["cut"] if self.cut else [f"{name} {amount:g}" for name, amount in amounts.items() if amount]
        texts += [f"block {name}" for name in self.block]
        return tuple(f"{text} from {self.sender}" if self.sender else text for text in texts)


HARMLESS: Final = Badness()
