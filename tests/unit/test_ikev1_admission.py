"""Which end begins a main mode that replaces an ISAKMP SA, and who may while a router has as many as it wants."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.events import IpReceived
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint
from dmvpn.features.ike.v1.peers import LARGEST_NUMBER_OF_RENEWALS
from dmvpn.features.ike.v1.sa import IsakmpSa
from dmvpn.net.udp import UdpDatagram
from support.ike_machines import ISAKMP, MachineFlight, MachineNet, Node, crosswise

HUB, SPOKE, INSIDE, NAT = "198.51.100.1", "203.0.113.10", "192.168.1.2", "203.0.113.99"
SHORT = ISAKMP.replace("lifetime 3600", "lifetime 60")
ONE, FEW = "crypto ikev2 limit max-sa 1\n", "crypto ikev2 limit max-in-negotation-sa 1\n"
MAIN, QUICK = 2, 32


def sas_of(node: Node) -> list[IsakmpSa]:
    return [sa for sa in node.machine.sessions if isinstance(sa, IsakmpSa)]


def begins(flight: MachineFlight) -> bool:
    """Is it a message 1 of main mode?"""
    octets = flight.datagram.payload.removeprefix(bytes(4))
    return octets[18:19] == bytes([MAIN]) and octets[8:16] == bytes(8)


def quick_modes(net: MachineNet) -> dict[bytes, IPv4Address]:
    """Which address began each quick mode."""
    found: dict[bytes, IPv4Address] = {}
    for flight in net.log:
        octets = flight.datagram.payload.removeprefix(bytes(4))
        if octets[18:19] == bytes([QUICK]):
            found.setdefault(octets[20:24], flight.sender)
    return found


def repeated(hub: Node, first: bytes, source: str, cookies: range) -> None:
    """Message 1 comes from an address, with each of these cookies."""
    at = IPv4Address(source)
    for number in cookies:
        octets = number.to_bytes(8, "big") + first[8:]
        datagram = UdpDatagram(source_port=500, destination_port=500, payload=octets)
        hub.tell(IpReceived("GigabitEthernet1", at, hub.address, 17, datagram.serialize(at, hub.address)))


# ------------------------------------------------------------------------------------------------------ a full router


@pytest.mark.parametrize("limit", [ONE, FEW], ids=["all", "half-open"])
def test_a_full_router_lets_its_peers_replace_their_isakmp_sas(limit: str) -> None:
    """A hub with as many SAs as its limit permits refused every rekey, and lost each spoke after the lifetime."""
    net = MachineNet()
    hub, spoke = net.node(HUB, SHORT + limit), net.node(SPOKE, SHORT)
    spoke.want(hub)
    cookies: dict[bytes, bool] = {}
    for _ in range(300):
        net.run(1)
        assert crosswise(hub, spoke), (net.now, hub.logs)
        cookies |= {sa.own_spi: True for sa in sas_of(hub) if sa.is_usable}
    assert len(cookies) >= 5
    assert not [line for line in hub.logs if "no more are wanted" in line]


def test_a_full_router_refuses_another_peer_behind_the_address_of_a_known_one() -> None:
    net = MachineNet(nats={IPv4Address(INSIDE): IPv4Address(NAT), IPv4Address("192.168.1.3"): IPv4Address(NAT)})
    net.shift = {IPv4Address("192.168.1.3"): 2000}
    hub, known, other = net.node(HUB, SHORT + ONE), net.node(INSIDE, SHORT), net.node("192.168.1.3", SHORT)
    known.want(hub)
    net.run(1)
    assert crosswise(hub, known)
    other.want(hub)
    net.run(20)
    assert crosswise(hub, known)
    assert not other.pairs
    assert [line for line in hub.logs if "no more are wanted" in line]


def test_who_forges_the_address_of_a_peer_gets_few_slots_and_does_not_keep_the_peer_out() -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB, SHORT + ONE), net.node(SPOKE, SHORT)
    spoke.want(hub)
    net.run(1)
    first = next(flight for flight in net.log if begins(flight)).datagram.payload
    repeated(hub, first, SPOKE, range(1, 101))
    assert len([sa for sa in sas_of(hub) if sa.is_half_open]) == LARGEST_NUMBER_OF_RENEWALS
    repeated(hub, first, "203.0.113.77", range(1, 101))
    assert len([sa for sa in sas_of(hub) if sa.is_half_open]) == LARGEST_NUMBER_OF_RENEWALS
    (old,) = [sa for sa in sas_of(hub) if sa.is_usable]
    for number in range(1000, 2000):
        repeated(hub, first, SPOKE, range(number, number + 1))
        net.run(0.1)
        assert len([sa for sa in sas_of(hub) if sa.is_half_open]) <= LARGEST_NUMBER_OF_RENEWALS
        assert crosswise(hub, spoke)
    assert old.is_dead


def test_a_peer_that_its_nat_moves_during_main_mode_leaves_no_slot_of_its_old_address_behind() -> None:
    """Each such peer stayed in memory, and the bound of an address did not hold any more."""
    net = MachineNet()
    hub, spoke = net.node(HUB, SHORT + ONE), net.node(SPOKE, SHORT)
    spoke.want(hub)
    net.run(1)
    first = next(flight for flight in net.log if begins(flight)).datagram.payload
    repeated(hub, first, SPOKE, range(1, 1 + LARGEST_NUMBER_OF_RENEWALS))
    for sa in sas_of(hub):
        if sa.is_half_open:
            sa.move(DatagramPath(sa.path.local, Endpoint(IPv4Address(NAT), 4500)))
    net.run(35)
    assert not [sa for sa in sas_of(hub) if sa.is_half_open]
    repeated(hub, first, SPOKE, range(101, 201))
    assert len([sa for sa in sas_of(hub) if sa.is_half_open]) == LARGEST_NUMBER_OF_RENEWALS


def test_forged_beginnings_do_not_fill_a_router_whose_number_of_sas_is_limited() -> None:
    """A hub with `limit max-sa 5` refused each new spoke while a stranger sent it forged first messages."""
    net = MachineNet()
    hub, spoke = net.node(HUB, SHORT + "crypto ikev2 limit max-sa 5\n"), net.node(SPOKE, SHORT)
    spoke.want(hub)
    net.run(1)
    first = next(flight for flight in net.log if begins(flight)).datagram.payload
    for number in range(50):
        repeated(hub, first, f"10.66.0.{number}", range(1, 2))
    newcomer = net.node("203.0.113.20", SHORT)
    newcomer.want(hub)
    net.run(1)
    assert newcomer.pairs, hub.logs


def test_newcomers_that_begin_together_do_not_exceed_the_number_of_sas() -> None:
    net = MachineNet()
    hub = net.node(HUB, SHORT + "crypto ikev2 limit max-sa 2\n")
    spokes = [net.node(f"203.0.113.{number}", SHORT) for number in range(10, 15)]
    for spoke in spokes:
        spoke.want(hub)
    net.run(5)
    assert len([spoke for spoke in spokes if spoke.pairs]) == 2
    assert len([sa for sa in sas_of(hub) if sa.is_usable]) == 2
    assert len([line for line in hub.logs if "no more are wanted" in line]) == 3


@pytest.mark.lengthy
def test_five_thousand_spokes_that_begin_at_once_keep_their_places() -> None:
    """A hub that had restarted dropped most of its spokes half-way: the last one was back after more than a minute."""
    net = MachineNet()
    hub, spoke = net.node(HUB, SHORT), net.node(SPOKE, SHORT)
    spoke.want(hub)
    net.run(1)
    first = next(flight for flight in net.log if begins(flight)).datagram.payload
    for number in range(5000):
        repeated(hub, first, f"10.66.{number >> 8}.{number & 255}", range(1, 2))
    assert len([sa for sa in sas_of(hub) if sa.is_half_open]) == 5000


# ------------------------------------------------------------------------------------------------------ responder-only


def test_a_responder_only_router_begins_no_main_mode_and_no_quick_mode_for_new_sas_either() -> None:
    """The hub replaced ISAKMP SAs and pairs itself, at addresses where a spoke may accept nothing from outside."""
    net = MachineNet()
    hub, spoke = net.node(HUB, SHORT, responder_only=True, seconds=40.0), net.node(SPOKE, SHORT, seconds=40.0)
    spoke.want(hub)
    cookies: dict[bytes, bool] = {}
    for _ in range(300):
        net.run(1)
        assert crosswise(hub, spoke), (net.now, hub.logs)
        cookies |= {sa.own_spi: True for sa in sas_of(hub) if sa.is_usable}
    assert len(cookies) >= 5
    assert not [flight for flight in net.log if begins(flight) and flight.sender == hub.address]
    assert set(quick_modes(net).values()) == {spoke.address}


def test_what_a_responder_only_router_has_with_a_silent_peer_ends_after_its_lifetime() -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB, SHORT, responder_only=True, seconds=40.0), net.node(SPOKE, SHORT, seconds=40.0)
    spoke.want(hub)
    net.run(1)
    del net.nodes[spoke.address]
    before = len(net.log)
    net.run(200)
    assert not hub.pairs
    assert not sas_of(hub)
    assert not [flight for flight in net.log[before:] if begins(flight)]
