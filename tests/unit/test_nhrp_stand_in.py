"""A hub is silent, and another one stands in: it may know less of our peers than they do themselves."""

from __future__ import annotations

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.features.nhrp.model import NhsConfig
from dmvpn.features.nhrp.packet import ResolutionReply
from support.cloud import HUB, HUB_NBMA, PEER_NBMA, SPOKE_NBMA, targets
from support.overlay import TUNNEL, Member, Overlay, address, make_shortcut, tunnel_config

SECOND, SECOND_NBMA = address("192.168.100.12"), address("172.16.12.1")


def _hub(name: str, nbma: str, tunnel: str, routes: dict[str, str]) -> Member:
    lans = {"10.1.1.0/24": "10.1.1.1"}
    config = tunnel_config(holdtime=60, redirect=True, multicast_dynamic=True)
    return Member(name, address(nbma), address(tunnel), config, lans, routes)


def _spoke(n: int, other: int) -> Member:
    servers = tuple(
        NhsConfig(address=hub, nbma=nbma, multicast=True) for hub, nbma in ((HUB, HUB_NBMA), (SECOND, SECOND_NBMA))
    )
    return Member(
        f"R{n}1",
        address(f"172.16.{n}1.1"),
        address(f"192.168.100.{n}1"),
        tunnel_config(holdtime=60, shortcut=True, nhs=servers),
        lans={f"10.{n}.{n}.0/24": f"10.{n}.{n}.1"},
        routes={f"10.{other}.{other}.0/24": str(HUB)},
    )


def _two_hubs() -> Overlay:
    """Spokes with a shortcut, whose packets would go by R11. R12 knows R41's LAN by what is behind itself alone."""
    first = _hub(
        "R11", "172.16.11.1", "192.168.100.11", {"10.3.3.0/24": "192.168.100.31", "10.4.4.0/24": "192.168.100.41"}
    )
    second = _hub("R12", "172.16.12.1", "192.168.100.12", {"10.3.3.0/24": "192.168.100.31"})
    second.lans["10.4.0.0/16"] = "10.4.255.254"
    overlay = Overlay(first, second, _spoke(3, 4), _spoke(4, 3))
    overlay.start()
    overlay.run(5)
    make_shortcut(overlay)
    return overlay


def _talk(overlay: Overlay, seconds: int) -> list[tuple[str, object]]:
    """The ways of R31's packets to R41 in that time, second by second."""
    ways: list[tuple[str, object]] = []
    for _ in range(seconds):
        overlay.members["R31"].count(PEER_NBMA, sent=3, received=3)
        overlay.members["R41"].count(SPOKE_NBMA, sent=3, received=3)
        for name in ("R31", "R41"):
            overlay.members[name].count(HUB_NBMA, sent=1)
        overlay.run(1)
        ways.append(overlay.members["R31"].forwards("10.4.4.1"))
    return ways


@pytest.mark.conforms("6.2.1-source", "cisco-refresh")
def test_a_hub_that_stands_in_for_a_silent_one_does_not_draw_packets_from_a_direct_path() -> None:
    """It sends them by the silent one until its own routes have followed."""
    overlay = _two_hubs()
    created = targets(overlay)["10.4.4.0/24"].created
    for other in ("R31", "R41"):
        overlay.cut(other, "R11")
    assert set(_talk(overlay, 150)) == {(TUNNEL, PEER_NBMA)}
    assert targets(overlay)["10.4.4.0/24"].created == created


def test_a_peer_that_lost_its_network_says_so_while_a_hub_is_silent_too() -> None:
    """It passes the question on to who has it now."""
    overlay = _two_hubs()
    for other in ("R31", "R41"):
        overlay.cut(other, "R11")
    _talk(overlay, 15)
    peer = overlay.members["R41"]
    peer.interfaces.states = [state for state in peer.interfaces.states if state.prefix != Prefix.parse("10.4.4.0/24")]
    peer.routes["10.4.4.0/24"] = str(SECOND)
    peer.fill_rib()
    assert _talk(overlay, 40)[-1] == (TUNNEL, SECOND_NBMA)
    assert overlay.sent(ResolutionReply, "R12")


@pytest.mark.conforms("6.2.1-source", "cisco-refresh")
def test_a_hub_that_has_lost_the_peer_does_not_end_a_direct_path() -> None:
    """The hub between the regions is dead: ours is well, has no way to the peer any more, and says so."""
    overlay = _two_hubs()
    created = targets(overlay)["10.4.4.0/24"].created
    hub = overlay.members["R11"]
    del hub.routes["10.4.4.0/24"]
    hub.fill_rib()
    assert set(_talk(overlay, 150)) == {(TUNNEL, PEER_NBMA)}
    assert targets(overlay)["10.4.4.0/24"].created == created
    assert any(reply.cies[0].code for reply in overlay.sent(ResolutionReply, "R11"))
