"""What machines make of long lists that are typed line by line is what they make of the same lines read at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, EnteredLine, LinesEntered
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.ios.render import render_tree
from dmvpn.router.router import Router

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

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


def _typed(way: str, base: str, pastes: list[list[str]]) -> tuple[Router, Router]:
    """A router whose lines were typed, and one that read what came of them."""
    typed, read = Router(SeededEntropy(1)), Router(SeededEntropy(1))
    typed.handle(ConfigurationEntered(base), 0.0)
    for lines in pastes:
        typed.handle(LinesEntered(tuple(EnteredLine((way,), line) for line in lines)), 0.0)
    read.handle(ConfigurationEntered("\n".join(render_tree(typed.running))), 0.0)
    return typed, read


@given(st.lists(_edits(_MAPS), min_size=1, max_size=6))
def test_typed_maps_lead_where_the_same_maps_lead_that_are_read_at_once(pastes: list[list[str]]) -> None:
    ours, theirs = (router.machine(NhrpMachine).tunnels[0] for router in _typed("interface Tunnel0", _TUNNEL, pastes))
    known = [[(entry.target, entry.nbma) for entry in tunnel.cache.entries()] for tunnel in (ours, theirs)]
    assert known[0] == known[1]
    assert ours.adjacencies == theirs.adjacencies
    clients = [[(at, one.nbma) for at, one in tunnel.clients.items()] for tunnel in (ours, theirs)]
    assert clients[0] == clients[1]
