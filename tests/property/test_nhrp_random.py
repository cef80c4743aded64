"""NHRP under random life: whatever happens, in whatever order, books and data plane agree and nothing crashes.

The invariants are looked at after every step: what a member believes its data plane has is what it ordered; a route
that NHRP installed leads over a proved path; caches and indices agree and stay small. When the faults stop, the spokes
find each other again.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.chronicle import LateLine, MessagePassed, StateChanged
from dmvpn.base.effects import GRE_NHRP, SendGre
from dmvpn.base.events import Hairpin, NhrpReceived, Resync, Unresolved
from dmvpn.features.nhrp import instance
from dmvpn.features.nhrp.cache import EntryType, Flag, RouteState
from dmvpn.features.nhrp.history import message_line, spell
from dmvpn.features.nhrp.model import ClearCache, ClearSessions, Withdraw
from dmvpn.features.nhrp.packet import (
    ErrorIndication,
    NhrpPacket,
    PurgeFlag,
    PurgeRequest,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionRequest,
    TrafficIndication,
    parse,
)
from dmvpn.features.nhrp.parts import ClientInfo
from dmvpn.features.nhrp.renewals import Renewals
from dmvpn.features.nhrp.server import Guest, Guests
from support.cloud import HUB, HUB_NBMA, PEER, PEER_NBMA, SPOKE, SPOKE_NBMA
from support.nhrp_strategies import packets_of
from support.overlay import TUNNEL, Member, Overlay, address, cloud, data_packet, hairpin, make_shortcut
from support.protected import ProtectedOverlay, protected
from support.work import calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.notices import Notice
    from dmvpn.features.nhrp.debug import Processing
    from dmvpn.features.nhrp.machine import NhrpMachine
    from dmvpn.features.nhrp.tunnel import Tunnel

    Results = list[Effect | Notice]
    Handle = Callable[[Event | Notice, float], Results]

NAMES = ("R11", "R31", "R41", "R51")
SPOKES = NAMES[1:]
Step = tuple[str, int, int]

step = st.tuples(
        st.sampled_from(
            (
                "wait", "wait", "wait", "long", "traffic", "traffic", "traffic", "data", "cut", "fix", "move", "down",
                "up", "clear", "sessions", "unresolved", "lose route", "gain route", "resync", "password", "unique",
                "replay", "mutate", "shortcut", "lan", "purge", "stranger", "stop",
            )
        ),
    st.integers(0, 255),
    st.integers(0, 255)
)  # fmt: skip
steps = st.lists(step, max_size=60)
#: Half of what happens is that a client registers again.
renewals = st.lists(step | st.tuples(st.just("register"), st.integers(0, 255), st.integers(0, 255)), max_size=60)


class Life:
    """An overlay, and what can happen in it."""

    def __init__(self) -> None:
        self.overlay = cloud(3, 4, 5, unique=False, holdtime=120)
        self.overlay.start()
        self.overlay.run(1)
        self.moved = 0

    def take(self, step: Step) -> None:
        kind, one, two = step
        action: Callable[[int, int], None] = getattr(self, "_" + kind.replace(" ", "_"))
        action(one, two)

    def _spoke(self, number: int) -> Member:
        return self.overlay.members[SPOKES[number % len(SPOKES)]]

    def _pair(self, one: int, two: int) -> tuple[Member, Member]:
        first = self._spoke(one)
        return first, self._spoke(one + 1 + two % (len(SPOKES) - 1))

    def _wait(self, one: int, _: int) -> None:
        self.overlay.run(one / 50)

    def _long(self, one: int, _: int) -> None:
        self.overlay.run(float(one))

    def _traffic(self, one: int, two: int) -> None:
        first, second = self._pair(one, two)
        source, destination = (next(iter(m.lans.values())) for m in (first, second))
        hairpin(self.overlay, source, destination, by=first.name)

    def _data(self, one: int, two: int) -> None:
        first, second = self._pair(one, two)
        first.count(second.outside, sent=two % 5, received=one % 3)

    def _cut(self, one: int, two: int) -> None:
        first = NAMES[one % 4]
        second = NAMES[(one + 1 + two % 3) % 4]
        self.overlay.cut(first, second, both=bool(two & 4))

    def _fix(self, _: int, __: int) -> None:
        self.overlay.fix()

    def _move(self, one: int, _: int) -> None:
        self.moved += 1
        self.overlay.move(self._spoke(one).name, f"172.17.{self.moved // 250}.{self.moved % 250 + 1}")

    def _down(self, one: int, _: int) -> None:
        self.overlay.line(NAMES[one % 4], up=False)

    def _up(self, one: int, _: int) -> None:
        self.overlay.line(NAMES[one % 4], up=True)

    def _clear(self, one: int, two: int) -> None:
        target = (None, Prefix.parse("10.4.4.0/24"), Prefix.parse("192.168.100.41"))[two % 3]
        self.overlay.handle(NAMES[one % 4], ClearCache(target))

    def _sessions(self, one: int, two: int) -> None:
        self.overlay.handle(NAMES[one % 4], ClearSessions(static=bool(two & 1)))

    def _unresolved(self, one: int, two: int) -> None:
        name, next_hop = NAMES[one % 4], address(f"192.168.100.{(11, 31, 41, 51, 99, two)[two % 6]}")
        if next_hop not in self.overlay.members[name].adjacencies:
            self.overlay.handle(name, Unresolved(TUNNEL, next_hop))

    def _lose_route(self, one: int, two: int) -> None:
        first, second = self._pair(one, two)
        self.overlay.route(first.name, next(iter(second.lans)), None)

    def _gain_route(self, one: int, two: int) -> None:
        first, second = self._pair(one, two)
        self.overlay.route(first.name, next(iter(second.lans)), "192.168.100.11")

    def _resync(self, one: int, _: int) -> None:
        self.overlay.handle(NAMES[one % 4], Resync())

    def _password(self, one: int, two: int) -> None:
        self.overlay.configure(NAMES[one % 4], authentication=("", "secret")[two & 1])

    def _unique(self, one: int, two: int) -> None:
        self.overlay.configure(self._spoke(one).name, unique=bool(two & 1))

    def _shortcut(self, one: int, two: int) -> None:
        self.overlay.configure(self._spoke(one).name, shortcut=bool(two & 3))

    def _lan(self, one: int, two: int) -> None:
        """A part of what is behind a spoke moves into the tunnel, or comes back: who resolved it must hear of it."""
        spoke = self._spoke(one)
        prefix = Prefix.of(Prefix.parse(next(iter(spoke.lans))).address, 24 + two % 5)
        inner = Prefix.of(prefix.broadcast, 28)
        known = spoke.rib.exact(inner)
        self.overlay.route(spoke.name, str(inner), None if known else "192.168.100.11")

    def _purge(self, one: int, two: int) -> None:
        """Anybody tells anybody to forget anything."""
        sender, receiver = self.overlay.members[NAMES[one % 4]], self.overlay.members[NAMES[two % 4]]
        target = ("10.3.3.0", "192.168.100.41", "192.168.100.11", "0.0.0.0")[one % 3]
        purge = PurgeRequest(
            source_nbma=sender.outside,
            source_protocol=self.overlay.members[NAMES[(one >> 2) % 4]].tunnel,
            destination_protocol=receiver.tunnel,
            flags=PurgeFlag(0x8000 * (two & 1)),
            request_id=one,
            cies=(ClientInfo(prefix_length=two % 33, protocol=address(target)),),
        )
        self.overlay.handle(receiver, NhrpReceived(TUNNEL, sender.outside, purge.serialize()))

    def _stranger(self, one: int, two: int) -> None:
        """Somebody who is nobody's client asks, with addresses that do not exist."""
        request = ResolutionRequest(
            source_nbma=address("172.31.0.0") + one,
            source_protocol=address("192.168.100.0") + one,
            destination_protocol=address(f"10.{3 + two % 3}.{3 + two % 3}.{one}"),
            flags=ResolutionFlag(0xC802),
            request_id=two,
            cies=(ClientInfo(prefix_length=32, holding_time=two),),
        )
        self.overlay.handle(NAMES[two % 4], NhrpReceived(TUNNEL, address("172.31.0.0") + one, request.serialize()))

    def _stop(self, one: int, _: int) -> None:
        """An orderly stop that is called off: the next refresh registers again."""
        self.overlay.handle(self._spoke(one), Withdraw())

    def _replay(self, one: int, two: int) -> None:
        if self.overlay.packets:
            sent = self.overlay.packets[one * 7 % len(self.overlay.packets)]
            self.overlay.handle(NAMES[two % 4], NhrpReceived(TUNNEL, sent.source, sent.packet.serialize()))

    def _register(self, one: int, two: int) -> None:
        """Register a client at the hub again: with one of the last requests, and another number."""
        _register_again(self.overlay, one, two)

    def _mutate(self, one: int, two: int) -> None:
        if self.overlay.packets:
            sent = self.overlay.packets[-1 - one % len(self.overlay.packets)]
            octets = bytearray(sent.packet.serialize())
            octets[two % len(octets)] ^= 1 + one % 255
            total = sum(int.from_bytes(octets[i : i + 2].ljust(2, b"\0"), "big") for i in range(0, len(octets), 2))
            total -= int.from_bytes(octets[12:14], "big")
            while total > 0xFFFF:
                total = (total & 0xFFFF) + (total >> 16)
            octets[12:14] = (~total & 0xFFFF).to_bytes(2, "big")  # so that it gets past the checksum
            self.overlay.handle(NAMES[two % 4], NhrpReceived(TUNNEL, sent.source, bytes(octets)))


