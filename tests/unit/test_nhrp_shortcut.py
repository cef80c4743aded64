"""Phase 3: redirects, resolution, shortcuts in the RIB, and whether the direct path works."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import GRE_IPV4, NextHop, SendGre, SetAdjacency
from dmvpn.base.events import NhrpReceived
from dmvpn.base.notices import OverrideOffered, Route, RouteChanged, RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.nhrp.cache import Entry, EntryType, Flag, RouteState
from dmvpn.features.nhrp.cie import CieCode, ClientInfo
from dmvpn.features.nhrp.extensions import NatAddress, ResponderAddress, find
from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
    TrafficIndication,
)
from dmvpn.features.nhrp.path import PathState
from support.overlay import TUNNEL, Overlay, address, cloud, data_packet, hairpin, make_shortcut

if TYPE_CHECKING:
    from dmvpn.features.nhrp.tunnel import Tunnel

PEER = address("192.168.100.41")
PEER_NBMA = address("172.16.41.1")
HUB_NBMA = address("172.16.11.1")


def _tunnel(overlay: Overlay, name: str = "R31") -> Tunnel:
    return overlay.members[name].machine.tunnels[0]


def _targets(overlay: Overlay, name: str = "R31") -> dict[str, Entry]:
    return {str(entry.target): entry for entry in _tunnel(overlay, name).cache.entries()}


def _ready(*spokes: int, **settings: object) -> Overlay:
    overlay = cloud(*spokes, **settings)  # type: ignore[arg-type]
    overlay.start()
    overlay.run(5)
    overlay.packets.clear()
    return overlay


# ------------------------------------------------------------------------------------------------ redirect


def test_the_hub_redirects_the_previous_hop_exactly_as_ios_does() -> None:
    overlay = _ready(authentication="test1234")
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


def test_without_ip_nhrp_redirect_nobody_is_told() -> None:
    overlay = _ready()
    overlay.configure("R11", redirect=False)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    assert overlay.packets == []
    assert _tunnel(overlay, "R11").counters.redirects_suppressed == 1


def test_a_packet_that_goes_back_to_its_sender_causes_no_redirect() -> None:
    overlay = _ready()
    hairpin(overlay, "10.9.9.9", "10.3.3.1", by="R31")
    assert overlay.packets == []


def test_a_spoke_without_shortcut_ignores_redirects() -> None:
    overlay = _ready()
    overlay.configure("R31", shortcut=False)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    assert overlay.sent(ResolutionRequest) == []


def test_a_redirect_of_frr_without_extensions_and_with_the_whole_packet_is_followed() -> None:
    overlay = _ready()
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


# ------------------------------------------------------------------------------------------------ resolution


def test_after_the_flow_both_spokes_have_exactly_the_four_entries_of_the_seeds() -> None:
    overlay = _ready()
    make_shortcut(overlay)
    assert list(_targets(overlay, "R31")) == ["10.3.3.0/24", "10.4.4.0/24", "192.168.100.11/32", "192.168.100.41/32"]
    assert list(_targets(overlay, "R41")) == ["10.3.3.0/24", "10.4.4.0/24", "192.168.100.11/32", "192.168.100.31/32"]
    mine = _targets(overlay, "R31")
    assert mine["10.3.3.0/24"].flags == Flag.ROUTER | Flag.UNIQUE | Flag.LOCAL
    assert mine["10.3.3.0/24"].requesters is not None
    assert {a: r.request_id for a, r in mine["10.3.3.0/24"].requesters.items()} == {PEER: 2}
    assert mine["10.4.4.0/24"].flags == Flag.ROUTER
    assert mine["10.4.4.0/24"].route is RouteState.OVERRIDE
    assert mine["192.168.100.41/32"].flags == Flag.ROUTER | Flag.NHOP
    assert mine["192.168.100.41/32"].route is RouteState.INSTALLED
    assert len(_tunnel(overlay, "R11").cache) == 2


def test_packets_take_the_direct_way_as_soon_as_it_is_proved() -> None:
    overlay = _ready()
    spoke = overlay.members["R31"]
    assert spoke.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    make_shortcut(overlay)
    assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    assert overlay.members["R41"].forwards("10.3.3.1") == (TUNNEL, address("172.16.31.1"))


def test_the_neighbour_is_known_before_a_route_needs_it() -> None:
    overlay = _ready()
    spoke = overlay.members["R31"]
    spoke.effects.clear()
    make_shortcut(overlay)
    kinds = [type(e) for e in spoke.effects if isinstance(e, SetAdjacency | OverrideOffered | RouteOffered)]
    assert kinds == [SetAdjacency, RouteOffered, OverrideOffered]


def test_the_request_goes_by_the_hub_and_the_reply_comes_straight_back() -> None:
    overlay = _ready()
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    way = [
        (type(s.packet).__name__, str(s.source), str(s.destination), s.packet.hop_count)
        for s in overlay.packets
        if isinstance(s.packet, ResolutionRequest | ResolutionReply)
    ]
    assert way == [
        ("ResolutionRequest", "172.16.31.1", "172.16.11.1", 255),
        ("ResolutionRequest", "172.16.11.1", "172.16.41.1", 254),
        ("ResolutionReply", "172.16.41.1", "172.16.31.1", 255),
    ]


def test_request_and_reply_have_the_fields_of_ios() -> None:
    overlay = _ready()
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    request = overlay.sent(ResolutionRequest, "R31")[0]
    assert int(request.flags) == 0xC802
    assert request.cies == (ClientInfo(prefix_length=32, mtu=17912, holding_time=7200, preference=255),)
    (reply,) = overlay.sent(ResolutionReply)
    assert int(reply.flags) == 0xF802
    assert reply.cies == (
        ClientInfo(prefix_length=24, mtu=17912, holding_time=7200, preference=255, nbma=PEER_NBMA, protocol=PEER),
    )
    assert (reply.source_protocol, reply.destination_protocol) == (address("192.168.100.31"), address("10.4.4.1"))
    responder = find(reply.extensions, ResponderAddress)
    assert responder is not None
    assert responder.entries[0].protocol == PEER
    assert len(reply.serialize()) == 136 - 16  # the reply of the captures, which has a password of eight characters


def test_a_repeated_request_is_answered_through_the_hub() -> None:
    """The direct reply got lost: say, because a translator between the spokes lets nothing in."""
    overlay = _ready()
    overlay.cut("R41", "R31", both=False)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1.2)
    requests = overlay.sent(ResolutionRequest, "R31")
    assert len({request.request_id for request in requests}) == 1
    assert len(requests) == 2
    replies = [(str(s.source), str(s.destination)) for s in overlay.packets if isinstance(s.packet, ResolutionReply)]
    assert replies == [
        ("172.16.41.1", "172.16.31.1"),
        ("172.16.41.1", "172.16.11.1"),
        ("172.16.11.1", "172.16.31.1"),
    ]
    assert "10.4.4.0/24" in _targets(overlay)


def test_a_connected_host_route_is_answered_with_itself_and_a_lan_address_with_its_whole_lan() -> None:
    overlay = _ready()
    overlay.members["R41"].interfaces.states.append(
        replace(
            overlay.members["R41"].interfaces.states[1],
            name="Loopback0",
            address=address("10.4.99.1"),
            prefix_length=32,
        )
    )
    overlay.members["R11"].rib.known.append(overlay.members["R11"].learned_route("10.4.99.1/32", str(PEER)))
    overlay.members["R31"].rib.known.append(overlay.members["R31"].learned_route("10.4.99.0/24", "192.168.100.11"))
    hairpin(overlay, "10.3.3.1", "10.4.99.1", by="R31")
    overlay.run(1)
    assert "10.4.99.1/32" in _targets(overlay)


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
    entry = _targets(overlay)[installed]
    exact = installed == own_route
    assert entry.route is (RouteState.OVERRIDE if exact else RouteState.INSTALLED)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


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


def test_the_answer_of_an_egress_that_has_only_a_default_route_is_one_host() -> None:
    overlay = cloud()
    overlay.members["R41"].lans = {}
    overlay.members["R41"].routes = {}
    overlay.start()
    overlay.members["R41"].rib.known.append(
        Route(
            prefix=Prefix.parse("0.0.0.0/0"),
            source=RouteSource.STATIC,
            distance=1,
            next_hops=(NextHop("GigabitEthernet0/1", address("172.16.41.2")),),
        )
    )
    overlay.run(1)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    assert overlay.sent(ResolutionReply)[0].cies[0].prefix_length == 32


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
    assert "172.16.200.1/32" in _targets(overlay)
    assert "172.16.0.0/12" not in _targets(overlay)


def test_a_request_is_repeated_ever_more_slowly_and_the_entry_stands_for_it() -> None:
    overlay = _ready()
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(100)
    times = [s.when for s in overlay.packets if isinstance(s.packet, ResolutionRequest)]
    gaps = [round(b - a) for a, b in pairwise(times)]
    assert gaps[:6] == [1, 2, 4, 8, 16, 32]
    entry = _targets(overlay)["10.4.4.1/32"]
    assert (entry.type, entry.flags, entry.nbma) == (EntryType.INCOMPLETE, Flag.NEGATIVE, None)
    overlay.run(100)
    assert "10.4.4.1/32" not in _targets(overlay)
    sent = len(overlay.packets)
    overlay.run(200)
    assert not [s for s in overlay.packets[sent:] if isinstance(s.packet, ResolutionRequest)]


def test_redirects_for_a_host_that_is_asked_for_or_known_cause_no_further_request() -> None:
    overlay = _ready()
    for _ in range(3):
        hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    hairpin(overlay, "10.3.3.1", "10.4.4.77", by="R31")
    overlay.run(1)
    assert len(overlay.sent(ResolutionRequest, "R31")) == 1


def test_nobody_has_it_is_remembered_for_three_minutes() -> None:
    overlay = cloud()
    overlay.members["R31"].routes["10.99.0.0/16"] = "192.168.100.11"
    overlay.start()
    overlay.run(1)
    hairpin(overlay, "10.3.3.1", "10.99.0.1", by="R31")
    overlay.run(1)
    (reply,) = overlay.sent(ResolutionReply)
    assert reply.cies == (ClientInfo(code=CieCode.NO_BINDING),)
    entry = _targets(overlay)["10.99.0.1/32"]
    assert str(entry.reason) == "the address cannot be resolved (no address binding(12))"
    hairpin(overlay, "10.3.3.1", "10.99.0.1", by="R31")
    overlay.run(1)
    assert len(overlay.sent(ResolutionRequest)) == 1
    overlay.run(180)
    assert "10.99.0.1/32" not in _targets(overlay)


@pytest.mark.parametrize("code", [CieCode.NO_BINDING, CieCode.NO_BINDING_FRR, CieCode.ADMINISTRATIVELY_PROHIBITED])
def test_every_kind_of_no_is_a_no(code: CieCode) -> None:
    overlay = _ready()
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.1)
    (request,) = overlay.sent(ResolutionRequest)
    reply = ResolutionReply(
        source_nbma=request.source_nbma,
        source_protocol=request.source_protocol,
        destination_protocol=request.destination_protocol,
        flags=ResolutionFlag(0),
        request_id=request.request_id,
        cies=(ClientInfo(code=code),),
    )
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, reply.serialize()))
    assert _targets(overlay)["10.4.4.1/32"].reason is not None
    overlay.run(30)
    assert len(overlay.sent(ResolutionRequest)) == 1


def test_an_error_6_about_our_request_is_a_no_too() -> None:
    overlay = _ready()
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.1)
    (request,) = overlay.sent(ResolutionRequest)
    error = ErrorIndication(
        hop_count=1,
        source_nbma=HUB_NBMA,
        source_protocol=address("192.168.100.11"),
        destination_protocol=address("192.168.100.31"),
        error_code=ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE,
        packet=request.serialize(),
    )
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, error.serialize()))
    assert "protocol address unreachable (6)" in str(_targets(overlay)["10.4.4.1/32"].reason)
    assert overlay.log_texts("R31")[-1] == (
        "%NHRP-3-PAKERROR: Receive Error Indication for our Resolution Request, code: protocol address unreachable (6)"
    )


def test_a_late_doubled_or_forged_reply_changes_nothing() -> None:
    overlay = _ready()
    make_shortcut(overlay)
    (reply,) = [r for r in overlay.sent(ResolutionReply) if r.destination_protocol == address("10.4.4.1")]
    forged = replace(reply, cies=(replace(reply.cies[0], nbma=address("6.6.6.6")),))
    overlay.handle("R31", NhrpReceived(TUNNEL, address("6.6.6.6"), forged.serialize()))
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    other_question = replace(reply, destination_protocol=address("10.4.4.9"))
    overlay.handle("R31", NhrpReceived(TUNNEL, PEER_NBMA, other_question.serialize()))
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


def test_a_reply_with_holding_time_zero_is_not_kept() -> None:
    overlay = _ready()
    overlay.cut("R31", "R41")
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.1)
    reply = overlay.sent(ResolutionReply)[0]
    empty = replace(reply, cies=(replace(reply.cies[0], holding_time=0),))
    overlay.handle("R31", NhrpReceived(TUNNEL, PEER_NBMA, empty.serialize()))
    assert "10.4.4.0/24" not in _targets(overlay)


def test_the_binding_of_a_requester_that_is_not_stable_is_not_learned() -> None:
    overlay = _ready()
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.1)
    (request,) = overlay.sent(ResolutionRequest)
    unstable = replace(request, flags=request.flags & ~ResolutionFlag.SOURCE_STABLE)
    overlay.handle("R41", NhrpReceived(TUNNEL, HUB_NBMA, unstable.serialize()))
    assert list(_targets(overlay, "R41")) == ["10.4.4.0/24", "192.168.100.11/32"]
    overlay.handle("R41", NhrpReceived(TUNNEL, HUB_NBMA, replace(request, request_id=77).serialize()))
    assert Flag.IMPLICIT in _targets(overlay, "R41")["192.168.100.31/32"].flags


# ------------------------------------------------------------------------------------------------ T1 and T2


def test_when_the_igp_route_goes_the_override_becomes_a_route_and_back() -> None:
    overlay = _ready()
    make_shortcut(overlay)
    spoke = overlay.members["R31"]
    spoke.effects.clear()
    overlay.route("R31", "10.4.4.0/24", None)
    assert _targets(overlay)["10.4.4.0/24"].route is RouteState.INSTALLED
    assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    overlay.route("R31", "10.4.4.0/24", "192.168.100.11")
    assert _targets(overlay)["10.4.4.0/24"].route is RouteState.OVERRIDE
    assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    told = [e for e in spoke.effects if isinstance(e, RouteOffered | RouteRetracted | OverrideOffered)]
    assert [type(e).__name__ for e in told] == [
        "RouteOffered",
        "OverrideOffered",
        "OverrideOffered",
        "RouteRetracted",
    ]


def test_a_prefix_that_is_reached_without_the_tunnel_now_is_no_shortcut_any_more() -> None:
    overlay = _ready()
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
    assert "10.4.4.0/24" not in _targets(overlay)
    assert spoke.forwards("10.4.4.1")[0] == "GigabitEthernet0/2"


# ------------------------------------------------------------------------------------------------ expiry and refresh


def test_an_unused_shortcut_expires_silently() -> None:
    overlay = cloud(holdtime=60)
    overlay.start()
    overlay.run(1)
    make_shortcut(overlay)
    asked = len(overlay.sent(ResolutionRequest))
    overlay.run(160)  # the echoes that proved the path count as use for a minute
    assert list(_targets(overlay)) == ["192.168.100.11/32"]
    assert len(overlay.sent(ResolutionRequest)) <= 2 * asked
    spoke = overlay.members["R31"]
    assert spoke.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    assert spoke.rib.overrides == {}
    assert PEER not in spoke.adjacencies


def test_a_shortcut_in_use_is_refreshed_before_it_expires() -> None:
    overlay = cloud(holdtime=60)
    overlay.start()
    overlay.run(1)
    make_shortcut(overlay)
    spoke, peer = overlay.members["R31"], overlay.members["R41"]
    created = _targets(overlay)["10.4.4.0/24"].created
    for _ in range(200):
        spoke.count(PEER_NBMA, sent=3, received=3)
        peer.count(address("172.16.31.1"), sent=3, received=3)
        overlay.run(1)
        assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    assert _targets(overlay)["10.4.4.0/24"].created == created
    assert 4 <= len({request.request_id for request in overlay.sent(ResolutionRequest, "R31")}) <= 8


# ------------------------------------------------------------------------------------------------ liveness


def _unproved() -> Overlay:
    """A shortcut between spokes that cannot reach each other directly."""
    overlay = _ready()
    overlay.cut("R31", "R41")
    make_shortcut(overlay)
    overlay.run(1)
    return overlay


def test_until_the_direct_path_is_proved_packets_stay_with_the_hub() -> None:
    overlay = _unproved()
    spoke = overlay.members["R31"]
    assert spoke.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    assert PEER not in spoke.adjacencies
    for target in ("10.4.4.0/24", "192.168.100.41/32"):
        entry = _targets(overlay)[target]
        assert Flag.TEMPORARY in entry.flags
        assert entry.route is RouteState.NONE


def test_why_the_direct_path_is_not_used_is_kept() -> None:
    overlay = _unproved()
    overlay.run(6.5)
    assert _tunnel(overlay).paths[PEER].state is PathState.LOST
    assert str(_targets(overlay)["192.168.100.41/32"].reason) == (
        "the direct path does not answer, packets go by the hub (5 echoes to 192.168.100.41 at 172.16.41.1 unanswered)"
    )


def test_an_echo_that_is_answered_by_any_way_proves_the_path() -> None:
    """The direct NHRP reply was lost, the one through the hub came; the echo's answer comes by the hub too."""
    overlay = _ready()
    overlay.cut("R41", "R31", both=False)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(2)
    assert _tunnel(overlay).paths[PEER].state is PathState.PROVEN
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


