"""A host of a real lab that leases an address of IPv6, from the router of its link, with real packets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from support.labs import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from support.labs import Labs

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]

ROUTER = """hostname R1
ipv6 unicast-routing
ipv6 dhcp pool LAN
 address prefix 2001:DB8:1::/64
interface GigabitEthernet0/1
 ipv6 address 2001:DB8:1::1/64
 ipv6 nd managed-config-flag
 ipv6 nd prefix default no-autoconfig
 ipv6 dhcp server LAN
 no shutdown
interface GigabitEthernet0/2
 ipv6 address 2001:DB8:2::1/64
 no shutdown
"""
LAB = {
    "hosts": {
        "H1": {"link": "R1:GigabitEthernet0/1", "address": "10.0.0.1/24", "address6": "dhcp"},
        "H2": {"link": "R1:GigabitEthernet0/2", "address": "2001:db8:2::9/64", "gateway": "2001:db8:2::1"},
    },
}


def test_a_host_leases_an_address_of_ipv6_and_answers_another_network(labs: Labs, tmp_path: Path) -> None:
    labs.up_of(tmp_path / "leases", {"R1": ROUTER}, LAB)
    shown = partial(labs.on, "R1", "show ipv6 dhcp binding")
    assert eventually(lambda: "Address: 2001:DB8:1:" in shown(), 20)
    address = shown().split("Address: ")[1].split()[0]
    assert eventually(lambda: "!!!!!" in labs.on("R1", f"ping {address} source 2001:db8:2::1"), 20)