def _register_again(overlay: Overlay, one: int, two: int, connection: int = 0) -> None:
    sent = [each for each in overlay.packets if isinstance(each.packet, RegistrationRequest)][-4:]
    if sent:
        last = sent[one % len(sent)]
        request = replace(last.packet, request_id=two + 1)  # type: ignore[call-arg]
        overlay.handle("R11", NhrpReceived(TUNNEL, last.source, request.serialize(), connection))


def _check(overlay: Overlay) -> None:
    for member in overlay.members.values():
        for tunnel in member.machine.tunnels:
            _check_tunnel(member, tunnel)


def _check_tunnel(member: Member, tunnel: Tunnel) -> None:
    if tunnel.running:
        assert member.adjacencies == {next_hop: to.nbma for next_hop, to in tunnel.adjacencies.items()}
    entries = tunnel.cache.entries()
    assert len(entries) <= 600
    indexed = [entry for nbma in tunnel.cache.nbmas() for entry in tunnel.cache.at(nbma)]
    assert len(indexed) == sum(entry.nbma is not None for entry in entries)
    overrides, routes = dict(member.rib.overrides), [r for r in member.rib.known if r.source.value == "nhrp"]
    for entry in entries:
        assert entry.expires is None or entry.type is not EntryType.STATIC
        if entry.route in (RouteState.INSTALLED, RouteState.OVERRIDE):
            path = tunnel.paths.get(entry.next_hop)
            assert path is None or path.usable
            assert Flag.TEMPORARY not in entry.flags
            assert tunnel.adjacencies.get(entry.next_hop) == entry.neighbor
        if entry.route is RouteState.OVERRIDE:
            hop = overrides.pop(entry.target)
            assert hop.address == (None if entry.is_next_hop else entry.next_hop)
    assert overrides == {}
    told = {e.target for e in entries if e.route in (RouteState.INSTALLED, RouteState.UNREACHABLE)}
    assert {route.prefix for route in routes} == told
    assert all(tunnel.cache.host(peer) is not None for peer in tunnel.paths)
    assert tunnel.cache.local == {entry.target: entry for entry in entries if entry.is_local}
    assert tunnel.cache._requesters == sum(len(entry.requesters or ()) for entry in entries)


