"""What is kept of messages, by whom and how long: no more than RFC 2332 §6.2.1 allows."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.events import Hairpin, NhrpReceived
from dmvpn.base.notices import Route, RouteChanged, RouteSource
from dmvpn.features.nhrp import routing
from dmvpn.features.nhrp.cache import Flag
from dmvpn.features.nhrp.packet import (
    PurgeRequest,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
    TrafficIndication,
)
from dmvpn.features.nhrp.parts import ClientInfo
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.net import icmp
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, IpProtocol, Ipv4Packet
from support.cloud import (
    HUB_NBMA,
    PEER,
    PEER_NBMA,
    SPOKE,
    SPOKE_NBMA,
    answer,
    question,
    ready,
    receive,
    refused,
    targets,
    tunnel_of,
)
from support.overlay import TUNNEL, Overlay, address, cloud, data_packet, hairpin, make_shortcut

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

REQUEST = ResolutionRequest(
    source_nbma=SPOKE_NBMA,
    source_protocol=SPOKE,
    destination_protocol=address("10.4.4.1"),
    flags=ResolutionFlag(0xC802),
    request_id=900,
    cies=(ClientInfo(prefix_length=32, mtu=17912, holding_time=90),),
)


@pytest.mark.conforms(
    "5.2.0.1-no-caching",
    "5.2.1-cie",
    "5.2.1-holding",
    "6.2.1-stable",
    "frr-21515-stable",
    "frr-21515-zero",
    "frr-22951",
)
@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, flags=REQUEST.flags & ~ResolutionFlag.SOURCE_STABLE),
        replace(REQUEST, cies=(ClientInfo(holding_time=0),)),
        replace(REQUEST, cies=()),
    ],
)
def test_the_binding_of_a_requester_is_kept_only_if_it_is_stable_and_says_how_long(request_: ResolutionRequest) -> None:
    overlay = ready()
    receive(overlay, "R41", request_, HUB_NBMA)
    assert list(targets(overlay, "R41")) == ["10.4.4.0/24", "192.168.100.11/32"]
    assert len(overlay.sent(ResolutionReply, "R41")) == 1  # it is answered all the same


@pytest.mark.conforms("5.2.1-holding")
def test_the_binding_of_a_requester_is_kept_as_hearsay_for_its_holding_time() -> None:
    overlay = ready()
    receive(overlay, "R41", REQUEST, HUB_NBMA)
    entry = targets(overlay, "R41")["192.168.100.31/32"]
    assert Flag.IMPLICIT in entry.flags
    assert Flag.AUTHORITATIVE not in entry.flags
    overlay.run(89)
    assert "192.168.100.31/32" in targets(overlay, "R41")
    overlay.run(2)
    assert "192.168.100.31/32" not in targets(overlay, "R41")


@pytest.mark.parametrize("source", ["10.4.4.7", "10.4.4.1", "192.168.100.41"])
def test_who_names_himself_by_an_address_of_ours_or_behind_us_is_answered_and_not_believed(source: str) -> None:
    """Else a stranger who answers echoes would draw the packets of a host of our LAN into the tunnel."""
    overlay = ready()
    receive(overlay, "R41", replace(REQUEST, source_protocol=address(source)), HUB_NBMA)
    assert len(overlay.sent(ResolutionReply, "R41")) == 1
    assert list(targets(overlay, "R41")) == ["10.4.4.0/24", "192.168.100.11/32"]
    assert refused(overlay, "R41") == {Refusal.FORGED: 1}


def test_a_station_of_another_region_that_only_a_default_route_leads_to_is_believed() -> None:
    """The default route of a spoke leads to the Internet: it says nothing of tunnel addresses elsewhere."""
    overlay = ready()
    peer = overlay.members["R41"]
    peer.rib.known.append(replace(peer.learned_route("0.0.0.0/0", "172.16.41.2"), next_hops=(NextHop("Gi0/1"),)))
    receive(overlay, "R41", replace(REQUEST, source_protocol=address("192.168.200.31")), HUB_NBMA)
    assert "192.168.200.31/32" in targets(overlay, "R41")


@pytest.mark.conforms("2.2-authoritative", "6.2.1-stable")
def test_hearsay_is_passed_on_to_nobody() -> None:
    """Who asks R41 for R31 gets no answer from what R41 heard in a request: it is asked for along the routes."""
    overlay = ready(3, 4, 5)
    receive(overlay, "R41", REQUEST, HUB_NBMA)
    overlay.packets.clear()
    other = replace(REQUEST, source_protocol=address("192.168.100.51"), source_nbma=address("172.16.51.1"))
    receive(overlay, "R41", replace(other, destination_protocol=SPOKE), address("172.16.51.1"))
    assert overlay.sent(ResolutionReply, "R41") == []
    assert [s.destination for s in overlay.packets] == [HUB_NBMA]


@pytest.mark.conforms("5.2.0.1-no-caching", "6.2.1-transit")
def test_a_server_keeps_nothing_of_what_it_passes_on() -> None:
    overlay = ready()
    before = list(targets(overlay, "R11"))
    overlay.cut("R41", "R31")
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(3)
    assert overlay.sent(ResolutionReply, "R11")
    assert list(targets(overlay, "R11")) == before


@pytest.mark.conforms("2.2-serving")
def test_a_server_does_not_answer_for_a_client_that_can_answer_itself() -> None:
    """We ask for authoritative answers, and the hub of a cloud of routers passes every such question on."""
    overlay = ready()
    receive(overlay, "R11", replace(REQUEST, destination_protocol=PEER), SPOKE_NBMA)
    assert overlay.sent(ResolutionReply, "R11") == []
    assert [s.destination for s in overlay.packets if isinstance(s.packet, ResolutionRequest)] == [PEER_NBMA]


@pytest.mark.conforms("5.2.0.1-expiry", "6.2.1-source")
def test_an_answer_that_is_in_use_is_kept_for_its_holding_time_and_no_longer() -> None:
    overlay = ready()
    cie = ClientInfo(prefix_length=24, holding_time=40, nbma=PEER_NBMA, protocol=PEER)
    receive(overlay, "R31", answer(question(overlay), cie), HUB_NBMA)
    assert targets(overlay)["10.4.4.0/24"].expires == pytest.approx(overlay.now + 40)
    overlay.run(41)
    assert "10.4.4.0/24" not in targets(overlay)


@pytest.mark.conforms("6.2.1-transit-reply")
def test_the_binding_of_a_requester_in_a_reply_is_not_kept() -> None:
    """RFC 2332 §6.2.1: the source fields of a reply are those of its request, an echo that proves nothing."""
    overlay = ready()
    overlay.cut("R41", "R31")
    hairpin(overlay, "10.4.4.1", "10.3.3.1", by="R41")
    overlay.run(3)
    assert overlay.sent(ResolutionReply, "R11")
    assert "192.168.100.31/32" not in targets(overlay, "R11") or targets(overlay, "R11")["192.168.100.31/32"].binds


@pytest.mark.conforms("5.2.0.1-no-caching", "frr-9452")
def test_packets_of_data_change_no_mapping() -> None:
    """A station that sends from elsewhere does not move its own adjacency, or another's (FRR issue 9452)."""
    overlay = ready()
    make_shortcut(overlay)
    spoke = overlay.members["R31"]
    before = dict(spoke.adjacencies)
    spoke.count(address("6.6.6.6"), received=50)
    for _ in range(20):
        spoke.count(PEER_NBMA, sent=5, received=5)
        overlay.run(0.5)
    assert spoke.adjacencies == before
    assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


