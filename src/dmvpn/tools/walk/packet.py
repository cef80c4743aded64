"""A packet as arithmetic: addresses, sizes of its fragments, and its encapsulation. No octets of payload.

    Packet     a datagram on its way, whole or fragmented
    Wrapping   GRE, perhaps ESP, perhaps UDP around it, and how many octets that costs: RFC 2784, RFC 4303, RFC 3948

A datagram that is fragmented before encapsulation becomes several datagrams, each of which may be fragmented again on
the way: `datagrams` is a tuple of datagrams, each a tuple of fragments.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.values import dataclass
from dmvpn.net import ip, udp
from dmvpn.net.gre import header_length
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol

if TYPE_CHECKING:
    from dmvpn.base.facts import Address
    from dmvpn.dataplane.esp.suite import EspSuite
    from dmvpn.features.ipsec.facts import SaFacts
    from dmvpn.tools.walk.values import Question

#: Fragments are cut at multiples of so many octets (RFC 791 §3.1).
_UNIT: Final = 8


@dataclass(frozen=True, slots=True)
class Wrapping:
    """The encapsulation of a tunnel. sa: the SA pair that encrypts it, None: GRE in clear.

    router, tunnel: the encapsulating end. suite: the lengths of that SA's algorithms. checksum, sequence: GRE has these
    fields as well.
    """

    router: str
    tunnel: str
    key: int | None
    sa: SaFacts | None = None
    suite: EspSuite | None = None
    checksum: bool = False
    sequence: bool = False

    @property
    def gre(self) -> int:
        """Octets of the GRE header, RFC 2784 and RFC 2890."""
        return header_length(self.key, checksum=self.checksum, sequence=self.sequence)

    @property
    def inner_header(self) -> int:
        """Octets of the IP header between ESP and GRE, which is there in tunnel mode."""
        return HEADER_LENGTH if self.sa is not None and not self.sa.transport else 0

    @property
    def udp(self) -> int:
        """Octets of the UDP header, RFC 3948 §2.1."""
        return udp.HEADER_LENGTH if self.sa is not None and self.sa.remote_port else 0

    @property
    def protocol(self) -> int:
        """Of the outer IP header."""
        if self.sa is None:
            return IpProtocol.GRE
        return IpProtocol.UDP if self.udp else IpProtocol.ESP

    def sealing(self, size: int) -> int:
        """Return octets that ESP adds to a packet of `size`: header, IV, padding, trailer and ICV, RFC 4303 §2."""
        return self.suite.overhead(size + self.gre + self.inner_header) if self.suite is not None else 0

    def padding(self, size: int) -> int:
        """Return octets of padding among these."""
        return self.suite.padding(size + self.gre + self.inner_header) if self.suite is not None else 0

    def outer(self, size: int) -> int:
        """Return octets of the outer IP packet around one of `size`."""
        return HEADER_LENGTH + self.udp + self.inner_header + self.gre + self.sealing(size) + size

    def largest(self, mtu: int) -> int:
        """Return octets of the largest packet that fits into an outer one of `mtu`."""
        room = mtu - HEADER_LENGTH - self.udp
        if self.suite is not None:
            room = self.suite.largest(room)
        return room - self.inner_header - self.gre


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A packet on its way. inner, wrapping: the payload and the encapsulation of a tunnel packet.

    ports: of UDP and TCP. answers: it is the answer to an echo, or to the first packet of a connection.
    """

    source: Address
    destination: Address
    protocol: int
    datagrams: tuple[tuple[int, ...], ...]
    df: bool = False
    ttl: int = 64
    ports: tuple[int, int] = (0, 0)
    answers: bool = False
    inner: Packet | None = None
    wrapping: Wrapping | None = None

    @classmethod
    def plain(cls, source: Address, destination: Address, size: int, *, df: bool, ttl: int) -> Self:
        """Return an echo request."""
        protocol = ip.ICMP[destination.version]
        return cls(source=source, destination=destination, protocol=protocol, datagrams=((size,),), df=df, ttl=ttl)

    @classmethod
    def asked(cls, question: Question, *, ttl: int) -> Self:
        """Return the packet of a question."""
        echo = cls.plain(question.source, question.destination, question.size, df=question.df, ttl=ttl)
        protocol = question.protocol or echo.protocol
        return replace(echo, protocol=protocol, ports=question.ports, answers=question.answers)

    @property
    def spread(self) -> int:
        """The hash that selects one of several equal paths, as our planes compute it."""
        return int(self.source) ^ int(self.destination) ^ self.protocol ^ self.ports[0] ^ self.ports[1]

    @property
    def pieces(self) -> tuple[int, ...]:
        """The octets of each IP packet or fragment."""
        return tuple(piece for datagram in self.datagrams for piece in datagram)

    @property
    def octets(self) -> int:
        """The octets of the largest fragment."""
        return max(self.pieces)

    @property
    def depth(self) -> int:
        """The number of encapsulations: 0 for a user's packet, 1 in a tunnel."""
        return 0 if self.inner is None else self.inner.depth + 1

    @property
    def name(self) -> str:
        """The name of its protocol."""
        if self.wrapping is None:
            return "IP"
        names = {int(IpProtocol.GRE): "GRE", int(IpProtocol.ESP): "ESP"}
        return names.get(self.protocol, f"UDP {self.ports[1]}")

    @property
    def is_cut(self) -> bool:
        """True if it is fragmented."""
        return any(len(datagram) > 1 for datagram in self.datagrams)

    def cut(self, mtu: int) -> Packet:
        """Return the same in pieces of at most `mtu` octets."""
        cut = tuple(tuple(size for piece in datagram for size in pieces(piece, mtu)) for datagram in self.datagrams)
        return replace(self, datagrams=cut)

    def whole(self) -> Packet:
        """Return the same put together again, as its receiver does it, and a translator."""
        header = ip.HEADER_LENGTH[self.destination.version]
        joined = tuple((header + sum(piece - header for piece in datagram),) for datagram in self.datagrams)
        return replace(self, datagrams=joined)

    def wrapped(self, wrapping: Wrapping, ends: tuple[Address, Address], *, df: bool) -> Packet:
        """Return the packet encapsulated: one outer datagram for each fragment."""
        sa = wrapping.sa
        return Packet(
            source=ends[0],
            destination=ends[1],
            protocol=wrapping.protocol,
            datagrams=tuple((wrapping.outer(piece),) for piece in self.pieces),
            df=df,
            ttl=255,
            ports=(sa.local_port, sa.remote_port) if sa is not None and wrapping.udp else (0, 0),
            inner=self,
            wrapping=wrapping,
        )


def pieces(size: int, mtu: int) -> tuple[int, ...]:
    """Return the octets of the fragments of an IPv4 packet of `size`, RFC 791 §2.3."""
    if size <= mtu:
        return (size,)
    room = (mtu - HEADER_LENGTH) // _UNIT * _UNIT
    payload = size - HEADER_LENGTH
    full, rest = divmod(payload, room)
    return (*((HEADER_LENGTH + room,) * full), *((HEADER_LENGTH + rest,) if rest else ()))