@given(steps)
@settings(deadline=None)
def test_books_and_data_plane_agree_whatever_happens(life: list[Step]) -> None:
    world = Life()
    for step in life:
        world.take(step)
        _check(world.overlay)


def _results(overlay: Overlay) -> list[object]:
    """Return a list to which all that its members do is added, with lines of the history as they are read."""
    done: list[object] = []
    for member in overlay.members.values():
        member.ports.remembers = True

        def handled(event: Event | Notice, now: float, handle: Handle = member.machine.handle) -> Results:
            results = handle(event, now)
            done.extend(one.spell() if isinstance(one, LateLine) else one for one in results)
            return results

        member.machine.handle = handled  # type: ignore[method-assign]
    return done


def _forget_answers(patch: pytest.MonkeyPatch) -> None:
    """Let hubs make each answer, for the same client and for others."""
    patch.setattr(Renewals, "renew", lambda *_: False)
    patch.setattr(Renewals, "answer", lambda *_: False)


@given(renewals)
def test_a_hub_that_remembers_its_answers_does_the_same_as_one_that_does_not(life: list[Step]) -> None:
    """Octet for octet, effect for effect, line for line."""
    done: list[list[object]] = []
    for remembers in (True, False):
        world = Life()
        done.append(_results(world.overlay))
        with pytest.MonkeyPatch.context() as patch:
            if not remembers:
                _forget_answers(patch)
            for each in life:
                world.take(each)
            done[-1].append(world.overlay.members["R11"].machine.tunnels[0].counters)
    assert done[0] == done[1]


