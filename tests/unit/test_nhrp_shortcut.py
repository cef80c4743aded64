"""Shortcuts: what an answer becomes in the cache and in the routing table, how long it stays, T1 and T2."""

from __future__ import annotations

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, SetAdjacency
from dmvpn.base.notices import OverrideOffered, Route, RouteChanged, RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.nhrp.cache import Flag, RouteState
from dmvpn.features.nhrp.packet import ResolutionReply, ResolutionRequest
from dmvpn.features.nhrp.parts import ClientInfo
from support.cloud import HUB_NBMA, PEER, PEER_NBMA, answer, question, ready, receive, targets, tunnel_of
from support.overlay import TUNNEL, address, cloud, hairpin, make_shortcut


@pytest.mark.conforms("cisco-phase3", "frr-4845")
def test_after_the_flow_both_spokes_have_exactly_the_four_entries_that_ios_shows() -> None:
    overlay = ready()
    make_shortcut(overlay)
    assert list(targets(overlay, "R31")) == ["10.3.3.0/24", "10.4.4.0/24", "192.168.100.11/32", "192.168.100.41/32"]
    assert list(targets(overlay, "R41")) == ["10.3.3.0/24", "10.4.4.0/24", "192.168.100.11/32", "192.168.100.31/32"]
    mine = targets(overlay, "R31")
    assert mine["10.3.3.0/24"].flags == Flag.ROUTER | Flag.UNIQUE | Flag.LOCAL
    assert mine["10.3.3.0/24"].requesters is not None
    assert {a: r.request_id for a, r in mine["10.3.3.0/24"].requesters.items()} == {PEER: 2}
    assert mine["10.4.4.0/24"].flags == Flag.ROUTER
    assert mine["10.4.4.0/24"].route is RouteState.OVERRIDE
    assert mine["192.168.100.41/32"].flags == Flag.ROUTER | Flag.NHOP
    assert mine["192.168.100.41/32"].route is RouteState.INSTALLED
    assert len(tunnel_of(overlay, "R11").cache) == 2


def test_packets_take_the_direct_way_as_soon_as_it_is_proved() -> None:
    overlay = ready()
    spoke = overlay.members["R31"]
    assert spoke.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    make_shortcut(overlay)
    assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    assert overlay.members["R41"].forwards("10.3.3.1") == (TUNNEL, address("172.16.31.1"))


@pytest.mark.conforms("frr-7702")
def test_the_neighbor_is_known_before_a_route_needs_it() -> None:
    overlay = ready()
    spoke = overlay.members["R31"]
    spoke.effects.clear()
    make_shortcut(overlay)
    kinds = [type(e) for e in spoke.effects if isinstance(e, SetAdjacency | OverrideOffered | RouteOffered)]
    assert kinds == [SetAdjacency, RouteOffered, OverrideOffered]


@pytest.mark.conforms("5.2.0.1-prefix", "5.2.1-widest", "5.2.2-prefix", "6.3-restraint", "cisco-clamp", "frr-7702")
@pytest.mark.parametrize(
    ("own_route", "answered", "installed"),
    [
        ("10.4.4.0/24", 24, "10.4.4.0/24"),
        ("10.4.4.0/25", 24, "10.4.4.0/25"),  # never more than our own route to the host covers
        ("10.0.0.0/8", 24, "10.4.4.0/24"),
        ("0.0.0.0/0", 24, "10.4.4.0/24"),
    ],
)
def test_how_much_of_an_answer_is_taken(own_route: str, answered: int, installed: str) -> None:
    overlay = cloud()
    overlay.members["R31"].routes = {own_route: "192.168.100.11"}
    overlay.start()
    overlay.run(1)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    assert overlay.sent(ResolutionReply)[0].cies[0].prefix_length == answered
    entry = targets(overlay)[installed]
    exact = installed == own_route
    assert entry.route is (RouteState.OVERRIDE if exact else RouteState.INSTALLED)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


@pytest.mark.conforms("frr-7702")
def test_with_a_summary_only_the_shortcut_is_a_route_of_its_own() -> None:
    overlay = cloud()
    overlay.members["R31"].routes = {"10.0.0.0/8": "192.168.100.11"}
    overlay.start()
    overlay.run(1)
    make_shortcut(overlay)
    offers = [e.route for e in overlay.members["R31"].effects if isinstance(e, RouteOffered)]
    assert offers[-1] == Route(
        prefix=Prefix.parse("10.4.4.0/24"),
        source=RouteSource.NHRP,
        distance=250,
        metric=255,
        next_hops=(NextHop(TUNNEL, PEER),),
    )


@pytest.mark.conforms("cisco-clamp")
def test_an_answer_never_covers_the_nbma_address_that_it_leads_to() -> None:
    """A shortcut for 172.16.0.0/12 would send the tunnel's own packets into the tunnel."""
    overlay = cloud()
    overlay.members["R31"].routes = {"172.16.0.0/12": "192.168.100.11"}
    overlay.members["R11"].routes = {"172.16.0.0/12": str(PEER)}
    overlay.members["R41"].lans = {"172.16.0.0/12": "172.16.200.1"}
    overlay.start()
    overlay.run(1)
    hairpin(overlay, "10.3.3.1", "172.16.200.1", by="R31")
    overlay.run(1)
    assert "172.16.200.1/32" in targets(overlay)
    assert "172.16.0.0/12" not in targets(overlay)


