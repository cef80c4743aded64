"""How much an egress answers for, and that it takes the answer back when it is not so any more (RFC 2332 §6.3)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import Route, RouteChanged, RouteSource
from dmvpn.features.nhrp.packet import PurgeRequest, ResolutionReply, ResolutionRequest
from support.cloud import HUB_NBMA, PEER_NBMA, targets
from support.overlay import TUNNEL, Overlay, address, cloud, hairpin

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

LAN = NextHop("GigabitEthernet0/2", address("10.4.4.254"))
TUNNELED = NextHop(TUNNEL, address("192.168.100.11"))


def route(prefix: str, *hops: NextHop, kind: RouteKind = RouteKind.FORWARD) -> Route:
    """A static route of the egress."""
    return Route(
        prefix=Prefix.parse(prefix), source=RouteSource.STATIC, distance=1, next_hops=hops or (LAN,), kind=kind
    )


def answered(*routes: Route, destination: str = "10.4.4.1") -> tuple[Overlay, str]:
    """What R41 with these routes says when R31 asks for a host, as a prefix."""
    overlay = cloud()
    overlay.members["R31"].routes = {"10.0.0.0/8": "192.168.100.11"}
    overlay.members["R11"].routes = {"10.0.0.0/8": "192.168.100.41"}
    overlay.members["R41"].lans = {}
    overlay.members["R41"].routes = {}
    overlay.start()
    overlay.members["R41"].rib.known += routes
    overlay.run(1)
    hairpin(overlay, "10.3.3.1", destination, by="R31")
    overlay.run(1)
    (reply,) = overlay.sent(ResolutionReply, "R41")
    return overlay, str(Prefix.of(address(destination), reply.cies[0].prefix_length))


@pytest.mark.conforms("5.2.2-prefix", "6.3-covered")
@pytest.mark.parametrize(
    ("others", "given_away"),
    [
        ([], "10.4.0.0/16"),
        ([route("10.4.9.0/24", TUNNELED)], "10.4.0.0/21"),
        ([route("10.4.9.0/24", TUNNELED), route("10.4.6.0/24", TUNNELED)], "10.4.4.0/23"),
        ([route("10.4.4.2/32", TUNNELED)], "10.4.4.0/31"),
        ([route("10.4.4.0/32", TUNNELED)], "10.4.4.1/32"),
        ([route("10.4.128.0/17", kind=RouteKind.DISCARD)], "10.4.0.0/17"),
        ([route("10.4.9.0/24", LAN)], "10.4.0.0/16"),  # it ends here, too
        ([replace(route("10.4.9.0/24", TUNNELED), source=RouteSource.NHRP)], "10.4.0.0/16"),  # no routing protocol's
        ([route("10.5.0.0/24", TUNNELED)], "10.4.0.0/16"),
        ([route("10.0.0.0/8", TUNNELED)], "10.4.0.0/16"),
    ],
)
def test_an_answer_covers_nothing_that_the_egress_sends_elsewhere(others: list[Route], given_away: str) -> None:
    assert answered(route("10.4.0.0/16"), *others)[1] == given_away


octets = st.integers(0, 255)


@pytest.mark.conforms("6.3-subset")
@given(st.lists(st.tuples(octets, octets, st.integers(17, 32), st.booleans()), max_size=12), st.tuples(octets, octets))
def test_no_address_of_an_answer_goes_back_into_the_tunnel(
    others: list[tuple[int, int, int, bool]], host: tuple[int, int]
) -> None:
    destination = f"10.4.{host[0]}.{host[1]}"
    inner = {Prefix.of(address(f"10.4.{a}.{b}"), length): out for a, b, length, out in others}
    inner = {prefix: out for prefix, out in inner.items() if address(destination) not in prefix or out}
    routes = [route(str(prefix), LAN if out else TUNNELED) for prefix, out in inner.items()]
    overlay, text = answered(route("10.4.0.0/16"), *routes, destination=destination)
    given_away, rib = Prefix.parse(text), overlay.members["R41"].rib
    for prefix in inner:
        if prefix in given_away:
            assert _leaves(rib.lookup_without_nhrp(prefix.address))
            assert _leaves(rib.lookup_without_nhrp(prefix.broadcast))
    wider = Prefix.of(address(destination), given_away.length - 1)
    best = rib.lookup_without_nhrp(address(destination))
    assert best is not None
    assert wider.length < best.prefix.length or any(p in wider and not out for p, out in inner.items())


def _leaves(found: Route | None) -> bool:
    return found is not None and found.next_hops == (LAN,)


# ------------------------------------------------------------------------------------------------ taken back


def changes(overlay: Overlay, prefix: str, new: Route | None) -> None:
    """A route of R41 comes, goes or changes."""
    member = overlay.members["R41"]
    old = member.rib.exact(Prefix.parse(prefix))
    member.rib.known = [known for known in member.rib.known if known is not old] + ([new] if new else [])
    overlay.handle(member, RouteChanged(Prefix.parse(prefix), old, new))


@pytest.mark.conforms("5.2.5-changed", "6.3-subset")
@pytest.mark.parametrize(
    ("prefix", "new"),
    [
        ("10.4.0.0/16", None),
        ("10.4.0.0/16", route("10.4.0.0/16", TUNNELED)),
        ("10.4.9.0/24", route("10.4.9.0/24", TUNNELED)),  # a part of what was given goes elsewhere now
    ],
)
def test_who_resolved_a_prefix_is_told_when_it_or_a_part_of_it_moves(prefix: str, new: Route | None) -> None:
    overlay, _ = answered(route("10.4.0.0/16"))
    assert "10.4.0.0/16" in targets(overlay)
    changes(overlay, prefix, new)
    (purge,) = overlay.sent(PurgeRequest)
    assert purge.cies[0].protocol == address("10.4.0.0")
    overlay.run(1)
    assert "10.4.0.0/16" not in targets(overlay)
    assert overlay.members["R31"].forwards("10.4.9.1") == (TUNNEL, HUB_NBMA)


@pytest.mark.conforms("5.2.5-changed")
def test_who_resolved_a_host_of_a_default_route_is_told_when_that_goes() -> None:
    """The entry is a host's, the route is 0.0.0.0/0: the purge must not miss it."""
    overlay, given_away = answered(route("0.0.0.0/0", NextHop("GigabitEthernet0/1", address("172.16.41.2"))))
    assert given_away == "10.4.4.1/32"
    changes(overlay, "0.0.0.0/0", None)
    overlay.run(1)
    assert "10.4.4.1/32" not in targets(overlay)


