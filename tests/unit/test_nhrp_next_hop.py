"""Phase 2: next hops of the data plane that nobody has an adjacency for."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base import events
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearAdjacency, NextHop, RemoveTunnel, RouteKind, SetAdjacency
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.notices import OverrideOffered, Route, RouteChanged, RouteOffered, RouteRetracted, RouteSource
from dmvpn.base.pages import Pages
from dmvpn.features.nhrp.cache import EntryType, Flag, RouteState
from dmvpn.features.nhrp.model import NhsConfig
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationRequest, ResolutionReply, ResolutionRequest
from dmvpn.features.nhrp.parts import ClientInfo
from dmvpn.router.router import Router
from support.cloud import answer, question, ready, receive, targets, tunnel_of
from support.overlay import HUB, TUNNEL, Overlay, address, cloud, hairpin, make_shortcut

if TYPE_CHECKING:
    from dmvpn.features.nhrp.cache import Entry
    from dmvpn.features.nhrp.model import TunnelConfig

PEER = address("192.168.100.41")
PEER_NBMA = address("172.16.41.1")
HUB_NBMA = address("172.16.11.1")


def _entry(overlay: Overlay, host: str, name: str = "R31") -> Entry | None:
    return tunnel_of(overlay, name).cache.host(address(host))


@pytest.mark.conforms("2.2-meanwhile", "cisco-phase2")
def test_an_unknown_next_hop_gets_the_hubs_adjacency_at_once() -> None:
    overlay = ready(phase=2)
    effects = overlay.handle("R31", events.Unresolved(TUNNEL, PEER))
    assert effects[0] == SetAdjacency(TUNNEL, PEER, HUB_NBMA)
    (request,) = overlay.sent(ResolutionRequest)
    assert request.destination_protocol == PEER
    entry = _entry(overlay, "192.168.100.41")
    assert entry is not None
    assert entry.type is EntryType.INCOMPLETE


@pytest.mark.conforms("cisco-phase2")
def test_the_answer_takes_its_place_without_a_gap() -> None:
    overlay = ready(phase=2)
    overlay.handle("R31", events.Unresolved(TUNNEL, PEER))
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
    overlay = ready(phase=2)
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    overlay.handle("R31", events.Unresolved(TUNNEL, PEER))
    overlay.run(170)
    assert overlay.members["R31"].adjacencies[PEER] == HUB_NBMA


def test_a_direct_path_that_dies_is_left_for_the_hub_in_phase_2_too() -> None:
    overlay = ready(phase=2)
    overlay.handle("R31", events.Unresolved(TUNNEL, PEER))
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
    overlay = ready(phase=2)
    missing = address("192.168.100.99")
    spoke = overlay.members["R31"]
    ends = []
    for _ in range(3):
        spoke.effects.clear()
        overlay.handle("R31", events.Unresolved(TUNNEL, missing))
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
    overlay = cloud(3, phase=2).start("R11")
    late = address("192.168.100.31")
    overlay.handle("R11", events.Unresolved(TUNNEL, late))
    hub = overlay.members["R11"]
    assert [e.route.kind for e in hub.effects if isinstance(e, RouteOffered)] == [RouteKind.UNREACHABLE]
    entry = _entry(overlay, "192.168.100.31", "R11")
    assert entry is not None
    assert str(entry.reason) == (
        "no station has this next hop (it is not registered, and there is no next hop server to ask)"
    )
    overlay.start("R31").run(0.5)
    assert [e.prefix.address for e in hub.effects if isinstance(e, RouteRetracted)] == [late]
    assert hub.adjacencies[late] == address("172.16.31.1")


def test_gleaned_next_hops_are_bounded_and_the_oldest_goes_first() -> None:
    overlay = ready(phase=2)
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    for number in range(2, 302):
        overlay.handle("R31", events.Unresolved(TUNNEL, address(f"192.168.{100 + number // 250}.{number % 250 + 2}")))
    spoke = overlay.members["R31"]
    assert len([nbma for nbma in spoke.adjacencies.values() if nbma == HUB_NBMA]) <= 257
    assert len(tunnel_of(overlay).cache) <= 257


@pytest.mark.conforms("frr-2287")
def test_an_adjacency_that_the_plane_lost_is_given_again() -> None:
    overlay = ready(phase=2)
    effects = overlay.handle("R31", events.Unresolved(TUNNEL, address("192.168.100.11")))
    assert effects == [SetAdjacency(TUNNEL, address("192.168.100.11"), HUB_NBMA)]


@pytest.mark.conforms("frr-2287")
def test_an_order_that_the_plane_refused_is_given_again_while_it_holds() -> None:
    overlay = ready(phase=2)
    order = SetAdjacency(TUNNEL, address("192.168.100.11"), HUB_NBMA)
    overlay.handle("R31", events.EffectFailed(order, 105, "No buffer space available"))
    spoke = overlay.members["R31"]
    spoke.effects.clear()
    overlay.run(1.5)
    assert order in spoke.effects


@pytest.mark.parametrize("target", ["192.168.100.31", "224.0.0.10"])
def test_nobody_is_asked_for_our_own_or_for_impossible_next_hops(target: str) -> None:
    overlay = ready(phase=2)
    overlay.handle("R31", events.Unresolved(TUNNEL, address(target)))
    assert overlay.sent(ResolutionRequest) == []


@pytest.mark.conforms("5.2.1-server")
def test_what_goes_by_a_server_follows_to_the_next_server() -> None:
    overlay = ready(phase=2)
    second = NhsConfig(address=address("192.168.100.12"), nbma=address("172.16.12.1"), priority=1)
    overlay.configure("R31", nhs=(HUB, second))
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    overlay.handle("R31", events.Unresolved(TUNNEL, PEER))
    assert overlay.members["R31"].adjacencies[PEER] == HUB_NBMA
    overlay.configure("R31", nhs=(replace(second, priority=0),))
    assert overlay.members["R31"].adjacencies[PEER] == address("172.16.12.1")


def test_a_static_map_is_used_and_never_overwritten() -> None:
    overlay = cloud(3, 4, phase=2)
    static = (Prefix.parse("192.168.100.41"), address("172.16.41.9"))
    overlay.members["R31"].config = _with(overlay, maps=Pages([static]))
    overlay.start().run(1)
    assert overlay.members["R31"].adjacencies[PEER] == address("172.16.41.9")
    overlay.handle("R41", events.Unresolved(TUNNEL, address("192.168.100.31")))
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
    overlay.handle("R11", events.NhrpReceived(TUNNEL, address("6.6.6.6"), request.serialize()))
    assert overlay.members["R11"].adjacencies[PEER] == PEER_NBMA


def _with(overlay: Overlay, name: str = "R31", **changes: object) -> TunnelConfig:
    return replace(overlay.members[name].config, **changes)  # type: ignore[arg-type]


def test_without_any_server_left_nothing_goes_by_one() -> None:
    overlay = ready(phase=2)
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    overlay.handle("R31", events.Unresolved(TUNNEL, PEER))
    overlay.configure("R31", nhs=())
    assert overlay.members["R31"].adjacencies == {}


# Shortcuts: what an answer becomes in the cache and in the routing table, how long it stays, T1 and T2.


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
    overlay.start().run(1)
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
    overlay.start().run(1)
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
    overlay.start().run(1)
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
    overlay.start().run(1)
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
    overlay = cloud(holdtime=60).start().run(1)
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
    overlay = cloud(holdtime=60).start().run(1)
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


# An order that the data plane has refused is given again; what it then holds goes when NHRP forgets it.

PORT, TUNNEL_LINE = "interface GigabitEthernet0/0", "interface Tunnel1"
ADDRESS = "ip address 192.0.2.1 255.255.255.0"
#: More than are restored in one event. The data plane refuses the last one once.
MAPS = [(IPv4Address("10.0.0.10") + n, IPv4Address("198.18.0.10") + n) for n in range(2000)]
REFUSED, NBMA = MAPS[-1]


class Hub:
    """A router, and what its data plane holds."""

    def __init__(self) -> None:
        self.router = Router(SeededEntropy(1))
        self.now = 0.0
        self.refused: list[float] = []
        self.held: set[object] = set()
        lines = "".join(f" ip nhrp map {tunnel} {nbma}\n" for tunnel, nbma in MAPS)
        text = f"{PORT}\n {ADDRESS}\n{TUNNEL_LINE}\n ip address 10.0.0.1 255.255.0.0\n ip nhrp network-id 1\n{lines}"
        text += " tunnel source GigabitEthernet0/0\n tunnel mode gre multipoint\n"
        self.handle(events.ClockSet(1.8e9))
        self.handle(events.ConfigurationEntered(text, by="startup", saved=True))
        self.handle(events.LinkChanged("GigabitEthernet0/0", up=True))

    def handle(self, event: events.Event) -> None:
        failed = []
        for effect in self.router.handle(event, self.now):
            if isinstance(effect, RemoveTunnel):
                self.held.clear()
            elif isinstance(effect, ClearAdjacency):
                self.held.discard(effect.next_hop)
            elif isinstance(effect, SetAdjacency) and effect.next_hop == REFUSED and not self.refused:
                self.refused.append(self.now)
                failed.append(events.EffectFailed(effect, 12, "no memory"))
            elif isinstance(effect, SetAdjacency):
                self.held.add(effect.next_hop)
        for each in failed:
            self.handle(each)

    def enter(self, section: str, line: str) -> None:
        self.handle(events.LinesEntered((events.EnteredLine((), section), events.EnteredLine((section,), line))))

    def run_until(self, end: float) -> None:
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.handle(events.Tick())
        self.now = end


@pytest.mark.lengthy
def test_what_is_ordered_again_while_all_is_restored_goes_when_its_line_goes() -> None:
    """It stayed in the data plane for good, where nothing knew of it."""
    hub = Hub()
    hub.run_until(0.9)
    (refused,) = hub.refused
    assert REFUSED not in hub.held
    hub.run_until(refused + 1.0 - 0.0005)  # it is ordered again after a second
    hub.enter(PORT, "no ip address")
    hub.enter(PORT, ADDRESS)
    hub.run_until(refused + 1.0)
    assert REFUSED in hub.held
    hub.enter(TUNNEL_LINE, f"no ip nhrp map {REFUSED} {NBMA}")
    hub.run_until(refused + 60.0)
    assert REFUSED not in hub.held
    assert len(hub.held) == len(MAPS) - 1


# Adjacencies in the data plane: NHRP removes only those that it has ordered there.

MAP = Pages(((Prefix.parse("192.168.100.77/32"), address("172.16.77.1")),))
NEXT_HOP = address("192.168.100.77")


def _orders(overlay: Overlay) -> list[type]:
    kinds = SetAdjacency | ClearAdjacency
    return [
        type(each) for each in overlay.members["R31"].effects if isinstance(each, kinds) and each.next_hop == NEXT_HOP
    ]


def _started() -> Overlay:
    overlay = cloud().start().run(1)
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