@pytest.mark.conforms("cisco-clamp")
def test_an_answer_never_covers_the_nbma_address_of_a_server() -> None:
    """The registration would follow the shortcut, and with it the whole tunnel."""
    overlay = cloud()
    overlay.members["R31"].routes = {"172.16.0.0/19": "192.168.100.11"}
    overlay.members["R11"].routes = {"172.16.0.0/19": str(PEER)}
    overlay.start()
    overlay.run(1)
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    hairpin(overlay, "10.3.3.1", "172.16.9.1", by="R31")
    overlay.run(0.1)
    (request,) = overlay.sent(ResolutionRequest, "R31")
    cie = ClientInfo(prefix_length=19, holding_time=600, nbma=PEER_NBMA, protocol=PEER)
    receive(overlay, "R31", answer(request, cie), HUB_NBMA)
    assert {"172.16.9.1/32"} <= set(targets(overlay))
    assert "172.16.0.0/19" not in targets(overlay)


@pytest.mark.conforms("cisco-clamp")
def test_an_answer_for_what_is_not_routed_any_more_is_taken_for_nothing_but_the_peer() -> None:
    """Nothing bounds it: who answers with a prefix of one bit would draw half of the Internet."""
    overlay = ready()
    request = question(overlay)
    overlay.route("R31", "10.4.4.0/24", None)
    cie = ClientInfo(prefix_length=1, holding_time=600, nbma=PEER_NBMA, protocol=PEER)
    receive(overlay, "R31", answer(request, cie), HUB_NBMA)
    assert list(targets(overlay)) == ["192.168.100.11/32", "192.168.100.41/32"]


@pytest.mark.conforms("cisco-phase3")
def test_when_the_igp_route_goes_the_override_becomes_a_route_and_back() -> None:
    overlay = ready()
    make_shortcut(overlay)
    spoke = overlay.members["R31"]
    spoke.effects.clear()
    overlay.route("R31", "10.4.4.0/24", None)
    assert targets(overlay)["10.4.4.0/24"].route is RouteState.INSTALLED
    assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    overlay.route("R31", "10.4.4.0/24", "192.168.100.11")
    assert targets(overlay)["10.4.4.0/24"].route is RouteState.OVERRIDE
    assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    told = [e for e in spoke.effects if isinstance(e, RouteOffered | RouteRetracted | OverrideOffered)]
    assert [type(e).__name__ for e in told] == [
        "RouteOffered",
        "OverrideOffered",
        "OverrideOffered",
        "RouteRetracted",
    ]


def test_a_prefix_that_is_reached_without_the_tunnel_now_is_no_shortcut_any_more() -> None:
    overlay = ready()
    make_shortcut(overlay)
    spoke = overlay.members["R31"]
    local = Route(
        prefix=Prefix.parse("10.4.4.0/24"),
        source=RouteSource.EIGRP,
        distance=90,
        next_hops=(NextHop("GigabitEthernet0/2", address("10.3.3.254")),),
    )
    spoke.rib.known = [route for route in spoke.rib.known if route.prefix != local.prefix]
    overlay.route("R31", "10.4.4.0/24", None)
    spoke.rib.known.append(local)
    overlay.handle(spoke, RouteChanged(local.prefix, None, local))
    assert "10.4.4.0/24" not in targets(overlay)
    assert spoke.forwards("10.4.4.1")[0] == "GigabitEthernet0/2"


@pytest.mark.conforms("6.2.1-expired", "cisco-refresh")
def test_an_unused_shortcut_expires_silently() -> None:
    overlay = cloud(holdtime=60)
    overlay.start()
    overlay.run(1)
    make_shortcut(overlay)
    asked = len(overlay.sent(ResolutionRequest))
    overlay.run(160)  # the echoes that proved the path count as use for a minute
    assert list(targets(overlay)) == ["192.168.100.11/32"]
    assert len(overlay.sent(ResolutionRequest)) <= 2 * asked
    spoke = overlay.members["R31"]
    assert spoke.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    assert spoke.rib.overrides == {}
    assert PEER not in spoke.adjacencies


@pytest.mark.conforms("6.2.1-source", "cisco-refresh")
def test_a_shortcut_in_use_is_refreshed_before_it_expires() -> None:
    overlay = cloud(holdtime=60)
    overlay.start()
    overlay.run(1)
    make_shortcut(overlay)
    spoke, peer = overlay.members["R31"], overlay.members["R41"]
    created = targets(overlay)["10.4.4.0/24"].created
    for _ in range(200):
        spoke.count(PEER_NBMA, sent=3, received=3)
        peer.count(address("172.16.31.1"), sent=3, received=3)
        overlay.run(1)
        assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    assert targets(overlay)["10.4.4.0/24"].created == created
    assert 4 <= len({request.request_id for request in overlay.sent(ResolutionRequest, "R31")}) <= 8
