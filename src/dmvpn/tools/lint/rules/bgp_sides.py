"""How BGP of each end of a tunnel knows the other end: by a `neighbor` line, by a listen range, or not at all.

An end calls from its tunnel address, or from the address of its `update-source`, so its neighbor may know it by either.
What a router's lines make of its neighbors is found once for each router, whatever the number of its tunnels.
"""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.settings import configured_peers, groups_of, guest, with_group

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.features.bgp.model import NeighborLines
    from dmvpn.features.bgp.settings import PeerSettings
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import EndPair, Network, TunnelEnd

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


class Sides:
    """The ends of all tunnels of a network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._speakers: dict[Device, _Speaker] = {}
        self._pairs: dict[tuple[TunnelEnd, TunnelEnd], Pair | None] = {}

    def of(self, here: TunnelEnd, there: TunnelEnd) -> Pair | None:
        """Return both ends; None if one of them does not run BGP there."""
        if (here, there) not in self._pairs:
            self._pairs[here, there] = self._found(here, there)
        return self._pairs[here, there]

    def is_awaited(self, pair: EndPair, sides: Pair) -> bool:
        """Return whether the server has a range for the client, and all its other clients that run BGP call it.

        Not if another routing protocol runs there, if the client calls another address of the server, or if spokes
        share the hubs among them: the client calls another server, which other clients do not call.
        """
        (client, there), (_, waiting) = (pair.here, pair.there), sides
        if not pair.nhrp or waiting.settings is None or waiting.shutdown or (client.running and there.running):
            return False
        if self._callers(there)[1] != [client] or not self._callers(there)[0]:
            return False
        mine, theirs = self._speaker(client.device), [one for _, one, _ in there.device.addresses()]
        if mine.knows_any([one for one in theirs if isinstance(one, IPv4Address)]):
            return False
        others = [one for one in self._network.servers_of(client) if one is not there]
        return not any(client in self._callers(one)[0] and self._callers(one)[1] for one in others)

    def _callers(self, server: TunnelEnd) -> tuple[list[TunnelEnd], list[TunnelEnd]]:
        """Return the clients that run BGP, in two lists: clients that call this server, and clients that do not."""
        calling: tuple[list[TunnelEnd], list[TunnelEnd]] = [], []
        for client in self._network.clients(server):
            sides = self.of(client, server)
            if sides is not None:
                calling[0 if sides[0].calls else 1].append(client)
        return calling

    def _found(self, here: TunnelEnd, there: TunnelEnd) -> Pair | None:
        ends = (here, there)
        if any(end.interface.vrf or not end.device.bgp.local_as for end in ends):
            return None
        ours, theirs = (list(_addresses(end)) for end in ends)
        if not ours or not theirs:
            return None
        mine, other = (self._speaker(end.device) for end in ends)
        return mine.side(here, [*theirs, *other.source(ours)]), other.side(there, [*ours, *mine.source(theirs)])

    def _speaker(self, device: Device) -> _Speaker:
        if device not in self._speakers:
            self._speakers[device] = _Speaker(device)
        return self._speakers[device]


def _addresses(end: TunnelEnd) -> Iterator[IPv4Address]:
    return (address for address, _ in end.addresses if isinstance(address, IPv4Address))
