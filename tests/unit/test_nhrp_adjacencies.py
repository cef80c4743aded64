"""Adjacencies in the data plane: NHRP removes only those that it has ordered there."""

from __future__ import annotations

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearAdjacency, SetAdjacency
from dmvpn.base.pages import Pages
from support.overlay import Overlay, address, cloud

MAP = Pages(((Prefix.parse("192.168.100.77/32"), address("172.16.77.1")),))
NEXT_HOP = address("192.168.100.77")


def _orders(overlay: Overlay) -> list[type]:
    kinds = SetAdjacency | ClearAdjacency
    return [
        type(each) for each in overlay.members["R31"].effects if isinstance(each, kinds) and each.next_hop == NEXT_HOP
    ]


def _started() -> Overlay:
    overlay = cloud()
    overlay.start()
    overlay.run(1)
    return overlay


def test_a_map_line_that_goes_while_the_tunnel_is_down_removes_nothing_that_was_never_there() -> None:
    """The data plane refused the order, and `show nhrp stats` counted a failure."""
    overlay = _started()
    overlay.line("R31", up=False)
    overlay.configure("R31", maps=MAP)
    overlay.configure("R31", maps=Pages())
    assert _orders(overlay) == []


def test_a_map_line_that_goes_while_the_tunnel_is_down_leaves_nothing_behind() -> None:
    overlay = _started()
    overlay.configure("R31", maps=MAP)
    overlay.line("R31", up=False)
    overlay.configure("R31", maps=Pages())
    assert _orders(overlay) == [SetAdjacency, ClearAdjacency]


def test_adjacencies_that_went_with_the_tunnel_of_the_data_plane_are_not_removed_once_more() -> None:
    """Without a source address the data plane has no tunnel; with the address the tunnel is a new one."""
    overlay = _started()
    overlay.configure("R31", maps=MAP)
    overlay.lose_source("R31")
    overlay.move("R31", "172.16.31.1")
    overlay.configure("R31", maps=Pages())
    assert _orders(overlay) == [SetAdjacency]