@pytest.mark.conforms("frr-21515-zero")
def test_holding_time_zero_in_a_registration_is_not_replaced_by_a_time_of_ours() -> None:
    overlay = cloud().start("R11")
    spoke = cloud(3)
    spoke.start()
    request = replace(spoke.sent(RegistrationRequest)[0], cies=(ClientInfo(prefix_length=32, holding_time=0),))
    receive(overlay, "R11", request, SPOKE_NBMA)
    assert overlay.sent(RegistrationReply)[0].cies[0].code == 0
    assert targets(overlay, "R11") == {}


# How much an egress answers for, and that it takes the answer back when it is not so any more (RFC 2332 §6.3).

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


# Redirects: who is told that there is a shorter way, and who asks for it (draft-detienne-dmvpn-01).


@pytest.mark.conforms("cisco-redirect", "frr-16371")
def test_the_hub_redirects_the_previous_hop_exactly_as_ios_does() -> None:
    overlay = ready(authentication="test1234")
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    (indication,) = overlay.sent(TrafficIndication)
    packet = data_packet("10.3.3.1", "10.4.4.1")
    assert indication.hop_count == 255
    assert indication.source_nbma == HUB_NBMA
    assert indication.source_protocol == address("192.168.100.11")
    assert indication.destination_protocol == address("10.3.3.1")  # the source of the packet
    assert indication.packet == packet[:28]
    assert [type(e).__name__ for e in indication.extensions] == [
        "ForwardTransitRecord",
        "ReverseTransitRecord",
        "Authentication",
        "NatAddress",
    ]
    octets = indication.serialize()
    assert len(octets) == 100  # as in the captures, with a password of eight characters
    assert octets[14:16] == (68).to_bytes(2, "big")


