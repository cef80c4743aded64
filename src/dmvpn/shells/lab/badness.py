"""Impairments of a wire: the settings of `lab impair`, for real and for simulated labs.

Filters look at IP packets as a provider's router does, from outside: by protocol, by port, by being a fragment. The
later fragments of a UDP datagram have no ports, so a filter of ports lets them pass; the receiver will drop them
without the first one.
"""

from __future__ import annotations

import struct
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, TypeAlias

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.net import ipv4, ipv6
from dmvpn.net.ip import ICMP
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dmvpn.shells.lab.control import Json

#: Milliseconds; no wire is slower, and the frames in flight must fit into memory.
LONGEST_DELAY = 10_000.0
#: Octets: the MTU that every link of IPv4 has at least (RFC 791 §3.2), and the largest packet.
SMALLEST_MTU, LARGEST_MTU = 68, 65_535
#: Packets in the queue of a slow wire, each way; more are lost, as in any queue.
LONGEST_QUEUE = 1000
_AMOUNTS = ("delay", "loss", "rate", "cut", "mtu")
_KNOWN = (*_AMOUNTS, "block", "sender")

#: Octets of the header in front of a packet.
ETHERNET: Final = 14
#: The EtherTypes of IPv4 and IPv6.
_IP: Final = (b"\x08\x00", b"\x86\xdd")
#: Octets of a header, by version.
_LEAST: Final = {4: ipv4.HEADER_LENGTH, 6: ipv6.HEADER_LENGTH}
#: In the word of a fragment of IPv4: "more" and the offset (RFC 791 §3.1).
_PIECE, _OFFSET = 0x3FFF, 0x1FFF

#: A whole packet of IPv4 or IPv6.
Packet: TypeAlias = bytes | memoryview


def _payload(packet: Packet) -> ipv6.Behind:
    if packet[0] >> 4 == 6:
        return ipv6.behind(packet)
    word = int.from_bytes(packet[6:8], "big")
    return ipv6.Behind(packet[9], (packet[0] & 0x0F) * 4, bool(word & _PIECE), bool(word & _OFFSET))


def _protocol(number: int) -> Callable[[Packet], bool]:
    return lambda packet: _payload(packet).protocol == number


def _udp(port: int) -> Callable[[Packet], bool]:
    """Return a match for packets to or from this port; only the first fragment of a datagram has it (RFC 768)."""

    def is_such(packet: Packet) -> bool:
        found = _payload(packet)
        if found.protocol != IpProtocol.UDP or found.later or len(packet) < found.start + 4:
            return False
        return port in struct.unpack_from("!HH", packet, found.start)

    return is_such


def _is_icmp(packet: Packet) -> bool:
    version = packet[0] >> 4
    if _payload(packet).protocol != ICMP[version]:
        return False
    return version == 4 or not ipv6.is_of_the_link(packet)  # neighbors are found without ARP, which no filter takes


#: Filters by name, and their matches.
FILTERS: Final[Mapping[str, Callable[[Packet], bool]]] = {
    "gre": _protocol(IpProtocol.GRE),
    "esp": _protocol(IpProtocol.ESP),
    "udp-500": _udp(500),
    "udp-4500": _udp(4500),
    "fragments": lambda packet: _payload(packet).piece,
    "icmp": _is_icmp,
}


def ip_packet(frame: bytes) -> memoryview:
    """Return the IP packet in an Ethernet frame; nothing if it carries another protocol."""
    return memoryview(frame)[ETHERNET:] if frame[ETHERNET - 2 : ETHERNET] in _IP else memoryview(b"")


class Badness(Value):
    """delay: ms one way. loss: percent. rate: kbit/s, 0 = unlimited. cut: nothing passes. block: names of `FILTERS`.

    mtu: octets of the largest IP packet that passes, 0 = any; the sender of a larger one gets no error. sender: all of
        this applies only to packets of this node; "": to all packets.
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
        """Return the impairments in a request, besides its keys `do`, `link` and `hidden`.

        Raises UserError.
        """
        settings = {name: value for name, value in request.items() if name not in ("do", "link", "hidden")}
        if any(name not in _KNOWN for name in settings):
            raise UserError(
                "impair takes delay (ms), loss (percent), rate (kbit/s), mtu (octets), cut, block, sender (a node)"
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
        # Worded so that "nan" is refused, too.
        if not (0 <= badness.delay <= LONGEST_DELAY and 0 <= badness.loss <= 100):
            raise UserError(f"delay is 0 to {LONGEST_DELAY:.0f} ms, loss 0 to 100 percent")
        if not (badness.rate == 0 or 1 <= badness.rate < float("inf")):
            raise UserError("rate is at least 1 kbit/s, or 0 for a wire without limit")
        if badness.mtu and not (SMALLEST_MTU <= badness.mtu <= LARGEST_MTU and badness.mtu.is_integer()):
            raise UserError(f"mtu is {SMALLEST_MTU} to {LARGEST_MTU} octets, a whole number")
        return badness

    @property
    def harmless(self) -> bool:
        """Whether the wire has no impairments."""
        return self == Badness(sender=self.sender)

    def concerns(self, sender: str) -> bool:
        """Return whether the impairments apply to packets of this node."""
        return self.sender in ("", sender)

    def swallows(self, length: int) -> bool:
        """Return whether an IP packet of so many octets is too large for the wire."""
        return 0 < self.mtu < length

    def blocks(self, packet: Packet) -> bool:
        """Return whether this IP packet is blocked."""
        least = _LEAST.get(packet[0] >> 4) if self.block and packet else None
        return least is not None and len(packet) >= least and any(FILTERS[name](packet) for name in self.block)

    def request(self) -> dict[str, Json]:
        """Return the request for these impairments: the inverse of `read`."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items() if value
        }

    def described(self) -> dict[str, Json]:
        """Return the output of `lab status`: the amounts always, the rest if set."""
        more: dict[str, Json] = {"block": list(self.block)} if self.block else {}
        more |= {"mtu": self.mtu} if self.mtu else {}
        more |= {"sender": self.sender} if self.sender else {}
        return {"delay": self.delay, "loss": self.loss, "rate": self.rate, "cut": self.cut, **more}

    @classmethod
    def named(cls, particulars: Iterable[str]) -> Badness:
        """Return the impairments from the texts of `particulars`."""
        settings: dict[str, Json] = {}
        block: list[Json] = []
        for text in particulars:
            words, _, sender = text.partition(" from ")
            name, _, value = words.partition(" ")
            if name == "block":
                block.append(value)
            else:
                settings[name] = value or "1"
            settings |= {"sender": sender} if sender else {}
        return cls.read({**settings, "block": block})

    @property
    def particulars(self) -> tuple[str, ...]:
        """The impairments in words: "loss 10", "block esp", "loss 100 from R31"."""
        amounts = {"delay": self.delay, "loss": self.loss, "rate": self.rate, "mtu": self.mtu}
        texts = ["cut"] if self.cut else [f"{name} {amount:g}" for name, amount in amounts.items() if amount]
        texts += [f"block {name}" for name in self.block]
        return tuple(f"{text} from {self.sender}" if self.sender else text for text in texts)


HARMLESS: Final = Badness()
