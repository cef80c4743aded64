"""Redirects: who is told that there is a shorter way, and who asks for it (draft-detienne-dmvpn-01)."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.events import Hairpin, NhrpReceived
from dmvpn.features.nhrp import ways
from dmvpn.features.nhrp.packet import RegistrationRequest, ResolutionRequest, TrafficIndication
from dmvpn.net import icmp
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, IpProtocol, Ipv4Packet
from support.cloud import HUB_NBMA, SPOKE_NBMA, ready, tunnel_of
from support.overlay import TUNNEL, address, cloud, data_packet, hairpin


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
    overlay.start()
    overlay.run(1)
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
    monkeypatch.setattr(ways, "LARGEST_MEMORY", 10)
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
