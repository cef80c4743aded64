"""How BGP of each end of a tunnel knows the other end: by a `neighbor` line, by a listen range, or not at all.

An end calls from its tunnel address, or from the address of its `update-source`, so its neighbor may know it by either.
What a router's lines make of its neighbors is found once for each router, whatever the number of its tunnels.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.config.instance import ROUTER, VRF_FAMILY
from dmvpn.features.bgp.settings import configured_peers, groups_of, guest, with_group

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.features.bgp.model import NeighborLines
    from dmvpn.features.bgp.settings import PeerSettings
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import EndPair, TunnelEnd

#: First words of `neighbor` lines that say who the neighbor is, or whether there is a session.
_OF_SESSION: Final = frozenset(
    {"remote-as", "local-as", "password", "peer-group", "inherit", "update-source", "shutdown"}
)
_ACTIVATE: Final = "activate"
_TEMPLATE: Final = "template peer-session"


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One end, as it knows the other one. peer: an address of the other end.

    settings: None if there is no session. calls: by a line, not by a range alone. lines: of the neighbor, its group and
    its templates, be there a session or not.
    unread: a line about the session is not understood. elsewhere: it is activated in a family that is not understood.
    """

    end: TunnelEnd
    peer: IPv4Address
    settings: PeerSettings | None = None
    calls: bool = False
    lines: NeighborLines | None = None
    unread: bool = False
    elsewhere: bool = False

    @property
    def own(self) -> NeighborLines | None:
        """The lines of the neighbor itself."""
        return next((one for one in self.end.device.bgp.neighbors if one.peer == self.peer), None)

    @property
    def group(self) -> NeighborLines | None:
        """Those of its peer group."""
        name = self.lines.group if self.lines is not None else ""
        return groups_of(self.end.device.bgp).get(name)

    @property
    def shutdown(self) -> bool:
        """Whether its session is shut down."""
        return self.settings is not None and self.settings.lines.shutdown

    @property
    def name(self) -> str:
        """The name of its router."""
        return self.end.device.hostname

    @property
    def process(self) -> tuple[str, ...]:
        """The lines that open BGP's section with the neighbors: in a VRF its address family."""
        device = self.end.device
        within = (VRF_FAMILY.of(vrf=device.vrf),) if device.vrf else ()
        return ROUTER.of(number=device.bgp.local_as), *within

    def at(self) -> tuple[str, ...]:
        """Return the lines for the other end, or the section."""
        return (*self.process, f"neighbor {self.peer}") if self.own is not None else self.process

    def presents(self, other: Side) -> int:
        """Return the AS number that the other end sees: outside of a confederation that of the confederation."""
        mine, theirs = self.end.device.bgp, other.end.device.bgp
        if self.settings is not None:
            return self.settings.local_as
        is_inside = theirs.local_as in (mine.local_as, *mine.confederation.members)
        return mine.local_as if is_inside else mine.outer_as


Pair = tuple[Side, Side]