Said = list[tuple[LateLine | MessagePassed, MessagePassed | StateChanged]]


def _overheard(machine: NhrpMachine, said: Said) -> None:
    """Let a machine keep a history, and note each change together with what it says at once."""
    machine._context.ports.remembers = True
    handle = machine.handle

    def handled(event: Event | Notice, now: float) -> list[Effect | Notice]:
        results = handle(event, now)
        said.extend((one, one.spell()) for one in results if isinstance(one, LateLine) and one.thing is not None)
        return results

    machine.handle = handled  # type: ignore[method-assign]


@given(steps)
def test_a_line_of_the_history_says_when_it_is_read_what_it_said_when_it_happened(life: list[Step]) -> None:
    """Whatever becomes of the entry, the tunnel or the packet meanwhile. A message is spelled of its octets."""
    world = Life()
    said: Said = []

    def noted(way: Processing, packet: NhrpPacket, tunnel: str, nbma: IPAddress, octets: bytes) -> object:
        line = message_line(way, packet, tunnel, nbma, octets)
        said.append((line, spell(way, packet, tunnel, nbma, octets)))
        return line

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instance, "message_line", noted)
        for member in world.overlay.members.values():
            _overheard(member.machine, said)
        for step in life:
            world.take(step)
    for line, then in said:
        assert (line.spell() if isinstance(line, LateLine) else line) == then


@pytest.mark.lengthy
@given(steps)
@settings(deadline=None)
def test_when_the_faults_stop_the_spokes_find_each_other_again(life: list[Step]) -> None:
    world = Life()
    for step in life:
        world.take(step)
    overlay = world.overlay
    overlay.fix()
    for name in NAMES:
        overlay.configure(name, authentication="", unique=False)
        overlay.line(name, up=True)
    for spoke in SPOKES:
        overlay.configure(spoke, shortcut=True)
        for others in (overlay.members[name] for name in SPOKES if name != spoke):
            overlay.route(spoke, next(iter(others.lans)), "192.168.100.11")
    for spoke in SPOKES:
        rib = overlay.members[spoke].rib
        for inner in [known.prefix for known in rib.known if known.prefix.length == 28]:
            overlay.route(spoke, str(inner), None)
    overlay.run(400)  # old entries expire, lost paths are tried again
    for first in SPOKES:
        for second in SPOKES:
            if first != second:
                one, other = overlay.members[first], overlay.members[second]
                hairpin(overlay, next(iter(one.lans.values())), next(iter(other.lans.values())), by=first)
                overlay.run(1)
                where = one.forwards(next(iter(other.lans.values())))
                assert where == (TUNNEL, other.outside), (first, second)
    _check(overlay)


