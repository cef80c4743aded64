"""Any packet that can be written, from anybody, at any router: nothing crashes, little is sent, books stay in order.

The packets are well-formed and speak of the addresses of the cloud, so that they get past the decoder and hit what is
behind it; what does not get past it is in test_every_packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.effects import GRE_NHRP, SendGre
from dmvpn.base.events import NhrpReceived
from dmvpn.features.nhrp.packet import ErrorIndication, NhrpPacket, RegistrationRequest, TrafficIndication, parse
from support.cloud import HUB, HUB_NBMA, PEER, PEER_NBMA, SPOKE, SPOKE_NBMA
from support.nhrp_strategies import packets_of
from support.overlay import TUNNEL, Overlay, address, cloud, make_shortcut

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

NAMES = ("R11", "R31", "R41")
NBMAS: tuple[IPAddress, ...] = (HUB_NBMA, SPOKE_NBMA, PEER_NBMA, address("6.6.6.6"), address("0.0.0.0"))
PROTOCOLS: tuple[IPAddress, ...] = (
    HUB,
    SPOKE,
    PEER,
    *(address(text) for text in ("10.1.1.1", "10.3.3.1", "10.4.4.1", "10.4.4.0", "10.99.0.1", "192.168.100.99")),
    *(address(text) for text in ("224.0.0.10", "255.255.255.255", "127.0.0.1", "172.16.41.1")),
)
packets = packets_of(st.sampled_from(NBMAS), st.sampled_from(PROTOCOLS))


def settled() -> Overlay:
    """A hub, two spokes, and a shortcut between them."""
    overlay = cloud()
    overlay.start()
    overlay.run(1)
    make_shortcut(overlay)
    overlay.packets.clear()
    return overlay


def sent(overlay: Overlay, name: str, packet: NhrpPacket, source: IPAddress) -> list[NhrpPacket]:
    """What a router sends because of a packet, at once."""
    effects = overlay.handle(name, NhrpReceived(TUNNEL, source, packet.serialize()))
    return [parse(e.payload) for e in effects if isinstance(e, SendGre) and e.protocol == GRE_NHRP]


@pytest.mark.lengthy
@pytest.mark.conforms("5.2.7-one", "frr-18925", "frr-21097", "frr-23065")
@given(st.lists(st.tuples(packets, st.sampled_from(NBMAS), st.sampled_from(NAMES)), max_size=8))
def test_no_packet_crashes_anybody_and_each_causes_at_most_one_error(
    storm: list[tuple[NhrpPacket, IPAddress, str]],
) -> None:
    overlay = settled()
    for packet, source, name in storm:
        because = sent(overlay, name, packet, source)
        errors = [p for p in because if isinstance(p, ErrorIndication) and p != packet]
        if isinstance(packet, ErrorIndication):
            forwarded = [p for p in because if isinstance(p, ErrorIndication) and p.packet == packet.packet]
            assert because == forwarded
            assert len(forwarded) <= 1
        elif isinstance(packet, TrafficIndication):
            assert len(because) <= 1
        else:
            assert len(errors) <= 1
            assert not errors or len(because) == 1, "an error about a packet means that it was not acted on"
        overlay.run(0.5)
    overlay.run(30)
    for member in overlay.members.values():
        (tunnel,) = member.machine.tunnels
        assert member.adjacencies == {hop: to.nbma for hop, to in tunnel.adjacencies.items()}
        assert len(tunnel.cache) <= 200
        assert tunnel.cache._requesters == sum(len(e.requesters or {}) for e in tunnel.cache.entries())
        assert list(tunnel.cache.local.values()) == [e for e in tunnel.cache.local.values() if e.is_local]


@pytest.mark.conforms("6.1-routes")
@given(packets, st.sampled_from(NBMAS[:3]))
def test_no_packet_that_is_passed_on_goes_round_for_ever(packet: NhrpPacket, source: IPAddress) -> None:
    overlay = settled()
    overlay.handle("R11", NhrpReceived(TUNNEL, source, packet.serialize()))
    overlay.run(5)
    same = [s for s in overlay.packets if type(s.packet) is type(packet)]
    assert len(same) <= 40


@pytest.mark.lengthy
@given(st.lists(st.tuples(packets, st.sampled_from(NBMAS[3:])), max_size=10))
def test_a_stranger_takes_nothing_away(storm: list[tuple[NhrpPacket, IPAddress]]) -> None:
    """From an address that is nobody's, a packet may add hearsay; the registrations and the path that work stay.

    (A spoke would be the server of whoever registers with it, as any router with NHRP is: that is left out.)
    """
    overlay = settled()
    for packet, source in storm:
        for name in NAMES:
            registers = name != "R11" and isinstance(packet, RegistrationRequest)
            if not isinstance(packet, ErrorIndication) and not registers:
                overlay.handle(name, NhrpReceived(TUNNEL, source, packet.serialize()))
    hub = overlay.members["R11"]
    assert hub.adjacencies[SPOKE] == SPOKE_NBMA
    assert hub.adjacencies[PEER] == PEER_NBMA
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
