"""Whether the direct path works: it is proved before it is used, left when it dies, and tried again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import GRE_IPV4, SendGre, SetAdjacency
from dmvpn.base.events import IpReceived, NhrpReceived, PeerUsage, UsageReported
from dmvpn.base.notices import OverrideOffered, RouteRetracted
from dmvpn.features.nhrp.cache import Flag, RouteState
from dmvpn.features.nhrp.model import ClearCache
from dmvpn.features.nhrp.packet import PurgeRequest, ResolutionRequest
from dmvpn.features.nhrp.path import PathState
from dmvpn.features.nhrp.shared import Shared
from dmvpn.features.nhrp.tunnel import Usage
from dmvpn.net import icmp
from dmvpn.net.ipv4 import IpProtocol
from support.cloud import HUB_NBMA, PEER, PEER_NBMA, ready, targets, tunnel_of
from support.overlay import TUNNEL, Overlay, address, cloud, hairpin, make_shortcut

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


def _unproved() -> Overlay:
    """A shortcut between spokes that cannot reach each other directly."""
    overlay = ready()
    overlay.cut("R31", "R41")
    make_shortcut(overlay)
    overlay.run(1)
    return overlay


@pytest.mark.conforms("2.2-meanwhile", "frr-3475")
def test_until_the_direct_path_is_proved_packets_stay_with_the_hub() -> None:
    overlay = _unproved()
    spoke = overlay.members["R31"]
    assert spoke.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    assert PEER not in spoke.adjacencies
    for target in ("10.4.4.0/24", "192.168.100.41/32"):
        entry = targets(overlay)[target]
        assert Flag.TEMPORARY in entry.flags
        assert entry.route is RouteState.NONE


def test_why_the_direct_path_is_not_used_is_kept() -> None:
    overlay = _unproved().run(6.5)
    assert tunnel_of(overlay).paths[PEER].state is PathState.LOST
    assert str(targets(overlay)["192.168.100.41/32"].reason) == (
        "the direct path does not answer (5 echoes to 192.168.100.41 at 172.16.41.1 unanswered)"
    )


@pytest.mark.parametrize(("dies", "way"), [(True, HUB_NBMA), (False, PEER_NBMA)])
def test_packets_leave_the_hub_for_an_idle_path_only_when_it_has_answered_again(dies: bool, way: IPAddress) -> None:
    """R41 made the path; R31 knows R41 from it, has no shortcut of its own, and nothing has used the path since."""
    overlay = ready()
    hairpin(overlay, "10.4.4.1", "10.3.3.1", by="R41")
    overlay.run(30)
    assert tunnel_of(overlay).paths[PEER].state is PathState.PROVEN
    assert "10.4.4.0/24" not in targets(overlay)
    if dies:
        overlay.cut("R31", "R41")
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1.5)
    assert "10.4.4.0/24" in targets(overlay)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, way)


def test_an_echo_that_is_answered_by_any_way_proves_the_path() -> None:
    """The direct NHRP reply was lost, the one through the hub came; the echo's answer comes by the hub too."""
    overlay = ready()
    overlay.cut("R41", "R31", both=False)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(2)
    assert tunnel_of(overlay).paths[PEER].state is PathState.PROVEN
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


@pytest.mark.parametrize(
    ("source", "ahead", "proved"),
    [(PEER, 0, True), (address("192.168.100.11"), 0, False), (PEER, 1, False), (PEER, 0x4000, False)],
    ids=["the last echo", "of another", "not sent yet", "far from it"],
)
def test_only_the_peers_own_answer_to_an_echo_that_was_sent_proves_the_path(
    source: IPAddress, ahead: int, proved: bool
) -> None:
    overlay = _unproved()
    path = tunnel_of(overlay).paths[PEER]
    answer = icmp.EchoReply(identifier=path.identifier, sequence=path.sequence + ahead)
    own = address("192.168.100.31")
    overlay.handle("R31", IpReceived(TUNNEL, source, own, IpProtocol.ICMP, answer.serialize()))
    assert (path.state is PathState.PROVEN) is proved


def test_the_echo_is_a_whole_ip_packet_to_the_tunnel_address_of_the_peer() -> None:
    overlay = _unproved()
    echoes = [e for e in overlay.members["R31"].effects if isinstance(e, SendGre) and e.protocol == GRE_IPV4]
    assert echoes[0].nbma == PEER_NBMA
    assert echoes[0].payload[12:20] == address("192.168.100.31").packed + PEER.packed
    assert echoes[0].payload[9] == 1


def test_a_path_that_works_later_is_used_later() -> None:
    overlay = _unproved().run(30)
    overlay.fix()
    overlay.run(61)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    assert targets(overlay)["192.168.100.41/32"].reason is None


@pytest.mark.conforms("6.2.2-loss")
@pytest.mark.parametrize("offset", [0.0, 0.13, 0.31, 0.5, 0.77, 0.93, 0.999])
def test_a_direct_path_that_dies_is_left_within_three_seconds(offset: float) -> None:
    overlay = ready()
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


def test_leaving_a_path_takes_the_routes_back_before_the_neighbor_changes() -> None:
    overlay = ready()
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
    overlay = ready()
    make_shortcut(overlay)
    spoke = overlay.members["R31"]
    for _ in range(200):
        spoke.count(PEER_NBMA, sent=10)
        overlay.run(0.1)
        assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