def test_the_echo_is_a_whole_ip_packet_to_the_tunnel_address_of_the_peer() -> None:
    overlay = _unproved()
    echoes = [e for e in overlay.members["R31"].effects if isinstance(e, SendGre) and e.protocol == GRE_IPV4]
    assert echoes[0].nbma == PEER_NBMA
    assert echoes[0].payload[12:20] == address("192.168.100.31").packed + PEER.packed
    assert echoes[0].payload[9] == 1


def test_a_path_that_works_later_is_used_later() -> None:
    overlay = _unproved()
    overlay.run(30)
    overlay.mend()
    overlay.run(61)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    assert _targets(overlay)["192.168.100.41/32"].reason is None


@pytest.mark.parametrize("offset", [0.0, 0.13, 0.31, 0.5, 0.77, 0.93, 0.999])
def test_a_direct_path_that_dies_is_left_within_three_seconds(offset: float) -> None:
    overlay = _ready()
    make_shortcut(overlay)
    spoke = overlay.members["R31"]
    for _ in range(30):
        spoke.count(PEER_NBMA, sent=10, received=10)
        overlay.run(0.1)
    overlay.run(offset)
    spoke.count(PEER_NBMA, sent=10, received=10)
    overlay.cut("R31", "R41")
    died = overlay.now
    while spoke.forwards("10.4.4.1") != (TUNNEL, HUB_NBMA):
        spoke.count(PEER_NBMA, sent=10)
        overlay.run(0.05)
    assert overlay.now - died <= 3.0
    assert spoke.forwards("192.168.100.41") == (TUNNEL, HUB_NBMA)