@pytest.mark.conforms("cisco-redirect-once")
def test_without_ip_nhrp_redirect_nobody_is_told() -> None:
    overlay = ready()
    overlay.configure("R11", redirect=False)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    assert overlay.packets == []
    assert tunnel_of(overlay, "R11").counters.redirects_suppressed == 1


@pytest.mark.conforms("cisco-redirect-once")
def test_a_packet_that_goes_back_to_its_sender_causes_no_redirect() -> None:
    overlay = ready()
    hairpin(overlay, "10.9.9.9", "10.3.3.1", by="R31")
    assert overlay.packets == []


@pytest.mark.conforms("6.4-domino")
def test_a_spoke_without_shortcut_ignores_redirects() -> None:
    overlay = ready()
    overlay.configure("R31", shortcut=False)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    assert overlay.sent(ResolutionRequest) == []


@pytest.mark.conforms("cisco-redirect-frr")
def test_a_redirect_of_frr_without_extensions_and_with_the_whole_packet_is_followed() -> None:
    overlay = ready()
    indication = TrafficIndication(
        hop_count=1,
        source_nbma=HUB_NBMA,
        source_protocol=address("192.168.100.11"),
        destination_protocol=address("10.3.3.1"),
        packet=data_packet("10.3.3.1", "10.4.4.1"),
    )
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, indication.serialize()))
    (request,) = overlay.sent(ResolutionRequest, "R31")
    assert request.destination_protocol == address("10.4.4.1")


@pytest.mark.conforms("2.2-not-every-packet")
def test_redirects_for_a_host_that_is_asked_for_or_known_cause_no_further_request() -> None:
    overlay = ready()
    for _ in range(3):
        hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    hairpin(overlay, "10.3.3.1", "10.4.4.77", by="R31")
    overlay.run(1)
    assert len(overlay.sent(ResolutionRequest, "R31")) == 1


@pytest.mark.lengthy
def test_a_flood_of_redirects_keeps_the_cache_bounded() -> None:
    overlay = cloud()
    overlay.members["R31"].routes["10.99.0.0/16"] = "192.168.100.11"
    overlay.start().run(1)
    overlay.filter = lambda _, __, packet: isinstance(packet, RegistrationRequest | TrafficIndication)
    for number in range(1000):
        hairpin(overlay, "10.3.3.1", f"10.99.{number // 250}.{number % 250 + 1}", by="R31")
        overlay.run(0.02)
    assert len(tunnel_of(overlay).cache) <= 257
    overlay.packets.clear()
    overlay.run(65)  # the longest wait between two tries
    assert 0 < len({packet.request_id for packet in overlay.sent(ResolutionRequest, "R31")}) <= 256


def test_what_a_server_remembers_of_its_redirects_is_bounded_and_the_oldest_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is for `show ip nhrp redirect` alone: nobody may fill a hub's memory by asking forever new hosts."""
    monkeypatch.setattr(routing, "LARGEST_MEMORY", 10)
    overlay = ready()
    for number in range(25):
        hairpin(overlay, "10.3.3.1", f"10.4.4.{number + 1}", by="R31")
    remembered = [str(destination) for _, destination in tunnel_of(overlay, "R11").redirects]
    assert remembered == [f"10.4.4.{number}" for number in range(16, 26)]
    assert len(overlay.sent(TrafficIndication)) == 25


def test_nobody_is_redirected_for_the_echo_by_which_a_router_checks_a_path() -> None:
    """It goes by the hub on purpose, and its answer too: with a redirect for each they would go on forever."""
    overlay = ready()
    echo = icmp.EchoRequest(identifier=1, sequence=1, payload=b"").serialize()
    for tos, told in ((TOS_INTERNETWORK_CONTROL, 0), (0, 1)):
        packet = Ipv4Packet(
            source=IPv4Address("10.3.3.1"),
            destination=IPv4Address("10.4.4.1"),
            protocol=IpProtocol.ICMP,
            payload=echo,
            tos=tos,
        )
        overlay.handle("R11", Hairpin(TUNNEL, TUNNEL, SPOKE_NBMA, packet.serialize()))
        assert len(overlay.sent(TrafficIndication)) == told