class _Speaker:
    """BGP of one router."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._config = device.bgp
        self._groups = groups_of(device.bgp)

    @cached_property
    def _peers(self) -> dict[IPv4Address, PeerSettings]:
        return configured_peers(self._config)

    @cached_property
    def _lines(self) -> dict[IPv4Address, NeighborLines]:
        return {one.peer: one for one in self._config.neighbors if isinstance(one.peer, IPv4Address)}

    @cached_property
    def _unread(self) -> dict[str, list[str]]:
        """The first words of the lines that are not understood, by neighbor, and by "" those of templates."""
        found: dict[str, list[str]] = {}
        for entry in self.device.entries:
            words = entry.text.split()
            if words[:1] == ["neighbor"]:
                found.setdefault("".join(words[1:2]), []).extend(words[2:3])
            elif any(section.startswith(_TEMPLATE) for section in entry.path):
                found.setdefault("", []).extend(words[:1])
        return found

    def source(self, addresses: Sequence[IPv4Address]) -> list[IPv4Address]:
        """Return the address from which it calls a neighbor that has these, unless it is that of the tunnel."""
        lines = [self._peers[one].lines for one in addresses if one in self._peers]
        interfaces = [self.device.interface(one.update_source) for one in lines if one.update_source]
        own = [one.address[0] for one in interfaces if one is not None and one.address is not None]
        return [address for address in own if isinstance(address, IPv4Address)]

    def knows_any(self, addresses: Sequence[IPv4Address]) -> bool:
        """Return whether it has a session with one of these."""
        return any(one in self._peers for one in addresses)

    def side(self, end: TunnelEnd, addresses: Sequence[IPv4Address]) -> Side:
        """Return what it knows of a neighbor that has these addresses."""
        for each in addresses:
            if each in self._peers:
                return self._made(end, each, self._peers[each], calls=True)
        for each in addresses:
            if each in self._lines:
                return self._made(end, each, None, calls=False)
        for each in addresses:
            settings = guest(self._config, each, self._groups)
            if settings is not None:
                return self._made(end, each, settings, calls=False)
        return self._made(end, addresses[0], None, calls=False)

    def _made(self, end: TunnelEnd, peer: IPv4Address, settings: PeerSettings | None, *, calls: bool) -> Side:
        lines = settings.lines if settings is not None else None
        if lines is None and peer in self._lines:
            lines = with_group(self._config, self._lines[peer], self._groups)
        names = (str(peer), *((lines.group,) if lines is not None and lines.group else ()), "")
        unread = [word for name in names for word in self._unread.get(name, ())]
        return Side(
            end=end,
            peer=peer,
            settings=settings,
            calls=calls,
            lines=lines,
            unread=any(word in _OF_SESSION for word in unread),
            elsewhere=_ACTIVATE in unread,
        )


@lru_cache(maxsize=1024)
def _speaker(device: Device) -> _Speaker:
    return _Speaker(device)


@lru_cache(maxsize=4096)
def sides_of(here: TunnelEnd, there: TunnelEnd) -> Pair | None:
    """Return both ends; None if one of them does not run BGP in the table of its tunnel."""
    ends = (here, there)
    if any(end.interface.vrf != end.device.vrf or not end.device.bgp.local_as for end in ends):
        return None
    ours, theirs = (list(_addresses(end)) for end in ends)
    if not ours or not theirs:
        return None
    mine, other = (_speaker(end.device) for end in ends)
    return mine.side(here, [*theirs, *other.source(ours)]), other.side(there, [*ours, *mine.source(theirs)])


def side(end: TunnelEnd, pair: EndPair) -> Side | None:
    """Return one end of a pair; None if BGP does not run at both, or a line about the session is not understood."""
    sides = sides_of(pair.here, pair.there)
    if sides is None or any(one.unread for one in sides):
        return None
    return next(one for one in sides if one.end is end)


def is_awaited(pair: EndPair, pairs: Sequence[EndPair]) -> bool:
    """Return whether the server has a range for the client, and all its other clients that run BGP call it.

    Not if another routing protocol runs there, if the client calls another address of the server, or if spokes share
    the hubs among them: the client calls another server, which other clients do not call.
    """
    client, there = pair.here, pair.there
    sides = sides_of(client, there)
    if sides is None or any(one.calls for one in sides) or not pair.nhrp or (client.running and there.running):
        return False
    waiting = sides[1]
    if waiting.settings is None or waiting.shutdown or _callers(there, pairs)[1] != [client]:
        return False
    mine, theirs = _speaker(client.device), [one for _, one, _ in there.device.addresses()]
    if not _callers(there, pairs)[0] or mine.knows_any([one for one in theirs if isinstance(one, IPv4Address)]):
        return False
    others = [one.there for one in pairs if one.here is client and one.there is not there]
    return not any(client in called and silent for called, silent in (_callers(one, pairs) for one in others))


def _callers(server: TunnelEnd, pairs: Sequence[EndPair]) -> tuple[list[TunnelEnd], list[TunnelEnd]]:
    """Return the clients that run BGP, in two lists: clients that call this server, and clients that do not."""
    calling: tuple[list[TunnelEnd], list[TunnelEnd]] = [], []
    for pair in pairs:
        if pair.there is server and pair.nhrp and (sides := sides_of(pair.here, server)) is not None:
            calling[0 if sides[0].calls else 1].append(pair.here)
    return calling


def _addresses(end: TunnelEnd) -> Iterator[IPv4Address]:
    return (address for address, _ in end.addresses if isinstance(address, IPv4Address))