def test_leaving_a_path_takes_the_routes_back_before_the_neighbour_changes() -> None:
    overlay = _ready()
    make_shortcut(overlay)
    spoke = overlay.members["R31"]
    spoke.effects.clear()
    overlay.cut("R31", "R41")
    for _ in range(60):
        spoke.count(PEER_NBMA, sent=10)
        overlay.run(0.05)
    kinds = [type(e).__name__ for e in spoke.effects if isinstance(e, SetAdjacency | OverrideOffered | RouteRetracted)]
    assert kinds == ["OverrideOffered", "RouteRetracted", "SetAdjacency"] or kinds == [
        "RouteRetracted",
        "OverrideOffered",
        "SetAdjacency",
    ]


def test_a_flow_in_one_direction_only_does_not_make_the_path_flap() -> None:
    overlay = _ready()
    make_shortcut(overlay)
    spoke = overlay.members["R31"]
    for _ in range(200):
        spoke.count(PEER_NBMA, sent=10)
        overlay.run(0.1)
        assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


def test_an_idle_path_is_not_probed() -> None:
    overlay = _ready()
    make_shortcut(overlay)
    overlay.run(10)
    spoke = overlay.members["R31"]
    spoke.effects.clear()
    overlay.run(100)
    assert not [e for e in spoke.effects if isinstance(e, SendGre)]


