"""The judge's rules for tables: forwarding tables as they are, NHRP caches compared with the messages received.

Four rules. Every dynamic NHRP entry is explained by a message that this router received within the holding time in that
message, and the station that the entry leads to has not purged it since. An adjacency that leads to no station, or to a
station that is neither the next hop (any longer) nor on the path to it, disappears within the holding time. So does a
shortcut (a path through another spoke) whose packets do not reach that spoke directly. And no table grows without
bound.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import WireError
from dmvpn.base.events import Event, NhrpReceived
from dmvpn.base.values import dataclass
from dmvpn.dataplane.contract import UNRESOLVED_NEXT_HOPS
from dmvpn.features.nhrp import packet as nhrp
from dmvpn.features.nhrp.cache import EntryType
from dmvpn.features.nhrp.forwarding import LARGEST_GLEANED
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.parts import NatAddress, find
from dmvpn.features.nhrp.resolver import LARGEST_INCOMPLETE
from dmvpn.judge.bounds import BoundPart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.tunnel import Tunnel
    from dmvpn.judge.anatomy import Anatomy
    from dmvpn.shells.simulator.node import RouterNode
    from dmvpn.shells.simulator.simulator import Simulator

#: Entries and adjacencies of one tunnel beyond one for each station and LAN: what a storm may leave for a while.
SLACK = LARGEST_INCOMPLETE + LARGEST_GLEANED + UNRESOLVED_NEXT_HOPS
#: Timers of the world that may wait at a time, for each node. More means that something sets them without end.
TIMERS = 500


@dataclass(slots=True)
class _Heard:
    """The NHRP information that a router received since it started.

    The first table: (protocol address, NBMA address) -> the time at which the mapping expires. purged: NBMA address ->
    the (tunnel, prefix) pairs that this station purged since the last message about it.
    """

    node: RouterNode
    told: dict[tuple[IPAddress, IPAddress], float] = field(default_factory=dict)
    purged: dict[IPAddress, list[tuple[str, Prefix]]] = field(default_factory=dict)


class Tables:
    """Compares tables with the messages received, from the first packet on.

    accuse: called with the rule and the text of a violation.
    """

    def __init__(self, world: Simulator, anatomy: Anatomy) -> None:
        self.accuse: Callable[[str, str], None] = lambda _rule, _text: None
        self._world = world
        self._anatomy = anatomy
        self._heard: dict[str, _Heard] = {}
        self._stray: dict[tuple[str, str], float] = {}
        self._far = {address: name for name, site in anatomy.sites.items() if site.stub for _, address in site.tunnels}
        self._holding_time = float(anatomy.holding_time)
        for name in anatomy.sites:
            self._listen(name)

    def _listen(self, name: str) -> None:
        earlier = self._world.routers[name].watch

        def watch(event: Event) -> None:
            if type(event) is NhrpReceived:
                self._take(name, event)
            earlier(event)

        self._world.routers[name].watch = watch

    # ------------------------------------------------------------------------------------------ NHRP messages

    def _take(self, name: str, event: NhrpReceived) -> None:
        try:
            packet = nhrp.parse(event.data)
        except WireError:
            return
        if isinstance(packet, nhrp.PurgeRequest):
            self._take_purge(name, event, packet)
            return
        if not isinstance(packet, nhrp.ClientMessage) or isinstance(packet, nhrp.PurgeReply):
            return
        addresses = {packet.source_protocol: None, packet.destination_protocol: None}
        nbmas: dict[IPAddress, None] = {event.outer_source: None, packet.source_nbma: None}
        longest = self._holding_time
        for cie in packet.cies:
            longest = max(longest, float(cie.holding_time))
            if cie.protocol is not None:
                addresses[cie.protocol] = None
            if cie.nbma is not None:
                nbmas[cie.nbma] = None
        nat = find(packet.extensions, NatAddress)
        for entry in nat.entries if nat else ():
            if entry.nbma is not None:
                nbmas[entry.nbma] = None
        heard = self._of(name)
        for nbma in nbmas:
            heard.purged.pop(nbma, None)
            for address in addresses:
                heard.told[address, nbma] = self._world.now + longest

    def _take_purge(self, name: str, event: NhrpReceived, packet: nhrp.PurgeRequest) -> None:
        """Note that the station at an NBMA address purged mappings that lead to it.

        A later message about that address makes them valid again.
        """
        if packet.destination_protocol not in [address for _, address in self._anatomy.sites[name].tunnels]:
            return  # it passes through
        purged = self._of(name).purged.setdefault(event.outer_source, [])
        for cie in packet.cies:
            address = packet.source_protocol if cie.protocol is None else cie.protocol
            prefix = Prefix.of(address, cie.host_or_prefix_length(address.max_prefixlen))
            purged.append((event.tunnel, prefix))

    def _of(self, name: str) -> _Heard:
        """Return what the router received since it started; a restarted router begins empty."""
        node = self._world.routers[name]
        heard = self._heard.get(name)
        if heard is None or heard.node is not node:
            heard = self._heard[name] = _Heard(node)
        return heard

    # -------------------------------------------------------------------------------------------- looking

    def look(self) -> None:
        """Look at all tables."""
        owners = self._owners()
        standing: dict[tuple[str, str], None] = {}
        for name in self._anatomy.sites:
            node = self._world.routers[name]
            if not node.alive:
                continue
            for tunnel in node.router.machine(NhrpMachine).tunnels:
                self._check_entries(name, tunnel)
                self._check_sizes(name, node, tunnel)
                for next_hop, nbma in node.plane.adjacencies(tunnel.name).items():
                    by_server = nbma in self._anatomy.sites[name].configured
                    if not by_server and not self._leads_somewhere(owners, next_hop, nbma):
                        standing["stale adjacency", f"{name} {tunnel.name}: {next_hop} still leads to {nbma}"] = None
            if self._anatomy.sites[name].shortcuts:
                standing.update(dict.fromkeys(self._hollow_shortcuts(owners, name, node)))
        self._check_strays(standing)
        timers = self._world.pending
        if timers > TIMERS * (len(self._world.routers) + len(self._world.hosts)):
            self.accuse("bounds", f"{timers} timers wait in the world")

    def _check_entries(self, name: str, tunnel: Tunnel) -> None:
        heard = self._of(name)
        now = self._world.now
        for entry in tunnel.cache.entries():
            if entry.type is not EntryType.DYNAMIC or entry.is_local or entry.nbma is None:
                continue
            until = heard.told.get((entry.next_hop, entry.nbma))
            if until is None:
                what = f"{name} {tunnel.name}: no message said {entry.target} by {entry.next_hop} at {entry.nbma}"
                self.accuse("unexplained entry", what)
            elif until < now:
                what = f"{name} {tunnel.name}: {entry.target} at {entry.nbma} outlives its holding time"
                self.accuse("stale entry", what)
            for where, prefix in heard.purged.get(entry.nbma, ()):
                if where == tunnel.name and entry.target.address in prefix and prefix.length <= entry.target.length:
                    what = f"{name} {tunnel.name}: {entry.target} at {entry.nbma} remains, and {prefix} was purged"
                    self.accuse("purged entry", what)
                    break

    def _check_sizes(self, name: str, node: RouterNode, tunnel: Tunnel) -> None:
        room = SLACK + 8 * len(self._anatomy.sites)
        for what, size in (
            ("cache entries", len(tunnel.cache)),
            ("adjacencies", len(node.plane.adjacencies(tunnel.name))),
        ):
            if size > room:
                self.accuse("bounds", f"{name} {tunnel.name}: {size} {what}")

    def _hollow_shortcuts(self, owners: dict[IPAddress, str], name: str, node: RouterNode) -> Iterator[tuple[str, str]]:
        """Yield shortcuts to hosts through another spoke without an adjacency, or with the adjacency of a hub."""
        for host in self._world.hosts.values():
            for destination, _ in host.plane.addresses_of("eth0"):
                for hop in (hop for vrf in node.plane.tables for hop in node.plane.route(destination, vrf)):
                    far = self._far.get(hop.address) if hop.address is not None else None
                    if hop.address is None or far is None or far == name:
                        continue
                    nbma = node.plane.adjacency(hop.interface, hop.address)
                    if nbma is None or owners.get(nbma) in self._anatomy.hubs:
                        yield "stale shortcut", f"{name} {hop.interface}: {destination} still goes by {hop.address}"

    def _check_strays(self, standing: dict[tuple[str, str], None]) -> None:
        """Check that entries that lead nowhere do not outlast the holding time."""
        now = self._world.now
        self._stray = {stray: self._stray.get(stray, now) for stray in standing}
        for (rule, what), since in self._stray.items():
            if now - since > self._holding_time + BoundPart.SETTLING.seconds:
                self.accuse(rule, f"{what} after {now - since:.0f} s")

    def _owners(self) -> dict[IPAddress, str]:
        """Return the live site, or the NAT, behind each NBMA address."""
        owners: dict[IPAddress, str] = {}
        for name, site in self._anatomy.sites.items():
            node = self._world.routers[name]
            if node.alive:
                for interface in site.sources:
                    for address, _ in node.plane.addresses_of(interface):
                        owners[address] = name
        for gateway in self._world.gateways.values():
            owners.setdefault(gateway.public, gateway.name)
        return owners

    def _leads_somewhere(self, owners: dict[IPAddress, str], next_hop: IPAddress, nbma: IPAddress) -> bool:
        owner = owners.get(nbma)
        if owner is None:
            return False
        if owner not in self._anatomy.sites or not self._anatomy.sites[owner].stub:
            return True  # a hub forwards packets for other stations; behind NAT there may be several
        return any(address == next_hop for _, address in self._anatomy.sites[owner].tunnels)
