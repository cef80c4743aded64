"""A member of the network turns against it: valid keys, our own protocol, and words that are not true."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.nhrp.model import DEFAULT_HEARSAY
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, ForwardTransitRecord
from support.hostile import HostileMember
from support.nats import lost
from support.secured import said
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.world import Wiretap

HUB, HUB_NBMA = "10.0.0.1", "198.51.100.1"
VICTIM_HOST = "192.168.10.100"


def _with(line: str, router: str = "HUB") -> Callable[[str, str], str]:
    """One more NHRP line on a router."""

    def change(name: str, text: str) -> str:
        return text.replace(" ip nhrp network-id", f" {line}\n ip nhrp network-id") if name == router and line else text

    return change


@pytest.mark.parametrize("line", ["", "ip nhrp bind identity"])
def test_nobody_gets_the_packets_of_a_host_in_another_site_by_registering_it(line: str) -> None:
    """SPOKE20 registered H10's address: the hub took it, and whoever asked for H10 was sent to SPOKE20."""
    world = World("intro-phase3", change=_with(line)).converge()
    world.run_for(5)
    thief = HostileMember(world, "SPOKE20")
    codes = thief.answers()
    thief.register(HUB, HUB_NBMA, ClientInfo(prefix_length=32, holding_time=7200, protocol=ip_address(VICTIM_HOST)))
    world.run_for(2)
    assert codes == [CieCode.ADMINISTRATIVELY_PROHIBITED]
    assert not re.search(rf"^{VICTIM_HOST}", world.do("HUB", "show ip nhrp"), re.M)
    (told,) = said(world, "HUB", "%NHRP-4-REGREFUSED")
    assert VICTIM_HOST in told
    assert "Refused: 1 registered address that is routed to another station" in world.show(
        "HUB", "ip nhrp traffic detail"
    )
    assert lost(world, "H20", VICTIM_HOST, seconds=5) == 0


@pytest.mark.parametrize("guarded", [True, False])
def test_what_was_free_when_a_member_took_it_is_given_back_when_routing_says_whose_it_is(guarded: bool) -> None:
    """guarded: the hub has a Null0 route for all sites, so that nothing of them is ever free."""
    guard = r"^ip route 192\.168\.0\.0 255\.255\.0\.0 Null0.*\n"

    def change(router: str, text: str) -> str:
        if router != "HUB" or guarded:
            return text
        assert re.search(guard, text, re.M)
        return re.sub(guard, "", text, flags=re.M)

    world = World("intro-phase3", change=change).converge()
    world.run_for(5)
    world.configure("SPOKE10", "interface GigabitEthernet2", "shutdown")
    world.run_for(5)
    thief = HostileMember(world, "SPOKE20")
    codes = thief.answers()
    thief.register(HUB, HUB_NBMA, ClientInfo(prefix_length=32, holding_time=7200, protocol=ip_address(VICTIM_HOST)))
    world.run_for(2)
    assert codes == [CieCode.ADMINISTRATIVELY_PROHIBITED if guarded else CieCode.SUCCESS]
    world.configure("SPOKE10", "interface GigabitEthernet2", "no shutdown")
    world.run_for(20)
    assert not re.search(rf"^{VICTIM_HOST}", world.do("HUB", "show ip nhrp"), re.M)
    assert lost(world, "H20", VICTIM_HOST, seconds=5) == 0


def test_a_host_is_given_back_when_the_station_takes_its_own_address_back() -> None:
    """SPOKE20 registered SPOKE10's address and a host behind it; SPOKE10 got its own back, the thief kept the host."""
    world = World("intro-phase3", change=_with("ip nhrp registration no-unique", "SPOKE10")).converge()
    world.run_for(5)
    thief = HostileMember(world, "SPOKE20")
    codes = thief.answers()
    thief.register(
        HUB,
        HUB_NBMA,
        ClientInfo(prefix_length=32, holding_time=7200, protocol=ip_address("10.0.0.10")),
        ClientInfo(prefix_length=32, holding_time=7200, protocol=ip_address(VICTIM_HOST)),
    )
    world.run_for(1)
    assert codes == [CieCode.SUCCESS] * 2  # without `bind identity` and unique addresses
    world.configure("SPOKE10", "interface Tunnel0", "ip nhrp registration timeout 60")
    world.run_for(3)
    assert "203.0.113.10" in world.show("HUB", "ip nhrp 10.0.0.10")
    assert re.search(r"^D +192\.168\.10\.0/24 .* via 10\.0\.0\.10,", world.do("HUB", "show ip route"), re.M)
    assert not re.search(rf"^{VICTIM_HOST}", world.do("HUB", "show ip nhrp"), re.M)