def test_a_path_that_works_in_one_direction_only_is_left_by_both() -> None:
    """Data that still arrives says nothing about our own packets."""
    overlay = _ready()
    make_shortcut(overlay)
    mine, theirs = overlay.members["R31"], overlay.members["R41"]
    overlay.cut("R31", "R41", both=False)
    for _ in range(200):
        if mine.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA):
            mine.count(PEER_NBMA, sent=5)
        if theirs.forwards("10.3.3.1") == (TUNNEL, address("172.16.31.1")):
            theirs.count(address("172.16.31.1"), sent=5)
            mine.count(PEER_NBMA, received=5)
        overlay.run(0.1)
    assert mine.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)


def test_with_all_hubs_dead_the_shortcut_lives_on() -> None:
    overlay = _ready()
    make_shortcut(overlay)
    overlay.cut("R31", "R11")
    overlay.cut("R41", "R11")
    spoke, peer = overlay.members["R31"], overlay.members["R41"]
    overlay.run(15)
    overlay.route("R31", "10.4.4.0/24", None)
    overlay.route("R41", "10.3.3.0/24", None)
    for _ in range(300):
        spoke.count(PEER_NBMA, sent=3, received=3)
        peer.count(address("172.16.31.1"), sent=3, received=3)
        overlay.run(1)
        assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