def test_an_idle_path_is_not_probed() -> None:
    overlay = ready()
    make_shortcut(overlay)
    overlay.run(10)
    spoke = overlay.members["R31"]
    spoke.effects.clear()
    overlay.run(100)
    assert not [e for e in spoke.effects if isinstance(e, SendGre)]


@pytest.mark.conforms("3-failed", "frr-3475")
def test_a_path_that_works_in_one_direction_only_is_left_by_both() -> None:
    """Data that still arrives says nothing about our own packets."""
    overlay = ready()
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


@pytest.mark.lengthy
def test_with_all_hubs_dead_the_shortcut_lives_on() -> None:
    overlay = ready()
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


@pytest.mark.conforms("6.2.2-loss")
def test_a_peer_that_moved_is_found_again() -> None:
    overlay = cloud(unique=False).start().run(1)
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


def test_a_peer_that_moved_without_a_word_is_asked_for_when_its_lost_path_is_tried_again() -> None:
    """Its entry is good for two hours yet, and redirects about what is known already are ignored."""
    overlay = cloud(unique=False).start().run(1)
    make_shortcut(overlay)
    overlay.filter = lambda _, __, packet: not isinstance(packet, PurgeRequest)
    overlay.move("R41", "172.16.41.99")
    spoke = overlay.members["R31"]
    for _ in range(40):
        spoke.count(PEER_NBMA, sent=3)
        overlay.run(0.1)
    assert spoke.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    overlay.run(6)
    assert spoke.forwards("10.4.4.1") == (TUNNEL, address("172.16.41.99"))


def test_when_an_answer_names_another_address_packets_go_by_the_hub_until_that_is_proved() -> None:
    """The old one is nobody's now, and no echo has told so yet."""
    overlay = cloud(unique=False, holdtime=60).start().run(1)
    make_shortcut(overlay)
    spoke = overlay.members["R31"]
    spoke.count(PEER_NBMA, sent=10)
    overlay.run(30)
    overlay.filter = lambda _, __, packet: not isinstance(packet, PurgeRequest)
    overlay.move("R41", "172.16.41.99")
    overlay.cut("R31", "R41", both=False)
    assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    overlay.run(15)
    assert targets(overlay)["192.168.100.41/32"].nbma == address("172.16.41.99")
    assert spoke.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    overlay.fix()
    overlay.run(30)
    assert spoke.forwards("10.4.4.1") == (TUNNEL, address("172.16.41.99"))


def test_a_packet_of_nhrps_own_that_counters_show_a_moment_later_is_no_use() -> None:
    shared = Shared()
    usage = shared.usage_of(TUNNEL)[PEER_NBMA] = Usage(own=1)
    for sent in (0, 1):
        traffic = shared.take_in(UsageReported(TUNNEL, (PeerUsage(PEER_NBMA, sent, 0),)), float(sent))
        assert list(traffic.silent) == []
    assert usage.used_at is None
    shared.take_in(UsageReported(TUNNEL, (PeerUsage(PEER_NBMA, 2, 0),)), 2.0)
    assert usage.used_at == 2.0


def test_a_spoke_that_talks_to_another_alone_misses_a_dead_server_too() -> None:
    """It sends the server nothing, so silence says nothing; but what others send may come by it."""
    overlay = ready()
    make_shortcut(overlay)
    overlay.cut("R31", "R11")
    spoke = overlay.members["R31"]
    (client,) = tunnel_of(overlay).clients.values()
    assert client.is_responding
    for _ in range(120):
        spoke.count(PEER_NBMA, sent=1, received=1)
        overlay.run(0.1)
    assert not client.is_responding


def test_a_next_hop_that_is_forgotten_under_traffic_goes_by_the_hub_for_a_moment() -> None:
    """Routes need it no more before long; it is not asked for because of the packets in between."""
    overlay = ready()
    make_shortcut(overlay)
    spoke = overlay.members["R31"]
    spoke.count(PEER_NBMA, sent=10)
    overlay.run(2)
    overlay.handle("R31", ClearCache())
    assert spoke.adjacencies[PEER] == HUB_NBMA
    overlay.run(2)
    assert PEER not in spoke.adjacencies


@pytest.mark.parametrize("offset", [0.0, 0.4, 0.9, 1.3, 1.7, 1.99])
def test_a_path_that_died_while_it_was_idle_is_left_within_three_seconds_of_use(offset: float) -> None:
    overlay = ready()
    make_shortcut(overlay)
    overlay.run(120 + offset)
    overlay.cut("R31", "R41")
    spoke, used = overlay.members["R31"], overlay.now
    while spoke.forwards("10.4.4.1") != (TUNNEL, HUB_NBMA):
        spoke.count(PEER_NBMA, sent=10)
        overlay.run(0.05)
    assert overlay.now - used <= 3.0


def test_a_forwarded_request_cannot_talk_us_out_of_a_path_that_works() -> None:
    overlay = ready()
    make_shortcut(overlay)
    request = overlay.sent(ResolutionRequest, "R41")[0]
    forged = replace(request, request_id=4711, source_nbma=address("6.6.6.6"))
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, forged.serialize()))
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
