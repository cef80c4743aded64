"""The cloud of `support.overlay` when it has settled, and short ways to look into its routers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.events import NhrpReceived
from dmvpn.base.shell import NO_PLANE, NoPlane
from dmvpn.features.nhrp.packet import ResolutionFlag, ResolutionReply, ResolutionRequest
from dmvpn.features.nhrp.show import COMMANDS
from dmvpn.ios import ConfigTree, ExecParser, Match
from support.overlay import TUNNEL, Overlay, address, cloud, hairpin

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.ports import Ports
    from dmvpn.features.nhrp.cache import Entry
    from dmvpn.features.nhrp.packet import NhrpPacket
    from dmvpn.features.nhrp.parts import ClientInfo
    from dmvpn.features.nhrp.reasons import Refusal
    from dmvpn.features.nhrp.tunnel import Tunnel

#: The hub R11 and the spokes R31 and R41.
HUB, HUB_NBMA = address("192.168.100.11"), address("172.16.11.1")
SPOKE, SPOKE_NBMA = address("192.168.100.31"), address("172.16.31.1")
PEER, PEER_NBMA = address("192.168.100.41"), address("172.16.41.1")


def ready(*spokes: int, **settings: object) -> Overlay:
    """Everybody is registered; what was sent for that is forgotten."""
    return cloud(*spokes, **settings).settled()  # type: ignore[arg-type]


def tunnel_of(overlay: Overlay, name: str = "R31") -> Tunnel:
    """Return the tunnel of a router."""
    return overlay.members[name].machine.tunnels[0]


def targets(overlay: Overlay, name: str = "R31") -> dict[str, Entry]:
    """Return the cache of a router."""
    return {str(entry.target): entry for entry in tunnel_of(overlay, name).cache.entries()}


def refused(overlay: Overlay, name: str) -> dict[Refusal, int]:
    """Return what a router did not act on."""
    return tunnel_of(overlay, name).counters.refused


def receive(overlay: Overlay, name: str, packet: NhrpPacket | bytes, source: IPAddress) -> None:
    """A packet comes out of GRE at a router."""
    octets = packet if isinstance(packet, bytes) else packet.serialize()
    overlay.handle(name, NhrpReceived(TUNNEL, source, octets))


def question(overlay: Overlay) -> ResolutionRequest:
    """R31 asks for a host behind R41, and nobody hears it."""
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.1)
    (request,) = overlay.sent(ResolutionRequest)
    return request


def answer(request: ResolutionRequest, *cies: ClientInfo, flags: int = 0xE802) -> ResolutionReply:
    """Return a reply to it as FRR would send it."""
    return ResolutionReply(
        source_nbma=request.source_nbma,
        source_protocol=request.source_protocol,
        destination_protocol=request.destination_protocol,
        flags=ResolutionFlag(flags),
        request_id=request.request_id,
        cies=cies,
    )


# What people read of a member of an overlay: its show commands.

M = TypeVar("M")


@dataclass
class View:
    """The `ShowContext` of a member of an overlay."""

    overlay: Overlay
    name: str
    session: int = 0
    hostname: str = "R31"
    running: ConfigTree = field(default_factory=ConfigTree)
    counting: NoPlane = NO_PLANE

    @property
    def now(self) -> float:
        return self.overlay.now

    @property
    def ports(self) -> Ports:
        return self.overlay.members[self.name].ports

    def machine(self, kind: type[M]) -> M:
        machine = self.overlay.members[self.name].machine
        assert isinstance(machine, kind)
        return machine


def show(overlay: Overlay, name: str, line: str) -> str:
    """Return the text of a command."""
    match = match_of(line)
    return "".join(f"{text}\n" for text in match.lines(View(overlay, name)))


def match_of(line: str) -> Match:
    """Return the command of a line."""
    match = ExecParser(COMMANDS).match(line)
    assert isinstance(match, Match), match
    return match