# Protected tunnels, and connections that come, go and move at random: what NHRP believes, wants and orders agrees.
#
# That nothing is sent that nothing protects is held by `ProtectedOverlay` itself.

PUBLIC = "203.0.113.7"

protected_steps = st.lists(
    st.tuples(
        st.sampled_from(
            ("wait", "traffic", "connect", "disconnect", "cut", "fix", "line", "clear", "roam", "unresolved", "use")
        ),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=30,
)


def _step(overlay: ProtectedOverlay, what: str, one: int, two: int) -> None:
    first, second = overlay.members[NAMES[one]], overlay.members[NAMES[two]]
    pair = (first.name, second.name)
    match what:
        case "wait":
            overlay.run((0.02, 0.3, 2.0, 40.0)[two])
        case "traffic" if one != two and one and two:
            known = overlay.ipsec["R11"].known
            number = next((c.number for c in known if c.identity == f"{first.name}.example"), 0)
            if number:
                packet = data_packet(f"10.{first.name[1]}.{first.name[1]}.1", f"10.{second.name[1]}.{second.name[1]}.1")
                overlay.handle("R11", Hairpin(TUNNEL, TUNNEL, first.outside, packet, number))
        case "connect" if one != two:
            overlay.connect(*pair)
        case "disconnect" if one != two:
            overlay.disconnect(*pair)
        case "cut" if one != two:
            overlay.cut(*pair)
        case "fix":
            overlay.fix()
        case "line":
            overlay.line(first.name, up=bool(two))
        case "clear":
            overlay.handle(first, ClearCache())
        case "roam" if one:
            overlay.roam(first.name, f"203.0.113.{7 + two}")
        case "unresolved":
            overlay.handle(first, Unresolved(TUNNEL, second.tunnel))
        case "use" if second.tunnel in overlay.adjacent[first.name] and second.tunnel in first.adjacencies:
            if overlay.ipsec[first.name].connections(remote=first.adjacencies[second.tunnel]):
                overlay.pass_packets(first.name, second.tunnel)


def _check_protected(overlay: ProtectedOverlay, name: str, tunnel: Tunnel) -> None:
    entries = tunnel.cache.entries()
    needed = {entry.nbma for entry in entries if not entry.is_local and entry.nbma is not None} - {tunnel.nbma}
    assert sorted(overlay.wanted[name]) == (sorted(needed) if tunnel.running else [])
    bound = [entry for number in tunnel.cache._by_connection for entry in tunnel.cache.over(number)]
    assert sorted(str(e.target) for e in bound) == sorted(str(e.target) for e in entries if e.connection)
    assert sum(tunnel.registered_multicast.values()) == sum(entry.is_registered for entry in entries)
    for path in tunnel.paths.values():
        entry = tunnel.cache.host(path.peer)
        assert entry is not None
        assert entry.neighbor is not None
        assert entry.nbma == path.nbma
        if path.usable:
            behind = [other.neighbor for other in tunnel.cache.behind(path.peer) if not other.binds]
            assert behind == [path.neighbor] * len(behind)
            assert entry.neighbor == path.neighbor
            assert overlay.ipsec[name].connection(path.neighbor.connection) is not None
    if tunnel.running:
        for entry in entries:
            if entry.is_registered and entry.target.is_host:
                assert tunnel.adjacencies[entry.next_hop] == entry.neighbor
            if entry.type is EntryType.STATIC:
                assert entry.connection == 0


@pytest.mark.lengthy
@given(protected_steps)
def test_over_connections_a_hub_that_remembers_its_answers_does_the_same_as_one_that_does_not(
    life: list[tuple[str, int, int]],
) -> None:
    done: list[list[object]] = []
    for remembers in (True, False):
        overlay = protected(3, 4, 5, behind={"R31": PUBLIC, "R41": PUBLIC}, holdtime=60).start().run(2)
        done.append(_results(overlay))
        with pytest.MonkeyPatch.context() as patch:
            if not remembers:
                _forget_answers(patch)
            for what, one, two in life:
                _step(overlay, what, one, two)
                for connection in (*range(6), *(each.number for each in overlay.ipsec["R11"].known[-3:])):
                    _register_again(overlay, one, two, connection)
            done[-1].append(overlay.members["R11"].machine.tunnels[0].counters)
    assert done[0] == done[1]


@pytest.mark.lengthy
@given(protected_steps)
@settings(deadline=None)
def test_what_is_believed_wanted_and_ordered_agrees_whatever_connections_do(life: list[tuple[str, int, int]]) -> None:
    overlay = protected(3, 4, 5, behind={"R31": PUBLIC, "R41": PUBLIC}, holdtime=60).start().run(2)
    for what, one, two in life:
        _step(overlay, what, one, two)
        for name, member in overlay.members.items():
            for tunnel in member.machine.tunnels:
                _check_protected(overlay, name, tunnel)
    overlay.fix()
    for name in NAMES:
        overlay.line(name, up=True)
    for number in ("R31", "R41", "R51"):
        if not any(overlay._far(number, c) == "R11" for c in overlay.ipsec[number].known):
            overlay.connect(number, "R11")
    overlay.run(400)
    for name in NAMES[1:]:
        (client,) = overlay.members[name].machine.tunnels[0].clients.values()
        assert client.is_responding, name
    assert address("192.168.100.31") in overlay.adjacent["R11"]


# Any packet that can be written, from anybody, at any router: nothing crashes, little is sent, books stay in order.
#
# The packets are well-formed and speak of the addresses of the cloud, so that they get past the decoder and hit what is
# behind it; what does not get past it is in test_every_packet.

THREE = ("R11", "R31", "R41")
NBMAS: tuple[IPAddress, ...] = (HUB_NBMA, SPOKE_NBMA, PEER_NBMA, address("6.6.6.6"), address("0.0.0.0"))
PROTOCOLS: tuple[IPAddress, ...] = (
    HUB,
    SPOKE,
    PEER,
    *(address(text) for text in ("10.1.1.1", "10.3.3.1", "10.4.4.1", "10.4.4.0", "10.99.0.1", "192.168.100.99")),
    *(address(text) for text in ("224.0.0.10", "255.255.255.255", "127.0.0.1", "172.16.41.1")),
)
packets = packets_of(st.sampled_from(NBMAS), st.sampled_from(PROTOCOLS))


def settled() -> Overlay:
    """A hub, two spokes, and a shortcut between them."""
    overlay = cloud().start().run(1)
    make_shortcut(overlay)
    overlay.packets.clear()
    return overlay


def sent(overlay: Overlay, name: str, packet: NhrpPacket, source: IPAddress) -> list[NhrpPacket]:
    """What a router sends because of a packet, at once."""
    effects = overlay.handle(name, NhrpReceived(TUNNEL, source, packet.serialize()))
    return [parse(e.payload) for e in effects if isinstance(e, SendGre) and e.protocol == GRE_NHRP]


@pytest.mark.lengthy
@pytest.mark.conforms("5.2.7-one", "frr-18925", "frr-21097", "frr-23065")
@given(st.lists(st.tuples(packets, st.sampled_from(NBMAS), st.sampled_from(THREE)), max_size=8))
def test_no_packet_crashes_anybody_and_each_causes_at_most_one_error(
    storm: list[tuple[NhrpPacket, IPAddress, str]],
) -> None:
    overlay = settled()
    for packet, source, name in storm:
        because = sent(overlay, name, packet, source)
        errors = [p for p in because if isinstance(p, ErrorIndication) and p != packet]
        if isinstance(packet, ErrorIndication):
            forwarded = [p for p in because if isinstance(p, ErrorIndication) and p.packet == packet.packet]
            assert because == forwarded
            assert len(forwarded) <= 1
        elif isinstance(packet, TrafficIndication):
            assert len(because) <= 1
        else:
            assert len(errors) <= 1
            assert not errors or len(because) == 1, "an error about a packet means that it was not acted on"
        overlay.run(0.5)
    overlay.run(30)
    for member in overlay.members.values():
        (tunnel,) = member.machine.tunnels
        assert member.adjacencies == {hop: to.nbma for hop, to in tunnel.adjacencies.items()}
        assert len(tunnel.cache) <= 200
        assert tunnel.cache._requesters == sum(len(e.requesters or {}) for e in tunnel.cache.entries())
        assert list(tunnel.cache.local.values()) == [e for e in tunnel.cache.local.values() if e.is_local]


@pytest.mark.conforms("6.1-routes")
@given(packets, st.sampled_from(NBMAS[:3]))
def test_no_packet_that_is_passed_on_goes_round_for_ever(packet: NhrpPacket, source: IPAddress) -> None:
    overlay = settled()
    overlay.handle("R11", NhrpReceived(TUNNEL, source, packet.serialize()))
    overlay.run(5)
    same = [s for s in overlay.packets if type(s.packet) is type(packet)]
    assert len(same) <= 40


@pytest.mark.lengthy
@given(st.lists(st.tuples(packets, st.sampled_from(NBMAS[3:])), max_size=10))
def test_a_stranger_takes_nothing_away(storm: list[tuple[NhrpPacket, IPAddress]]) -> None:
    """From an address that is nobody's, a packet may add hearsay; the registrations and the path that work stay.

    (A spoke would be the server of whoever registers with it, as any router with NHRP is: that is left out.)
    """
    overlay = settled()
    for packet, source in storm:
        for name in THREE:
            registers = name != "R11" and isinstance(packet, RegistrationRequest)
            if not isinstance(packet, ErrorIndication) and not registers:
                overlay.handle(name, NhrpReceived(TUNNEL, source, packet.serialize()))
    hub = overlay.members["R11"]
    assert hub.adjacencies[SPOKE] == SPOKE_NBMA
    assert hub.adjacencies[PEER] == PEER_NBMA
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


# Addresses registered outside of the subnet: an index finds what a look at all of them would, and looks at few.

#: Few addresses, so that prefixes often hold each other.
PREFIXES = st.one_of(
    st.builds(
        lambda low, length: Prefix.of(IPv4Address(0xFFFFFF00 + low), length), st.integers(0, 255), st.integers(0, 32)
    ),
    st.builds(lambda low, length: Prefix.of(IPv6Address(low), length), st.integers(0, 255), st.integers(118, 128)),
)
HOPS = st.lists(
    st.sampled_from([IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"), IPv4Address("192.0.2.3")]), unique=True
)


@given(st.lists(st.tuples(PREFIXES, st.none() | HOPS.map(tuple)), max_size=40), PREFIXES)
def test_a_changed_route_finds_all_whom_it_concerns_the_oldest_first(
    changes: list[tuple[Prefix, tuple[IPv4Address, ...] | None]], route: Prefix
) -> None:
    guests = Guests()
    known: dict[Prefix, tuple[IPv4Address, ...]] = {}
    for target, hops in changes:
        if hops is None:
            guests.pop(target)
            known.pop(target, None)
        else:
            guests[target] = Guest(hops)
            known[target] = hops
    assert guests.within(route) == [target for target in known if target in route]
    for hop in (IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")):
        assert guests.behind(hop) == [target for target, hops in known.items() if hop in hops]
    assert len(guests) == len(known)


def test_a_changed_route_costs_the_same_however_many_addresses_are_registered() -> None:
    """50,000 routes that changed on a hub with many hosts behind its spokes kept it busy for minutes."""

    def of_one_route(count: int) -> int:
        guests = Guests()
        for number in range(count):
            guests[Prefix.host(IPv4Address(0x0A000000 + number))] = Guest((IPv4Address(0xC0000200 + number),))
        route = Prefix.parse("10.0.0.8/30")
        return calls(lambda: (guests.within(route), guests.behind(IPv4Address("192.0.2.8"))))

    assert of_one_route(3200) == of_one_route(100)
