"""What machines make of long lists that are typed line by line is what they make of the same lines read at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, EnteredLine, LinesEntered, Tick
from dmvpn.base.streams import StreamListen
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.ios.tree import render_tree
from dmvpn.router.router import Router

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from dmvpn.base.effects import Effect

_TUNNEL: Final = (
    "interface Tunnel0\n ip address 10.0.0.1 255.255.255.0\n tunnel source 192.0.2.1\n tunnel mode gre multipoint\n"
    " ip nhrp network-id 1\n"
)
_MAPS: Final = (
    "ip nhrp map 10.0.0.{} 192.0.2.{}",
    "ip nhrp map 10.0.0.{} 255.255.255.255 192.0.2.{}",
    "ip nhrp map multicast 192.0.2.{1}",
    "ip nhrp nhs 10.0.0.{}",
    "ip nhrp nhs 10.0.0.{} nbma 192.0.2.{}",
)


_PROCESS: Final = (
    "interface Loopback0\n ip address 10.9.0.1 255.255.255.255\n"
    "ip route 10.3.0.0 255.255.0.0 Null0\nip route 10.4.0.0 255.255.0.0 Null0\n"
    "router bgp 65000\n neighbor G peer-group\n"
    " neighbor G remote-as 65001\n bgp listen range 10.0.0.4/31 peer-group G\n"
)
_NEIGHBORS: Final = (
    "neighbor 10.0.0.{} remote-as 6500{}",
    "neighbor 10.0.0.{} peer-group G",
    "neighbor 10.0.0.{} shutdown",
    "neighbor 10.0.0.{} activate",
    "neighbor 10.0.0.{} ttl-security hops {}",
    "neighbor G ttl-security hops {}",
    "neighbor 10.0.0.{} default-originate",
    "neighbor 10.0.0.{}",
    "network 10.{}.0.0 mask 255.255.0.0",
    "network 10.{}.0.0 mask 255.255.0.0 route-map M{}",
    "aggregate-address 10.0.0.0 255.0.0.0",
    "bgp router-id 10.9.0.{}",
)


def _edits(lines: tuple[str, ...]) -> SearchStrategy[list[str]]:
    number = st.integers(2, 6)
    line = st.builds(
        lambda word, text, one, other: word + text.format(one, other),
        st.sampled_from(("", "", "no ")),
        st.sampled_from(lines),
        number,
        number,
    )
    return st.lists(line, min_size=1, max_size=6)


class _Lived(NamedTuple):
    """A router, and what it ordered."""

    router: Router
    orders: list[Effect]


def _typed(way: str, base: str, pastes: list[list[str]]) -> tuple[_Lived, _Lived]:
    """A router whose lines were typed, and one that read what came of them."""
    typed, read = Router(SeededEntropy(1)), Router(SeededEntropy(1))
    orders = typed.handle(ConfigurationEntered(base), 0.0)
    for lines in pastes:
        orders += typed.handle(LinesEntered(tuple(EnteredLine((way,), line) for line in lines)), 0.0)
    orders += _settled(typed, 1.0)
    read_at_once = read.handle(ConfigurationEntered("\n".join(render_tree(typed.running))), 0.0)
    return _Lived(typed, orders), _Lived(read, [*read_at_once, *_settled(read, 1.0)])


def _settled(router: Router, end: float) -> list[Effect]:
    """Let time pass."""
    orders: list[Effect] = []
    while (due := router.next_deadline()) is not None and due <= end:
        orders += router.handle(Tick(), due)
    return orders


@given(st.lists(_edits(_MAPS), min_size=1, max_size=6))
def test_typed_maps_lead_where_the_same_maps_lead_that_are_read_at_once(pastes: list[list[str]]) -> None:
    ours, theirs = (
        lived.router.machine(NhrpMachine).tunnels[0] for lived in _typed("interface Tunnel0", _TUNNEL, pastes)
    )
    known = [[(entry.target, entry.nbma) for entry in tunnel.cache.entries()] for tunnel in (ours, theirs)]
    assert known[0] == known[1]
    assert ours.adjacencies == theirs.adjacencies
    clients = [[(at, one.nbma) for at, one in tunnel.clients.items()] for tunnel in (ours, theirs)]
    assert clients[0] == clients[1]


@given(st.lists(_edits(_NEIGHBORS), min_size=1, max_size=6))
def test_typed_neighbors_and_networks_of_bgp_are_those_that_are_read_at_once(pastes: list[list[str]]) -> None:
    ours, theirs = _typed("router bgp 65000", _PROCESS, pastes)
    peers = [
        {address: peer.settings for address, peer in lived.router.machine(BgpMachine).peers.items()}
        for lived in (ours, theirs)
    ]
    assert peers[0] == peers[1]
    callers = [
        [frozenset(order.peers) for order in lived.orders if isinstance(order, StreamListen)][-1:]
        for lived in (ours, theirs)
    ]
    assert callers[0] == callers[1]
    tables = [
        {
            prefix: [(path.origin, path.attributes) for path in found.paths.values()]
            for prefix, found in lived.router.machine(BgpMachine).routes.table.destinations.items()
        }
        for lived in (ours, theirs)
    ]
    assert tables[0] == tables[1]
