"""NHRP and VRFs: networks with equal prefixes and numbers, each inside a VRF of its own, over one front door."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.effects import InVrf, SendGre, SetRoute
from dmvpn.base.events import IpReceived, NhrpReceived, Unresolved
from dmvpn.features.nhrp.packet import (
    NhrpPacket,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
    parse,
)
from dmvpn.features.nhrp.parts import ClientInfo
from dmvpn.net import icmp
from support.whole_router import GI, WholeRouter

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect

HUB, OWN, PEER = (IPv4Address(f"192.168.100.{number}") for number in (11, 31, 41))
HUB_NBMA, PEER_NBMA = IPv4Address("172.16.11.1"), IPv4Address("172.16.41.1")
FRONT_DOOR = f"""vrf definition WAN
 address-family ipv4
vrf definition RED
 address-family ipv4
vrf definition BLUE
 address-family ipv4
interface {GI}
 vrf forwarding WAN
 ip address 172.16.31.1 255.255.255.252
ip route vrf WAN 0.0.0.0 0.0.0.0 172.16.31.2
"""


def tunnels(address: IPv4Address, *lines: str) -> str:
    """Two tunnels with equal addresses, in RED and in BLUE."""
    more = "".join(f" {line}\n" for line in lines)
    return "".join(
        f"interface Tunnel{key}\n vrf forwarding {vrf}\n ip address {address} 255.255.255.0\n"
        f" ip nhrp network-id 1\n{more} tunnel source {GI}\n tunnel mode gre multipoint\n"
        f" tunnel key {key}\n tunnel vrf WAN\n"
        for vrf, key in (("RED", 1), ("BLUE", 2))
    )


SPOKE = FRONT_DOOR + tunnels(OWN, f"ip nhrp nhs {HUB} nbma {HUB_NBMA} multicast", "ip nhrp shortcut")


def packets(effects: list[Effect], kind: type[NhrpPacket]) -> list[tuple[str, NhrpPacket]]:
    """Return the packets of NHRP of this kind, each with its tunnel."""
    sent = [(one.tunnel, parse(one.payload)) for one in effects if isinstance(one, SendGre)]
    return [(tunnel, packet) for tunnel, packet in sent if isinstance(packet, kind)]


def registration(number: int) -> bytes:
    return RegistrationRequest(
        source_nbma=PEER_NBMA,
        source_protocol=PEER,
        destination_protocol=HUB,
        flags=RegistrationFlag.NAT,
        request_id=number,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
    ).serialize()


def test_a_client_of_one_vrf_is_unknown_in_another() -> None:
    hub = WholeRouter(FRONT_DOOR + tunnels(HUB, "ip nhrp map multicast dynamic"))
    effects = hub.take(NhrpReceived("Tunnel1", PEER_NBMA, registration(1)))
    assert [tunnel for tunnel, _ in packets(effects, RegistrationReply)] == ["Tunnel1"]
    assert any(str(PEER) in line for line in hub.show("show ip nhrp vrf RED"))
    assert not any(str(PEER) in line for line in hub.show("show ip nhrp vrf BLUE"))
    assert any(str(PEER) in line for line in hub.show("show dmvpn vrf RED"))
    assert not any(str(PEER) in line for line in hub.show("show dmvpn vrf BLUE"))
    assert 'Interface Tunnel1 is up/up, Addr. is 192.168.100.11, VRF "RED" ' in hub.show("show dmvpn detail")
    assert '   Tunnel Src./Dest. addr: 172.16.31.1/MGRE, Tunnel VRF "WAN"' in hub.show("show dmvpn detail")


def test_networks_of_one_number_in_two_vrfs_are_two_networks() -> None:
    """A request that comes by the tunnel of BLUE never leaves by the tunnel of RED."""
    hub = WholeRouter(FRONT_DOOR + tunnels(HUB))
    hub.take(NhrpReceived("Tunnel1", PEER_NBMA, registration(1)))
    question = ResolutionRequest(
        source_nbma=IPv4Address("172.16.51.1"),
        source_protocol=IPv4Address("192.168.100.51"),
        destination_protocol=PEER,
        flags=ResolutionFlag.ROUTER,
        request_id=9,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
    )
    effects = hub.take(NhrpReceived("Tunnel2", IPv4Address("172.16.51.1"), question.serialize()))
    assert "Tunnel1" not in [one.tunnel for one in effects if isinstance(one, SendGre)]


def test_a_shortcut_is_a_route_of_the_vrf_inside() -> None:
    spoke = WholeRouter(SPOKE)
    requests = dict(packets(spoke.effects, RegistrationRequest))
    assert sorted(requests) == ["Tunnel1", "Tunnel2"]
    for tunnel, request in requests.items():
        assert isinstance(request, RegistrationRequest)
        confirmed = RegistrationReply(
            source_nbma=request.source_nbma,
            source_protocol=OWN,
            destination_protocol=HUB,
            flags=request.flags,
            request_id=request.request_id,
            cies=(ClientInfo(prefix_length=32, holding_time=600),),
            extensions=(),
        )
        spoke.take(NhrpReceived(tunnel, HUB_NBMA, confirmed.serialize()))
    [(tunnel, question)] = packets(spoke.take(Unresolved("Tunnel1", PEER)), ResolutionRequest)
    assert isinstance(question, ResolutionRequest)
    assert tunnel == "Tunnel1"
    answer = ResolutionReply(
        source_nbma=question.source_nbma,
        source_protocol=OWN,
        destination_protocol=PEER,
        flags=question.flags,
        request_id=question.request_id,
        cies=(ClientInfo(prefix_length=32, holding_time=600, nbma=PEER_NBMA, protocol=PEER),),
    )
    effects = spoke.take(NhrpReceived("Tunnel1", PEER_NBMA, answer.serialize()))
    [echo] = [one.payload for one in effects if isinstance(one, SendGre) and one.protocol == 0x0800]
    reply = icmp.EchoReply(identifier=int.from_bytes(echo[24:26], "big"), sequence=int.from_bytes(echo[26:28], "big"))
    effects = spoke.take(IpReceived("Tunnel1", PEER, OWN, 1, reply.serialize(), ttl=255, tos=192, vrf="RED"))
    assert [one.vrf for one in effects if isinstance(one, InVrf) and isinstance(one.effect, SetRoute)] == ["RED"]
    assert any(f"{PEER}/32" in line for line in spoke.show("show ip nhrp vrf RED"))
    assert not any(f"{PEER}/32" in line for line in spoke.show("show ip nhrp vrf BLUE"))
    routes = spoke.router.ports.rib_of("RED")
    assert routes is not None
    assert str(PEER) in {str(route.prefix.address) for route in routes.routes()}
    for vrf in ("", "BLUE", "WAN"):
        others = spoke.router.ports.rib_of(vrf)
        assert others is not None
        assert str(PEER) not in {str(route.prefix.address) for route in others.routes()}


def test_a_tunnel_that_moves_to_another_vrf_takes_its_shortcuts_out_of_the_old_one() -> None:
    spoke = WholeRouter(SPOKE)
    effects = spoke.enter("interface Tunnel1", " vrf forwarding BLUE")
    assert not [one for one in effects if isinstance(one, SetRoute)]
    assert not [
        one for one in effects if isinstance(one, InVrf) and one.vrf == "RED" and isinstance(one.effect, SetRoute)
    ]
    assert not any("Tunnel1" in line for line in spoke.show("show ip nhrp vrf RED"))