@pytest.mark.parametrize(("own", "given_away"), [("10.0.0.0/8", "10.0.0.0/8"), ("10.0.0.0/7", "10.4.4.1/32")])
def test_a_route_shorter_than_eight_bits_is_given_away_host_by_host(own: str, given_away: str) -> None:
    """As FRR has it: the way to half of the Internet attracts nobody."""
    assert answered(route(own))[1] == given_away


@pytest.mark.parametrize("prefix", ["10.4.9.0/24", "10.5.0.0/16"])
def test_routes_that_change_nothing_for_others_are_not_told(prefix: str) -> None:
    overlay, _ = answered(route("10.4.0.0/16"))
    changes(overlay, prefix, route(prefix, LAN))
    assert overlay.sent(PurgeRequest) == []
    assert overlay.members["R31"].forwards("10.4.9.1") == (TUNNEL, PEER_NBMA)


@pytest.mark.conforms("6.1-routes", "frr-4845")
def test_a_shortcut_is_no_way_for_questions() -> None:
    """A request that followed NHRP's own routes would ask the one who is to be asked about (RFC 2332 §6.1)."""
    overlay, _ = answered(route("10.4.0.0/16"))
    hairpin(overlay, "10.3.3.1", "10.200.0.1", by="R31")
    overlay.members["R31"].rib.known.append(
        Route(
            prefix=Prefix.parse("10.200.0.0/16"),
            source=RouteSource.NHRP,
            distance=250,
            next_hops=(NextHop(TUNNEL, ip_address("192.168.100.41")),),
        )
    )
    overlay.run(0.1)
    way: list[IPAddress] = [
        s.destination
        for s in overlay.packets
        if isinstance(s.packet, ResolutionRequest) and s.packet.destination_protocol == address("10.200.0.1")
    ]
    assert way[0] == HUB_NBMA
