"""Scenario shared-services: two customers reach the services VRF of the hub by route targets, and not each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.tools.doctor.visit import visit
from support.doctors import ExaminedWorld

if TYPE_CHECKING:
    from support.world import World

#: The station of each site, with its address.
STATIONS: Final = {"R1": "10.1.11.100", "R2": "10.1.12.100", "B1": "10.2.13.100", "B2": "10.2.14.100"}
WEB: Final = "10.100.0.80"


NETWORK = "shared-services"


def reached(world: World, station: str, *addresses: str) -> list[str]:
    """Return the addresses that answer a station."""
    numbers = range(len(world.replies(station)) + 1, 100)
    asked = dict(zip(numbers, addresses, strict=False))
    for number, address in asked.items():
        world.ping(station, address, number)
    world.run_for(5)
    answered = world.replies(station)
    return [address for number, address in asked.items() if number in answered]


@pytest.mark.parametrize("customer", ["R", "B"])
def test_a_customer_reaches_the_services_and_its_other_site_and_nothing_of_the_other_customer(
    world: World, customer: str
) -> None:
    others = [address for name, address in STATIONS.items() if name != f"{customer}1"]
    own = STATIONS[f"{customer}2"]
    assert sorted(reached(world, f"{customer}1", WEB, *others)) == sorted([WEB, own])


def test_the_services_reach_every_site(world: World) -> None:
    assert reached(world, "WEB", *STATIONS.values()) == [*STATIONS.values()]


def test_the_table_of_the_services_names_the_customer_of_each_route(world: World) -> None:
    lines = [line for line in world.show("HUB", "ip route vrf SERVICES bgp").splitlines() if line.startswith("B ")]
    vrfs = {line.split()[1]: line.split("(")[1].split(")")[0] for line in lines if "10.255." not in line.split()[1]}
    assert vrfs == {"10.1.11.0/24": "RED", "10.1.12.0/24": "RED", "10.2.13.0/24": "BLUE", "10.2.14.0/24": "BLUE"}


def test_the_doctor_does_not_miss_packets_between_the_customers(world: World) -> None:
    assert visit(ExaminedWorld(world)).findings == ()


@pytest.mark.parametrize(("customer", "far"), [("RED", "10.255.1.12"), ("BLUE", "10.255.2.14")])
def test_the_sites_of_a_customer_meet_directly(world: World, customer: str, far: str) -> None:
    third = 11 if customer == "RED" else 13
    target, source = (f"10.{1 if customer == 'RED' else 2}.{number}.1" for number in (third + 1, third))
    for _ in range(2):
        shown = world.do(f"{customer}1", f"traceroute {target} source {source}")
    assert [line.split()[1] for line in shown.splitlines() if line[:3].strip().isdigit()] == [far]
