"""Phase 2: next hops of the data plane that nobody has an adjacency for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import RouteKind, SetAdjacency
from dmvpn.base.events import EffectFailed, NhrpReceived, Unresolved
from dmvpn.base.notices import RouteOffered, RouteRetracted
from dmvpn.base.pages import Pages
from dmvpn.features.nhrp.cache import EntryType, Flag
from dmvpn.features.nhrp.model import NhsConfig
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationRequest, ResolutionReply, ResolutionRequest
from dmvpn.features.nhrp.parts import ClientInfo
from support.overlay import HUB, TUNNEL, Overlay, address, cloud

if TYPE_CHECKING:
    from dmvpn.features.nhrp.cache import Entry
    from dmvpn.features.nhrp.model import TunnelConfig
    from dmvpn.features.nhrp.tunnel import Tunnel

PEER = address("192.168.100.41")
PEER_NBMA = address("172.16.41.1")
HUB_NBMA = address("172.16.11.1")


def _tunnel(overlay: Overlay, name: str = "R31") -> Tunnel:
    return overlay.members[name].machine.tunnels[0]


def _entry(overlay: Overlay, host: str, name: str = "R31") -> Entry | None:
    return _tunnel(overlay, name).cache.host(address(host))


def _ready(*spokes: int, **settings: object) -> Overlay:
    overlay = cloud(*spokes, phase=2, **settings)
    overlay.start()
    overlay.run(5)
    overlay.packets.clear()
    return overlay


@pytest.mark.conforms("2.2-meanwhile", "cisco-phase2")
def test_an_unknown_next_hop_gets_the_hubs_adjacency_at_once() -> None:
    overlay = _ready()
    effects = overlay.handle("R31", Unresolved(TUNNEL, PEER))
    assert effects[0] == SetAdjacency(TUNNEL, PEER, HUB_NBMA)
    (request,) = overlay.sent(ResolutionRequest)
    assert request.destination_protocol == PEER
    entry = _entry(overlay, "192.168.100.41")
    assert entry is not None
    assert entry.type is EntryType.INCOMPLETE


@pytest.mark.conforms("cisco-phase2")
def test_the_answer_takes_its_place_without_a_gap() -> None:
    overlay = _ready()
    overlay.handle("R31", Unresolved(TUNNEL, PEER))
    overlay.run(1)
    spoke = overlay.members["R31"]
    assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    orders = [e for e in spoke.effects if getattr(e, "next_hop", None) == PEER]
    assert orders == [SetAdjacency(TUNNEL, PEER, HUB_NBMA), SetAdjacency(TUNNEL, PEER, PEER_NBMA)]
    (reply,) = overlay.sent(ResolutionReply)
    assert reply.cies[0].prefix_length == 32
    entry = _entry(overlay, "192.168.100.41")
    assert entry is not None
    assert entry.flags == Flag.ROUTER | Flag.NHOP
    assert not [e for e in spoke.effects if isinstance(e, RouteOffered)]  # without `ip nhrp shortcut` no route


@pytest.mark.conforms("2.2-meanwhile", "cisco-phase2")
def test_silence_keeps_the_hubs_adjacency() -> None:
    overlay = _ready()
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    overlay.handle("R31", Unresolved(TUNNEL, PEER))
    overlay.run(170)
    assert overlay.members["R31"].adjacencies[PEER] == HUB_NBMA


def test_a_direct_path_that_dies_is_left_for_the_hub_in_phase_2_too() -> None:
    overlay = _ready()
    overlay.handle("R31", Unresolved(TUNNEL, PEER))
    overlay.run(3)
    overlay.cut("R31", "R41")
    spoke = overlay.members["R31"]
    for _ in range(60):
        spoke.count(PEER_NBMA, sent=5)
        overlay.run(0.05)
    assert spoke.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    overlay.fix()
    overlay.run(61)
    assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


@pytest.mark.conforms("cisco-negative")
def test_a_definite_no_makes_the_next_hop_unreachable_for_a_growing_while() -> None:
    overlay = _ready()
    missing = address("192.168.100.99")
    spoke = overlay.members["R31"]
    ends = []
    for _ in range(3):
        spoke.effects.clear()
        overlay.handle("R31", Unresolved(TUNNEL, missing))
        overlay.run(0.5)
        offers = [e.route for e in spoke.effects if isinstance(e, RouteOffered)]
        assert [route.kind for route in offers] == [RouteKind.UNREACHABLE]
        assert missing not in spoke.adjacencies
        start = overlay.now
        while not [e for e in spoke.effects if isinstance(e, RouteRetracted)]:
            overlay.run(0.5)
        ends.append(round(overlay.now - start))
    assert ends == [4, 8, 16]


def test_a_hub_says_at_once_that_a_spoke_is_not_registered_and_takes_it_back_when_it_is() -> None:
    overlay = cloud(3, phase=2)
    overlay.start("R11")
    late = address("192.168.100.31")
    overlay.handle("R11", Unresolved(TUNNEL, late))
    hub = overlay.members["R11"]
    assert [e.route.kind for e in hub.effects if isinstance(e, RouteOffered)] == [RouteKind.UNREACHABLE]
    entry = _entry(overlay, "192.168.100.31", "R11")
    assert entry is not None
    assert str(entry.reason) == (
        "nobody has this next hop (it is not registered, and there is no next hop server to ask)"
    )
    overlay.start("R31")
    overlay.run(0.5)
    assert [e.prefix.address for e in hub.effects if isinstance(e, RouteRetracted)] == [late]
    assert hub.adjacencies[late] == address("172.16.31.1")


def test_gleaned_next_hops_are_bounded_and_the_oldest_goes_first() -> None:
    overlay = _ready()
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    for number in range(2, 302):
        overlay.handle("R31", Unresolved(TUNNEL, address(f"192.168.{100 + number // 250}.{number % 250 + 2}")))
    spoke = overlay.members["R31"]
    assert len([nbma for nbma in spoke.adjacencies.values() if nbma == HUB_NBMA]) <= 257
    assert len(_tunnel(overlay).cache) <= 257


@pytest.mark.conforms("frr-2287")
def test_an_adjacency_that_the_plane_lost_is_given_again() -> None:
    overlay = _ready()
    effects = overlay.handle("R31", Unresolved(TUNNEL, address("192.168.100.11")))
    assert effects == [SetAdjacency(TUNNEL, address("192.168.100.11"), HUB_NBMA)]


@pytest.mark.conforms("frr-2287")
def test_an_order_that_the_plane_refused_is_given_again_while_it_holds() -> None:
    overlay = _ready()
    order = SetAdjacency(TUNNEL, address("192.168.100.11"), HUB_NBMA)
    overlay.handle("R31", EffectFailed(order, 105, "No buffer space available"))
    spoke = overlay.members["R31"]
    spoke.effects.clear()
    overlay.run(1.5)
    assert order in spoke.effects


@pytest.mark.parametrize("target", ["192.168.100.31", "224.0.0.10"])
def test_nobody_is_asked_for_our_own_or_for_impossible_next_hops(target: str) -> None:
    overlay = _ready()
    overlay.handle("R31", Unresolved(TUNNEL, address(target)))
    assert overlay.sent(ResolutionRequest) == []


@pytest.mark.conforms("5.2.1-server")
def test_what_goes_by_a_server_follows_to_the_next_server() -> None:
    overlay = _ready()
    second = NhsConfig(address=address("192.168.100.12"), nbma=address("172.16.12.1"), priority=1)
    overlay.configure("R31", nhs=(HUB, second))
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    overlay.handle("R31", Unresolved(TUNNEL, PEER))
    assert overlay.members["R31"].adjacencies[PEER] == HUB_NBMA
    overlay.configure("R31", nhs=(replace(second, priority=0),))
    assert overlay.members["R31"].adjacencies[PEER] == address("172.16.12.1")


def test_a_static_map_is_used_and_never_overwritten() -> None:
    overlay = cloud(3, 4, phase=2)
    static = (Prefix.parse("192.168.100.41"), address("172.16.41.9"))
    overlay.members["R31"].config = _with(overlay, maps=Pages([static]))
    overlay.start()
    overlay.run(1)
    assert overlay.members["R31"].adjacencies[PEER] == address("172.16.41.9")
    overlay.handle("R41", Unresolved(TUNNEL, address("192.168.100.31")))
    overlay.run(1)
    assert overlay.members["R31"].adjacencies[PEER] == address("172.16.41.9")


def test_a_static_map_of_a_client_holds_against_its_registration() -> None:
    overlay = cloud(3, phase=2)
    static = (Prefix.parse("192.168.100.41"), PEER_NBMA)
    overlay.members["R11"].config = _with(overlay, "R11", maps=Pages([static]))
    overlay.start("R11")
    request = RegistrationRequest(
        source_nbma=address("6.6.6.6"),
        source_protocol=PEER,
        destination_protocol=address("192.168.100.11"),
        flags=RegistrationFlag.NAT,
        request_id=1,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
    )
    overlay.handle("R11", NhrpReceived(TUNNEL, address("6.6.6.6"), request.serialize()))
    assert overlay.members["R11"].adjacencies[PEER] == PEER_NBMA


def _with(overlay: Overlay, name: str = "R31", **changes: object) -> TunnelConfig:
    return replace(overlay.members[name].config, **changes)  # type: ignore[arg-type]


def test_without_any_server_left_nothing_goes_by_one() -> None:
    overlay = _ready()
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    overlay.handle("R31", Unresolved(TUNNEL, PEER))
    overlay.configure("R31", nhs=())
    assert overlay.members["R31"].adjacencies == {}