def test_nobody_gets_what_leaves_the_network_by_the_hub_by_registering_an_address_of_the_internet() -> None:
    """SPOKE20 registered an address that the hub sends by its default route, and told SPOKE10 of a shorter way."""
    far = "192.0.2.80"
    world = World("intro-phase3").converge()
    world.configure("SPOKE10", "ip route 192.0.2.0 255.255.255.0 10.0.0.1")  # the Internet, by the hub
    world.configure("SPOKE20", "interface Loopback8", f"ip address {far} 255.255.255.255")
    thief = HostileMember(world, "SPOKE20")
    thief.register(HUB, HUB_NBMA, ClientInfo(prefix_length=32, holding_time=7200, protocol=ip_address(far)))
    world.run_for(1)
    thief.redirect("192.168.10.100", far, "203.0.113.10")
    thief.redirect("192.168.10.100", far, HUB_NBMA)
    world.run_for(3)
    assert "203.0.113.20" not in world.show("SPOKE10", f"ip nhrp {far}")
    assert not re.search(r"^H .*192\.0\.2\.80", world.do("SPOKE10", "show ip route"), re.M)


@pytest.mark.parametrize("edge", ["10.0.0.0", "10.0.0.255"])
def test_nobody_registers_the_subnet_or_everybody_in_it(edge: str) -> None:
    world = World("intro-phase3").converge()
    thief = HostileMember(world, "SPOKE20")
    codes = thief.answers()
    thief.register(HUB, HUB_NBMA, ClientInfo(prefix_length=32, holding_time=7200, protocol=ip_address(edge)))
    world.run_for(2)
    assert codes == [CieCode.ADMINISTRATIVELY_PROHIBITED]
    assert "network or broadcast address" in world.show("HUB", "ip nhrp traffic detail")


def test_nobody_registers_half_of_the_subnet_and_locks_out_those_who_are_not_there_yet() -> None:
    """A /25 was one entry of 32, held for hours; with `bind identity` no spoke in it could register any more."""
    world = World("intro-phase3", change=_with("ip nhrp bind identity")).converge()
    thief = HostileMember(world, "SPOKE20")
    codes = thief.answers()
    prefixes = (("10.0.0.128", 25), ("10.0.0.254", 31), ("10.0.0.64", 26))
    for address, length in prefixes:
        thief.register(HUB, HUB_NBMA, ClientInfo(prefix_length=length, holding_time=7200, protocol=ip_address(address)))
        world.run_for(1)
    prohibited, full = CieCode.ADMINISTRATIVELY_PROHIBITED, CieCode.INSUFFICIENT_RESOURCES
    assert codes == [prohibited, prohibited, full]  # two of them hold the broadcast address
    for address, length in (("10.0.0.64", 28), ("10.0.0.80", 28)):
        thief.register(HUB, HUB_NBMA, ClientInfo(prefix_length=length, holding_time=7200, protocol=ip_address(address)))
        world.run_for(1)
    assert codes[3:] == [CieCode.SUCCESS, full]  # 1 + 16 addresses, and 16 more


# ------------------------------------------------------------------------------------------------- IKE to strangers


def _strangers(count: int) -> tuple[ClientInfo, ...]:
    """Stations that nobody has, each at another address of the Internet."""
    return tuple(
        ClientInfo(
            prefix_length=32,
            holding_time=65535,
            nbma=ip_address("192.0.2.1") + number,
            protocol=ip_address("10.0.0.100") + number,
        )
        for number in range(count)
    )


def _knocked_on(tap: Wiretap) -> set[str]:
    """Addresses of the invented stations to which something went."""
    return {destination for _, destination in tap.ends() if destination.startswith("192.0.2.")}


def test_a_hub_sends_no_ike_to_addresses_that_a_member_registers() -> None:
    """1,280 octets made it send IKE to 20 chosen addresses for hours, 363 times as many octets."""
    world = World("intro-phase3").converge()
    world.run_for(5)
    tap = world.watch("HUB", "GigabitEthernet1")
    member = HostileMember(world, "SPOKE20")
    codes = member.answers()
    member.register(HUB, HUB_NBMA, *_strangers(20))
    world.run_for(120)
    assert codes == [CieCode.ADMINISTRATIVELY_PROHIBITED] * 20
    assert _knocked_on(tap) == set()
    assert "Refused: 20 NBMA address of another station, which only a server may register" in world.show(
        "HUB", "ip nhrp traffic detail"
    )