def test_a_peer_that_moved_is_found_again() -> None:
    overlay = cloud(unique=False)
    overlay.start()
    overlay.run(1)
    make_shortcut(overlay)
    overlay.move("R41", "172.16.41.99")
    spoke = overlay.members["R31"]
    for _ in range(40):
        spoke.count(PEER_NBMA, sent=3)
        overlay.run(0.1)
    assert spoke.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    overlay.run(70)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    assert spoke.forwards("10.4.4.1") == (TUNNEL, address("172.16.41.99"))


# ------------------------------------------------------------------------------------------------ NAT


def test_a_spoke_behind_nat_is_resolved_to_its_translated_address() -> None:
    overlay = cloud()
    far = overlay.members["R41"]
    far.nbma, far.translated = address("10.99.0.2"), PEER_NBMA
    far.tunnel_state = replace(far.tunnel_state, source=far.nbma)
    overlay.start()
    overlay.run(1)
    make_shortcut(overlay)
    entry = _targets(overlay)["192.168.100.41/32"]
    assert (entry.nbma, entry.claimed) == (PEER_NBMA, address("10.99.0.2"))
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    request = overlay.sent(ResolutionRequest, "R41")[0]
    nat = find(request.extensions, NatAddress)
    assert nat is not None
    assert [(e.nbma, e.protocol) for e in nat.entries] == [(PEER_NBMA, PEER)]
    to_the_hub = [s for s in overlay.packets if isinstance(s.packet, ResolutionReply) and s.destination == HUB_NBMA]
    assert len(to_the_hub) == 1  # the reply to the spoke behind NAT goes by the hub


