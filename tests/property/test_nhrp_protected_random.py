"""Protected tunnels, and connections that come, go and move at random: what NHRP believes, wants and orders agrees.

That nothing is sent that nothing protects is held by `ProtectedOverlay` itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmvpn.base.events import Hairpin, Unresolved
from dmvpn.features.nhrp.cache import EntryType
from dmvpn.features.nhrp.model import ClearCache
from support.overlay import TUNNEL, address, data_packet
from support.protected import ProtectedOverlay, protected

if TYPE_CHECKING:
    from dmvpn.features.nhrp.tunnel import Tunnel

NAMES = ("R11", "R31", "R41", "R51")
PUBLIC = "203.0.113.7"

steps = st.lists(
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


def _check(overlay: ProtectedOverlay, name: str, tunnel: Tunnel) -> None:
    entries = tunnel.cache.entries()
    needed = {entry.nbma for entry in entries if not entry.is_local and entry.nbma is not None} - {tunnel.nbma}
    assert sorted(overlay.wanted[name]) == (sorted(needed) if tunnel.running else [])
    bound = [entry for by_target in tunnel.cache._by_connection.values() for entry in by_target.values()]
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
@given(steps)
@settings(deadline=None)
def test_what_is_believed_wanted_and_ordered_agrees_whatever_connections_do(life: list[tuple[str, int, int]]) -> None:
    overlay = protected(3, 4, 5, behind={"R31": PUBLIC, "R41": PUBLIC}, holdtime=60)
    overlay.start()
    overlay.run(2)
    for what, one, two in life:
        _step(overlay, what, one, two)
        for name, member in overlay.members.items():
            for tunnel in member.machine.tunnels:
                _check(overlay, name, tunnel)
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
