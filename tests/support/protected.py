"""The tiny overlay on protected tunnels: what IKE would bring comes after a moment, and packets go over connections.

`Overlay` carries what its members send by NBMA address; `ProtectedOverlay` by connection, as ESP does, so that several
members may be behind one address. A member that wants protection gets it `ike` seconds later, unless the other side is
behind NAT, gone, or cut off. A packet that nothing protects is a mistake of the sender, and fails the test.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Self

from dmvpn.base.effects import GRE_NHRP, Effect, PollUsage, SendGre, SetAdjacency, SetMulticast
from dmvpn.base.events import NhrpReceived, PeerUsage
from dmvpn.base.negotiation import ConnectionChanged, ProtectionChanged, ProtectionWanted
from dmvpn.base.protection import Connection, Protected, ProtectionPhase, Proved
from dmvpn.features.ipsec.sockets import CryptoSockets
from dmvpn.features.nhrp.packet import parse
from support.fakes import FakeProtection
from support.overlay import TUNNEL, Member, Overlay, Sent, cloud
from support.texts import because

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.notices import Notice
    from dmvpn.base.reasons import Reason
    from dmvpn.net.ipv4 import Ipv4Packet

PROFILE = "DMVPN"


@dataclass
class FakeIpsec(FakeProtection):
    """Answers `ports.protection` of one member: what it has connections with is secured, all else is not."""

    book: CryptoSockets = field(default_factory=CryptoSockets)
    reasons: dict[IPAddress, Reason] = field(default_factory=dict)
    phases: dict[IPAddress, ProtectionPhase] = field(default_factory=dict)

    def is_wanted(self, tunnel: str, nbma: IPAddress) -> bool:
        return bool(self.book.ports(tunnel, nbma))

    def take(self, wish: ProtectionWanted) -> tuple[list[IPAddress], list[IPAddress]]:
        """Return the addresses that are wanted by one port more, and by one less."""
        more: list[IPAddress] = []
        less: list[IPAddress] = []
        for change in self.book.changes(wish):
            before = self.book.ports(wish.tunnel, change[0])
            self.book.want(wish.tunnel, wish.by, change)
            if change[1] not in before:
                more.append(change[0])
            elif change[1] not in self.book.ports(wish.tunnel, change[0]):
                less.append(change[0])
        return more, less

    def between(self, tunnel: str, nbma: IPAddress, port: int = 0) -> Protected:
        newest = next(iter(self.connections(remote=nbma)), None)
        if newest is not None:
            return Protected(phase=ProtectionPhase.SECURED, connection=newest.number, since=newest.since)
        return Protected(phase=self.phases.get(nbma, ProtectionPhase.INTF), reason=self.reasons.get(nbma))


class ProtectedOverlay(Overlay):
    """See the module's docstring. wanted: by member, what it has asked for and not let go.

    mapped: by member behind NAT, the UDP port that its translator shows for its port 4500.
    """

    def __init__(self, *members: Member, delay: float = 0.01, ike: float = 0.05) -> None:
        super().__init__(*members, delay=delay)
        self.ike = ike
        self.mapped: dict[str, int] = {}
        self.ipsec: dict[str, FakeIpsec] = {}
        self.wanted: dict[str, list[IPAddress]] = {member.name: [] for member in members}
        self.way: list[tuple[str, str, str]] = []
        self.bound: dict[str, tuple[tuple[IPAddress, int], ...]] = {}
        self.adjacent: dict[str, dict[IPAddress, int]] = {member.name: {} for member in members}
        self.refusal = because("the peer does not answer IKE")
        self._ends: dict[tuple[str, int], tuple[str, int]] = {}
        self._carried: dict[tuple[str, int], tuple[int, int]] = {}
        self._number = 0
        for member in members:
            ipsec = self.ipsec[member.name] = FakeIpsec()
            member.ports.protection = ipsec
            member.tunnel_state = replace(member.tunnel_state, protection=PROFILE, source=member.nbma)

    # -------------------------------------------------------------------------------------------- what tests do

    def settled(self) -> Self:
        """Likewise, with the way of each packet."""
        super().settled()
        self.way.clear()
        return self

    def connect(
        self, one: str, other: str, identity: str = "", entry: str = "", *, named: bool = True
    ) -> tuple[int, int]:
        """IKE between two members succeeds.

        identity: that the first one proves, with the key of which entry.
        named: does the entry name it, so that its key proves the name? Their numbers for it.
        """
        numbers = self._new_number(), self._new_number()
        pair = (self.members[one], numbers[0]), (self.members[other], numbers[1])
        for (member, number), (peer, _) in (pair, pair[::-1]):
            proved = identity if peer.name == one and identity else f"{peer.name}.example"
            new = Connection(
                number=number,
                local=member.nbma,
                remote=peer.outside,
                identity=proved,
                profile=PROFILE,
                remote_port=self.mapped.get(peer.name, 0),
                behind_nat=peer.translated is not None,
                since=self.now + number / 1e6,
                proved=Proved(2, proved.encode(), entry if peer.name == one else ""),
                unproved=entry if peer.name == one and not named else "",
            )
            self.ipsec[member.name].known.append(new)
        self._ends[one, numbers[0]], self._ends[other, numbers[1]] = (other, numbers[1]), (one, numbers[0])
        for (member, number), (peer, _) in (pair, pair[::-1]):
            new_one = self.ipsec[member.name].connection(number)
            self.handle(member, ConnectionChanged(None, new_one))
            self._tell(member, peer.outside)
        return numbers

    def disconnect(self, one: str, other: str) -> None:
        """All connections between two members are gone, and they are told."""
        for (name, number), (far, _) in list(self._ends.items()):
            if {name, far} == {one, other}:
                del self._ends[name, number]
                self.lose(name, number)

    def lose(self, name: str, number: int) -> None:
        """A connection of a member is gone."""
        ipsec = self.ipsec[name]
        old = ipsec.connection(number)
        assert old is not None
        ipsec.known.remove(old)
        self.handle(name, ConnectionChanged(old, None, "deleted"))
        self._tell(self.members[name], old.remote)

    def roam(self, name: str, outside: str) -> None:
        """The translator of a member gives it another address; IKE has noticed."""
        member = self.members[name]
        before, member.translated = member.outside, type(member.nbma)(outside)
        for ipsec_of, ipsec in self.ipsec.items():
            for old in [it for it in ipsec.known if it.remote == before and self._far(ipsec_of, it) == name]:
                new = replace(old, remote=member.outside)
                ipsec.known[ipsec.known.index(old)] = new
                self.handle(ipsec_of, ConnectionChanged(old, new, "moved"))
                self._tell(self.members[ipsec_of], before)
                self._tell(self.members[ipsec_of], member.outside)

    def pass_packets(self, name: str, next_hop: IPAddress, packets: int = 5) -> None:
        """A member forwards packets to a next hop, and as many come back."""
        member = self.members[name]
        number = self.adjacent[name][next_hop] or self._newest(member, member.adjacencies[next_hop])
        self._count(name, number, sent=packets, received=packets)

    def ways(self, kind: str) -> list[tuple[str, str]]:
        """Return the senders and receivers of the packets of this type."""
        return [(sender, receiver) for what, sender, receiver in self.way if what == kind]

    # -------------------------------------------------------------------------------------------- the wire

    def _far(self, name: str, connection: Connection) -> str:
        return self._ends[name, connection.number][0]

    def _new_number(self) -> int:
        self._number += 1
        return self._number

    def _tell(self, member: Member, nbma: IPAddress) -> None:
        self.handle(member, ProtectionChanged(TUNNEL, nbma, self.ipsec[member.name].between(TUNNEL, nbma)))

    def _negotiate(self, member: Member, nbma: IPAddress) -> None:
        ipsec = self.ipsec[member.name]
        if nbma not in self.wanted[member.name] or ipsec.connections(remote=nbma):
            return
        peer = next((m for m in self.members.values() if m.outside == nbma and m.translated is None), None)
        if peer is None or (member.outside, nbma) in self._cuts:
            ipsec.reasons[nbma] = self.refusal
            ipsec.phases[nbma] = ProtectionPhase.IKE
            self._tell(member, nbma)
        else:
            self.connect(member.name, peer.name)

    def _carry_out(self, member: Member, result: Effect | Notice) -> None:
        match result:
            case ProtectionWanted(tunnel="Tunnel100"):
                more, less = self.ipsec[member.name].take(result)
                for nbma in more:
                    self.wanted[member.name].append(nbma)
                    self._serial += 1
                    start = partial(self._negotiate, member, nbma)
                    self._queue.append((self.now + self.ike, self._serial, start))
                for nbma in less:
                    self.wanted[member.name].remove(nbma)
            case SendGre(nbma=nbma, protocol=protocol, payload=payload, connection=connection):
                self._send(member, nbma, connection, (protocol, payload))
            case PollUsage():
                counts = [(c, self._carried.get((member.name, c.number))) for c in self.ipsec[member.name].known]
                peers = tuple(PeerUsage(c.remote, *count, c.number) for c, count in counts if count is not None)
                self._later(lambda: self._report(member, peers))
            case SetAdjacency(next_hop=next_hop, nbma=nbma, connection=connection):
                member.adjacencies[next_hop] = nbma
                self.adjacent[member.name][next_hop] = connection
            case SetMulticast(nbmas=nbmas, bound=bound):
                member.multicast = nbmas
                self.bound[member.name] = bound
            case _:
                super()._carry_out(member, result)

    def _count(self, name: str, connection: int, *, sent: int = 0, received: int = 0) -> None:
        before = self._carried.get((name, connection), (0, 0))
        self._carried[name, connection] = (before[0] + sent, before[1] + received)

    def _newest(self, member: Member, nbma: IPAddress) -> int:
        return self.ipsec[member.name].between(TUNNEL, nbma).connection

    def _send(self, sender: Member, nbma: IPAddress, connection: int, what: tuple[int, bytes]) -> None:
        protocol, payload = what
        number = connection or self._newest(sender, nbma)
        assert self.ipsec[sender.name].connection(number), f"{sender.name} sends to {nbma} what nothing protects"
        self._count(sender.name, number, sent=1)
        end = self._ends.get((sender.name, number))
        packet = parse(payload) if protocol == GRE_NHRP else None
        if packet is not None:
            self.packets.append(Sent(self.now, sender.outside, nbma, packet))
            self.way.append((type(packet).__name__, sender.name, end[0] if end else ""))
            if not self.filter(sender, nbma, packet):
                return
        if end is None or (sender.outside, nbma) in self._cuts:
            return
        receiver, source = self.members[end[0]], sender.outside
        if packet is not None:
            self._later(lambda: self._arrive_over(receiver, source, end[1], payload))
        else:
            self._later(lambda: self._echo_over(receiver, source, end[1], payload))

    def _arrive_over(self, receiver: Member, source: IPAddress, connection: int, payload: bytes) -> None:
        self._count(receiver.name, connection, received=1)
        self.handle(receiver, NhrpReceived(TUNNEL, source, payload, connection))

    def _echo_over(self, receiver: Member, source: IPAddress, connection: int, payload: bytes) -> None:
        self._count(receiver.name, connection, received=1)
        self._echo(receiver, source, payload)

    def _walk(self, member: Member, packet: Ipv4Packet) -> None:
        nbma = member.adjacencies.get(packet.destination)
        connection = self.adjacent[member.name].get(packet.destination, 0) if nbma is not None else 0
        nbma = nbma or next((n.nbma for n in member.config.nhs if n.nbma), None)
        number = (connection or self._newest(member, nbma)) if nbma is not None else 0
        end = self._ends.get((member.name, number))
        if nbma is None or end is None or (member.outside, nbma) in self._cuts:
            return
        self._count(member.name, number, sent=1)
        self._later(lambda: self._take(self.members[end[0]], member.outside, packet))


def protected(
    *spokes: int, ike: float = 0.05, behind: dict[str, str] | None = None, **settings: object
) -> ProtectedOverlay:
    """Return the cloud of the study notes, protected. behind: the outer addresses of those behind NAT."""
    plain = cloud(*spokes, **settings)  # type: ignore[arg-type]
    for name, outside in (behind or {}).items():
        member = plain.members[name]
        member.translated = type(member.nbma)(outside)
        member.nbma = type(member.nbma)(f"10.99.{name[1]}.2")
    return ProtectedOverlay(*plain.members.values(), ike=ike)
