"""NHRP under random life: whatever happens, in whatever order, books and data plane agree and nothing crashes.

The invariants are looked at after every step: what a member believes its data plane has is what it ordered; a route
that NHRP installed leads over a proved path; caches and indices agree and stay small. When the faults stop, the spokes
find each other again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import NhrpReceived, Resync, Unresolved
from dmvpn.features.nhrp.cache import EntryType, Flag, RouteState
from dmvpn.features.nhrp.model import ClearCache, ClearSessions, Withdraw
from dmvpn.features.nhrp.packet import PurgeFlag, PurgeRequest, ResolutionFlag, ResolutionRequest
from dmvpn.features.nhrp.parts import ClientInfo
from support.overlay import TUNNEL, Member, Overlay, address, cloud, hairpin

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.features.nhrp.tunnel import Tunnel

NAMES = ("R11", "R31", "R41", "R51")
SPOKES = NAMES[1:]
Step = tuple[str, int, int]

steps = st.lists(
    st.tuples(
        st.sampled_from(
            (
                "wait", "wait", "wait", "long", "traffic", "traffic", "traffic", "data", "cut", "fix", "move", "down",
                "up", "clear", "sessions", "unresolved", "lose route", "gain route", "resync", "password", "unique",
                "replay", "mutate", "shortcut", "lan", "purge", "stranger", "stop",
            )
        ),
        st.integers(0, 255),
        st.integers(0, 255)
    ),
    max_size=60
)  # fmt: skip


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


def _check(overlay: Overlay) -> None:
    for member in overlay.members.values():
        for tunnel in member.machine.tunnels:
            _check_tunnel(member, tunnel)


def _check_tunnel(member: Member, tunnel: Tunnel) -> None:
    if tunnel.running:
        assert member.adjacencies == {next_hop: to.nbma for next_hop, to in tunnel.adjacencies.items()}
    entries = tunnel.cache.entries()
    assert len(entries) <= 600
    indexed = [entry for by_target in tunnel.cache._by_nbma.values() for entry in by_target.values()]
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
