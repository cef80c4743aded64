"""Which addresses outside of the tunnel's subnet a client may register: those that routing gives to nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import Route, RouteChanged, RouteSource
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationReply, RegistrationRequest
from dmvpn.features.nhrp.parts import CieCode, ClientInfo
from dmvpn.features.nhrp.reasons import Refusal
from support.cloud import HUB, PEER, PEER_NBMA, SPOKE, SPOKE_NBMA, ready, receive, refused, targets
from support.overlay import TUNNEL, Overlay, address, cloud

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

#: A host in the site of R31, and one that no route leads to.
HOST, NOWHERE = address("10.3.3.100"), address("10.77.0.1")


def register(overlay: Overlay, target: IPAddress, by: IPAddress = PEER, at: IPAddress = PEER_NBMA) -> int:
    """A client registers one address with the hub; the code of the answer."""
    packet = RegistrationRequest(
        source_nbma=at,
        source_protocol=by,
        destination_protocol=HUB,
        flags=RegistrationFlag.NAT,
        request_id=4711,
        cies=(ClientInfo(prefix_length=32, holding_time=600, protocol=target),),
    )
    receive(overlay, "R11", packet, at)
    return overlay.sent(RegistrationReply, "R11")[-1].cies[0].code


def put_route(overlay: Overlay, prefix: str, *hops: NextHop, kind: RouteKind = RouteKind.FORWARD) -> None:
    """A route appears at the hub."""
    route = Route(prefix=Prefix.parse(prefix), source=RouteSource.STATIC, distance=1, next_hops=hops, kind=kind)
    overlay.members["R11"].rib.known.append(route)
    overlay.handle("R11", RouteChanged(route.prefix, None, route))


def test_a_member_does_not_get_the_packets_of_a_host_behind_another_one() -> None:
    """It was accepted, and every other spoke that asked for the host was told to send to the thief."""
    overlay = ready()
    assert register(overlay, HOST) == CieCode.ADMINISTRATIVELY_PROHIBITED
    assert "10.3.3.100/32" not in targets(overlay, "R11")
    assert refused(overlay, "R11")[Refusal.ROUTED_ELSEWHERE] == 1
    assert overlay.log_texts("R11")[-1] == (
        "%NHRP-4-REGREFUSED: Tunnel100: 10.3.3.100 is not registered for 172.16.41.1: "
        "registered address that is routed to another station"
    )


def test_the_station_itself_may_register_what_is_routed_to_it() -> None:
    overlay = ready()
    assert register(overlay, HOST, by=SPOKE, at=SPOKE_NBMA) == CieCode.SUCCESS
    assert targets(overlay, "R11")["10.3.3.100/32"].nbma == SPOKE_NBMA


def test_who_calls_himself_by_the_name_of_another_station_is_not_that_station() -> None:
    overlay = ready()
    assert register(overlay, HOST, by=SPOKE, at=PEER_NBMA) == CieCode.ADMINISTRATIVELY_PROHIBITED


def test_a_default_route_says_nothing_of_whose_an_address_is() -> None:
    overlay = ready()
    put_route(overlay, "0.0.0.0/0", NextHop("GigabitEthernet0/1", address("172.16.11.254")))
    assert register(overlay, NOWHERE) == CieCode.SUCCESS


@pytest.mark.parametrize(
    ("hops", "kind", "code"),
    [
        ((), RouteKind.DISCARD, CieCode.ADMINISTRATIVELY_PROHIBITED),
        ((NextHop("GigabitEthernet0/2"),), RouteKind.FORWARD, CieCode.ADMINISTRATIVELY_PROHIBITED),
        ((NextHop(TUNNEL, SPOKE), NextHop(TUNNEL, PEER)), RouteKind.FORWARD, CieCode.ADMINISTRATIVELY_PROHIBITED),
        ((NextHop(TUNNEL, address("192.168.100.99")),), RouteKind.FORWARD, CieCode.ADMINISTRATIVELY_PROHIBITED),
        ((NextHop(TUNNEL, PEER),), RouteKind.FORWARD, CieCode.SUCCESS),
        ((NextHop(TUNNEL),), RouteKind.FORWARD, CieCode.SUCCESS),  # whose it is on the link NHRP says
    ],
)
def test_the_longest_route_decides_whose_an_address_is(
    hops: tuple[NextHop, ...], kind: RouteKind, code: CieCode
) -> None:
    overlay = ready()
    put_route(overlay, "10.77.0.0/16", *hops, kind=kind)
    assert register(overlay, NOWHERE) == code


def test_an_entry_goes_when_routing_says_that_the_address_is_behind_another_station() -> None:
    overlay = ready()
    assert register(overlay, NOWHERE) == CieCode.SUCCESS
    overlay.route("R11", "10.77.0.0/24", str(SPOKE))
    assert "10.77.0.1/32" not in targets(overlay, "R11")
    assert NOWHERE not in overlay.members["R11"].adjacencies
    assert register(overlay, NOWHERE) == CieCode.ADMINISTRATIVELY_PROHIBITED


def test_an_entry_stays_when_a_route_to_its_own_station_comes_or_goes() -> None:
    overlay = ready()
    assert register(overlay, NOWHERE) == CieCode.SUCCESS
    overlay.route("R11", "10.77.0.0/24", str(PEER))
    overlay.route("R11", "10.77.0.0/24", None)
    assert targets(overlay, "R11")["10.77.0.1/32"].nbma == PEER_NBMA


def test_who_said_it_was_a_station_that_had_not_come_yet_loses_what_it_got_when_that_comes() -> None:
    overlay = cloud()
    overlay.start("R11", "R41")
    overlay.run(2)
    assert register(overlay, HOST, by=SPOKE, at=PEER_NBMA) == CieCode.SUCCESS  # nobody knows better
    overlay.start("R31")
    overlay.run(2)
    assert "10.3.3.100/32" not in targets(overlay, "R11")
    assert targets(overlay, "R11")["192.168.100.31/32"].nbma == SPOKE_NBMA


def test_a_hub_with_a_host_mask_takes_clients_that_no_route_leads_to() -> None:
    """FRR gives tunnel interfaces a /32, so that every client is outside of the subnet."""
    overlay = cloud()
    overlay.start("R11")
    hub = overlay.members["R11"]
    state = replace(hub.interfaces.states[0], prefix_length=32)
    hub.interfaces.states[0] = state
    hub.rib.known = []
    hub.machine.tunnels[0].follow(state)
    overlay.start("R31")
    overlay.run(2)
    assert targets(overlay, "R11")["192.168.100.31/32"].nbma == SPOKE_NBMA


@pytest.mark.parametrize(("length", "code"), [(24, CieCode.ADMINISTRATIVELY_PROHIBITED), (31, CieCode.SUCCESS)])
def test_the_last_address_of_a_subnet_is_nobodys_unless_the_subnet_has_only_two(length: int, code: CieCode) -> None:
    overlay = cloud()
    overlay.start("R11")
    hub = overlay.members["R11"]
    own = address("192.168.100.254")
    state = replace(hub.interfaces.states[0], address=own, prefix_length=length)
    hub.interfaces.states[0] = state
    hub.machine.tunnels[0].follow(state)
    packet = RegistrationRequest(
        source_nbma=PEER_NBMA,
        source_protocol=address("192.168.100.255"),
        destination_protocol=own,
        flags=RegistrationFlag.NAT,
        request_id=1,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
    )
    receive(overlay, "R11", packet, PEER_NBMA)
    assert overlay.sent(RegistrationReply)[-1].cies[0].code == code
    assert refused(overlay, "R11").get(Refusal.NO_STATION, 0) == (code != CieCode.SUCCESS)