def test_the_hub_fills_in_the_translated_address_that_the_spoke_does_not_know() -> None:
    overlay = cloud()
    far = overlay.members["R41"]
    far.nbma, far.translated = address("10.99.0.2"), PEER_NBMA
    far.tunnel_state = replace(far.tunnel_state, source=far.nbma)
    overlay.start()
    overlay.run(1)
    _tunnel(overlay, "R41").public_nbma = None  # an FRR spoke, say
    hairpin(overlay, "10.4.4.1", "10.3.3.1", by="R41")
    overlay.run(0.1)
    forwarded = overlay.sent(ResolutionRequest, "R11")[0]
    nat = find(forwarded.extensions, NatAddress)
    assert nat is not None
    assert [(e.nbma, e.protocol) for e in nat.entries] == [(PEER_NBMA, PEER)]


# ------------------------------------------------------------------------------------------------ bounds


def test_a_flood_of_redirects_keeps_the_cache_bounded() -> None:
    overlay = cloud()
    overlay.members["R31"].routes["10.99.0.0/16"] = "192.168.100.11"
    overlay.start()
    overlay.run(1)
    overlay.filter = lambda _, __, packet: isinstance(packet, RegistrationRequest | TrafficIndication)
    for number in range(1000):
        hairpin(overlay, "10.3.3.1", f"10.99.{number // 250}.{number % 250 + 1}", by="R31")
        overlay.run(0.02)
    assert len(_tunnel(overlay).cache) <= 257
    assert len(overlay.members["R31"].machine._resolver._pending) <= 256


@pytest.mark.parametrize("offset", [0.0, 0.4, 0.9, 1.3, 1.7, 1.99])
def test_a_path_that_died_while_it_was_idle_is_left_within_three_seconds_of_use(offset: float) -> None:
    overlay = _ready()
    make_shortcut(overlay)
    overlay.run(120 + offset)
    overlay.cut("R31", "R41")
    spoke, used = overlay.members["R31"], overlay.now
    while spoke.forwards("10.4.4.1") != (TUNNEL, HUB_NBMA):
        spoke.count(PEER_NBMA, sent=10)
        overlay.run(0.05)
    assert overlay.now - used <= 3.0


def test_a_forwarded_request_cannot_talk_us_out_of_a_path_that_works() -> None:
    overlay = _ready()
    make_shortcut(overlay)
    request = overlay.sent(ResolutionRequest, "R41")[0]
    forged = replace(request, request_id=4711, source_nbma=address("6.6.6.6"))
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, forged.serialize()))
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