def test_a_forward_record_that_a_member_writes_itself_makes_nobody_elses_address_true() -> None:
    world = World("intro-phase3").converge()
    world.run_for(5)
    tap = world.watch("HUB", "GigabitEthernet1")
    member = HostileMember(world, "SPOKE20")
    server = ClientInfo(prefix_length=32, nbma=ip_address("192.0.2.99"), protocol=ip_address("10.0.0.99"))
    member.register(
        HUB,
        HUB_NBMA,
        ClientInfo(prefix_length=32, holding_time=600, protocol=ip_address("10.0.0.66")),
        extensions=(ForwardTransitRecord(entries=(server,)),),
        nbma_in_it="192.0.2.66",
    )
    world.run_for(30)
    assert _knocked_on(tap) == set()
    shown = world.show("HUB", "ip nhrp 10.0.0.66")
    assert "NBMA address: 203.0.113.20" in shown
    assert "(Claimed NBMA address: 192.0.2.66)" in shown


@pytest.mark.parametrize("way", ["straight", "by the hub"])
def test_what_one_member_says_of_others_sends_ike_to_a_few_new_addresses_a_minute(way: str) -> None:
    world = World("intro-phase3").converge()
    lost(world, "H10", "192.168.20.100", seconds=3)  # the two spokes know each other
    tap = world.watch("SPOKE10", "GigabitEthernet1")
    member = HostileMember(world, "SPOKE20")
    to = "203.0.113.10" if way == "straight" else HUB_NBMA
    for number in range(100):
        station = ip_address("10.0.0.100") + number, ip_address("192.0.2.1") + number
        member.ask("192.168.10.100", to, as_if=station)
        world.run_for(0.5)
    assert 0 < len(_knocked_on(tap)) <= DEFAULT_HEARSAY // 2
    assert "new NBMA address by the word of one station, held back" in world.show("SPOKE10", "ip nhrp traffic detail")
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0


def test_the_limit_of_hearsay_can_be_configured() -> None:
    world = World("intro-phase3", change=_with("ip nhrp hearsay limit 4", "SPOKE10")).converge()
    tap = world.watch("SPOKE10", "GigabitEthernet1")
    member = HostileMember(world, "SPOKE20")
    for number in range(20):
        station = ip_address("10.0.0.100") + number, ip_address("192.0.2.1") + number
        member.ask("192.168.10.100", HUB_NBMA, as_if=station)
        world.run_for(0.5)
    assert len(_knocked_on(tap)) == 2


# ------------------------------------------------------------------------------------------------- a full table


def _addresses(first: int, count: int) -> tuple[ClientInfo, ...]:
    """Addresses that no route leads to."""
    start = ip_address("10.77.0.0")
    return tuple(
        ClientInfo(prefix_length=32, holding_time=65535, protocol=start + number)
        for number in range(first, first + count)
    )


def test_one_member_fills_no_table_and_the_others_are_served() -> None:
    """656 packets of one member filled all 65,536 entries; then honest spokes were refused."""
    world = World("intro-phase3").converge()
    member = HostileMember(world, "SPOKE20")
    codes = member.answers()
    for packet in range(30):
        member.register(HUB, HUB_NBMA, *_addresses(1 + 50 * packet, 50))
        world.run_for(0.1)
    assert codes == [CieCode.SUCCESS] * 31 + [CieCode.INSUFFICIENT_RESOURCES] * (30 * 50 - 31)  # and its own address
    assert "more registrations than one station may have" in world.show("HUB", "ip nhrp traffic detail")
    assert said(world, "HUB", "%NHRP-4-REGREFUSED")
    world.do("HUB", "clear ip nhrp 10.0.0.10")
    world.run_for(15)
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0


def test_how_many_addresses_one_identity_may_register_can_be_configured() -> None:
    world = World("intro-phase3", change=_with("ip nhrp registration limit 100")).converge()
    member = HostileMember(world, "SPOKE20")
    codes = member.answers()
    member.register(HUB, HUB_NBMA, *_addresses(1, 120))
    world.run_for(1)
    assert codes.count(CieCode.SUCCESS) == 99
