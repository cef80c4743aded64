"""Hellos, and what follows from them: neighbors are found, kept and lost.

An extra Hello goes to a router that has not heard us, as on IOS: neither waits for the regular one. RFC 2328
§9.4, §9.5, §10.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.reasons import Reason
from dmvpn.features.ospf import messages
from dmvpn.features.ospf.adjacency import ONE_WAY, RESET
from dmvpn.features.ospf.interface import ALL_ROUTERS
from dmvpn.features.ospf.lsa import Options
from dmvpn.features.ospf.model import NetworkType
from dmvpn.features.ospf.neighbor import InterfaceState, NeighborMove, NeighborState
from dmvpn.features.ospf.packet import Hello
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.features.ospf.spf import paced

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from ipaddress import IPv4Address

    from dmvpn.features.ospf.adjacency import Adjacencies
    from dmvpn.features.ospf.interface import Neighbor, OspfInterface
    from dmvpn.features.ospf.output import Complaints, Sender
    from dmvpn.features.ospf.packet import OspfPacket
    from dmvpn.features.ospf.state import State

#: Seconds between extra multicast Hellos on an interface: the members of a cloud often start together.
_GREETING_PAUSE: Final = 1.0


class Hellos:
    """Sends and takes Hellos of one process."""

    def __init__(self, state: State, sender: Sender, complaints: Complaints, adjacencies: Adjacencies) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._complaints = complaints
        self._adjacencies = adjacencies

    # ------------------------------------------------------------------------------------------------ out

    def say(self, interface: OspfInterface) -> None:
        """Greet, and again after the interval."""
        self._context.start(interface.hello_timer, interface.settings.hello_interval)
        if not interface.speaks:
            return
        if not interface.settings.by_unicast:
            self._sender.send(interface, ALL_ROUTERS, self._hello(interface, interface.neighbors.values()))
            return
        self._adjacencies.call(interface)
        interface.calls.begin(self._call_all(interface))

    def _call_all(self, interface: OspfInterface) -> Generator[None, None, None]:
        """Greet each neighbor alone, in slices."""
        known = interface.neighbors
        polls = {each.address: each.poll_interval for each in self._state.settings.neighbors}
        hello = self._hello(interface, known.values())
        for neighbor, ends in paced(list(known.values())):
            if ends:
                yield
                hello = self._hello(interface, known.values())
            if known.get(neighbor.address) is neighbor and self._is_called(neighbor, polls.get(neighbor.address, 0)):
                self._sender.send(interface, neighbor.address, hello)

    def _is_called(self, neighbor: Neighbor, poll_interval: float) -> bool:
        """Return whether it is time to call this configured neighbor.

        A neighbor that does not answer is called at the poll interval, RFC 2328 §9.5.1.
        """
        now, settings = self._context.now, neighbor.interface.settings
        silent = neighbor.state is NeighborState.ATTEMPT and now - neighbor.since >= settings.dead_interval
        if silent and now - neighbor.called < poll_interval:
            return False
        neighbor.call(now)
        return True

    def hasten(self, interface: OspfInterface) -> None:
        """Send the next multicast Hello early for a new neighbor, but limit how often that happens."""
        if not interface.speaks:
            return
        now = self._context.now
        due = max(now, interface.greeted + _GREETING_PAUSE)
        when = self._context.timers.when(interface.hello_timer)
        if when is None or due < when:
            interface.greet(due)
            self._context.start(interface.hello_timer, due - now)

    def _hello(self, interface: OspfInterface, heard: Iterable[Neighbor]) -> Hello:
        settings = interface.settings
        bare = not settings.elects
        return Hello(
            mask=interface.mask,
            interval=settings.told_interval,
            options=interface.area.options,
            priority=0 if bare else settings.priority,
            dead_interval=settings.dead_interval,
            designated=UNSPECIFIED if bare else interface.designated,
            backup=UNSPECIFIED if bare else interface.backup,
            neighbors=tuple(neighbor.router for neighbor in heard if neighbor.state.rank >= NeighborState.INIT.rank),
        )

    # ------------------------------------------------------------------------------------------------ in

    def receive(self, interface: OspfInterface, source: IPv4Address, packet: OspfPacket, hello: Hello) -> None:
        """Take a Hello that is authentic and of the right area."""
        refusal = self._refusal(interface, hello)
        if refusal is not None:
            interface.refuse(source, refusal)
            self._sender.drop("Hello that does not fit")
            self._debug(interface, f"Rcv hello from {packet.router} {source}: {refusal}")
            return
        interface.accept(source)
        neighbor = self._neighbor(interface, source, packet)
        if neighbor is None:
            self._complaints.refuse(interface, source, "too many neighbors", "no place for another neighbor")
            return
        if self._sender.is_replay(neighbor, packet):
            self._sender.drop("old packet with a digest")
            return
        self._debug(interface, f"Rcv hello from {packet.router} {source}")
        self._context.start(neighbor.inactivity_timer, interface.settings.dead_interval)
        before = (neighbor.priority, neighbor.designated, neighbor.backup)
        neighbor.hear(hello, packet.router, self._context.now)
        is_new = neighbor.state in (NeighborState.DOWN, NeighborState.ATTEMPT)
        if is_new:
            self._adjacencies.move(neighbor, NeighborMove.HEARD, "Received Hello")
        hears_us = self._state.router_id in hello.neighbors
        if is_new or not hears_us:
            self._greet(interface, neighbor)
        if hears_us:
            self._adjacencies.heard_both_ways(neighbor)
        elif neighbor.is_two_way and not neighbor.is_helped:
            self._adjacencies.move(neighbor, NeighborMove.ONE_WAY, ONE_WAY)
        if not neighbor.is_helped:
            self._judge_claims(interface, neighbor, before)

    def _greet(self, interface: OspfInterface, neighbor: Neighbor) -> None:
        """Send a Hello to a neighbor that has not heard us yet.

        On point-to-point links every Hello is a multicast. If there are several neighbors nevertheless, each Hello
        would trigger Hellos from all of them, so `hasten` limits their rate.
        """
        if interface.settings.network is NetworkType.POINT_TO_POINT:
            self.hasten(interface)
        else:
            # The neighbor looks for itself only: a list of all neighbors would make each answer long.
            self._sender.send(interface, neighbor.address, self._hello(interface, [neighbor]))

    def _neighbor(self, interface: OspfInterface, source: IPv4Address, packet: OspfPacket) -> Neighbor | None:
        """Return the sender, as a neighbor that was known or is new; None: there are too many.

        Where there is only one, another one takes its place.
        """
        adjacencies = self._adjacencies
        if interface.settings.network is NetworkType.POINT_TO_POINT:
            for other in list(interface.neighbors.values()):
                if other.address != source:
                    adjacencies.lose(other, RESET)
        known = interface.neighbors.get(source)
        if known is not None and known.router not in (UNSPECIFIED, packet.router):
            adjacencies.lose(known, RESET)
            known = None
        if known is None and not adjacencies.make_room():
            return None
        return known or adjacencies.create(interface, source)

    def _refusal(self, interface: OspfInterface, hello: Hello) -> Reason | None:
        """Return why the sender of this Hello cannot be our neighbor, RFC 2328 §10.5."""
        settings, since = interface.settings, self._context.now
        mask = interface.mask
        theirs, ours = hello.options & _KINDS, int(interface.area.options) & _KINDS
        if settings.network is not NetworkType.POINT_TO_POINT and hello.mask != mask:
            return Reason(OspfReason.MASK, (hello.mask, mask), since)
        if hello.dead_interval != settings.dead_interval:
            return Reason(OspfReason.DEAD_INTERVAL, (hello.dead_interval, settings.dead_interval), since)
        if hello.interval != settings.told_interval:
            return Reason(OspfReason.HELLO_INTERVAL, (hello.interval, settings.told_interval), since)
        if theirs != ours:
            return Reason(OspfReason.KIND, (f"0x{theirs:02X}", f"0x{ours:02X}"), since)
        return None

    def _debug(self, interface: OspfInterface, text: str) -> None:
        if self._context.ports.debugging.on(messages.HELLO, interface=interface.name):
            self._context.debug(messages.line(self._state.number, interface.name, text))

    # ------------------------------------------------------------------------------------------------ election

    def _judge_claims(
        self, interface: OspfInterface, neighbor: Neighbor, before: tuple[int, IPv4Address, IPv4Address]
    ) -> None:
        """Compare the election claims of the Hello with those of the last one, RFC 2328 §10.5, the end."""
        if not interface.settings.elects or not neighbor.is_two_way:
            return
        address = neighbor.address
        priority, designated, backup = before
        if interface.phase is InterfaceState.WAITING:
            alone = neighbor.designated == address and neighbor.backup == UNSPECIFIED
            if alone or neighbor.backup == address:
                self._adjacencies.hold_election(interface)
            return
        claims = (neighbor.priority, neighbor.designated == address, neighbor.backup == address)
        if claims != (priority, designated == address, backup == address):
            self._adjacencies.hold_election(interface)


_KINDS: Final = int(Options.EXTERNAL | Options.NSSA)
