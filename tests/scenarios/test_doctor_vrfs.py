"""The doctor in networks with VRFs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.copied import CopiedLab
from dmvpn.labs.proofs.judging import broken_case
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.network import Impairment
from dmvpn.tools.doctor import Diagnosis, Step, visit
from dmvpn.tools.remedies.search import Search
from dmvpn.tools.remedies.trial import attempt
from dmvpn.tools.remedies.unforeseen import searched
from support.diagnoses import ill_of
from support.doctors import ExaminedWorld, as_it_runs
from support.homes import behind_home_routers
from support.texts import file_text
from support.vrf_faults import CLOUDS, cloud
from support.world import World
from support.written import DYNAMIC, NHS, write

if TYPE_CHECKING:
    from pathlib import Path


# The doctor in networks with VRFs: a front door, and two customers with equal addresses.

DEFAULT = "ip route vrf INTERNET 0.0.0.0 0.0.0.0 198.51.100.2"


def diagnosed(name: str, *changes: tuple[str, str]) -> Diagnosis:
    """Return what the doctor says where SPOKE1 has other lines. changes: lines, and what is in their place."""
    one = Scenario.load(name)
    lines = [dict(changes).get(line, line) for line in one.configurations["SPOKE1"].splitlines()]
    texts = {**one.configurations, "SPOKE1": "\n".join(lines) + "\n"}
    world = World.of(Scenario(one.name, one.lab, texts, one.certificates))
    world.run_for(120)
    diagnosis = attempt(visit(ExaminedWorld(world)), CopiedLab(as_it_runs(world)))
    return searched(diagnosis, Search(as_it_runs(world), CopiedLab))


@pytest.mark.parametrize("name", ["front-door", "front-door-breakout", "two-customers"])
def test_a_network_with_vrfs_that_is_well_is_not_accused(name: str) -> None:
    """LANs of two customers were expected to reach each other: they have the same addresses."""
    assert diagnosed(name).findings == ()


def test_behind_a_front_door_the_underlay_is_pinged_in_its_vrf() -> None:
    """Pings went out in the global table, so that no reply was missed: a filter of IKE was not told from a delay."""
    world = World("front-door")
    world.run_for(120)
    examined = ExaminedWorld(world)
    assert any("SPOKE1: ping vrf INTERNET 203.0.113.1 source" in probe for probe in visit(examined).probes)
    world.sim.segment_of("SPOKE1", "GigabitEthernet0/1").impairment = Impairment.of(Badness.named(["block udp-500"]))
    examined.ask([(name, "clear crypto session") for name in ("SPOKE1", "HUB1")])
    world.run_for(180)
    first = visit(examined).findings[0]
    assert (first.cause, first.router) == (Cause.IKE_BLOCKED, "SPOKE1")
    assert first.what == "pings pass between SPOKE1 and HUB1, and IKE (UDP port 500) does not"


def test_one_end_behind_a_front_door_looks_for_the_route_in_its_vrf() -> None:
    """It looked in the table inside of the tunnel, and suspected a missing route in each such network."""
    world = World("front-door")
    world.run_for(120)
    world.sim.kill("HUB1")
    world.run_for(120)
    suspected = [one.cause for one in visit(ExaminedWorld(world), "SPOKE1", one_end=True).hypotheses]
    assert suspected
    assert Cause.MISSING_ROUTE not in suspected


def test_a_front_door_without_a_route_is_named_with_its_vrf() -> None:
    first = diagnosed("front-door", (DEFAULT, "!")).findings[0]
    assert (first.cause, first.router, first.fix) == (Cause.MISSING_ROUTE, "SPOKE1", (DEFAULT,))
    assert first.what == "VRF INTERNET of SPOKE1 has no route to 203.0.113.1: Tunnel0 has tunnel vrf INTERNET"
    assert first.trial is not None
    assert first.trial.works


def test_keys_of_two_customers_that_changed_places_are_found_by_trial() -> None:
    swapped = ((" tunnel key 1", " tunnel key 2"), (" tunnel key 2", " tunnel key 1"))
    found = diagnosed("two-customers", *swapped).findings[0]
    assert (found.router, found.step) == ("SPOKE1", Step.GRE)
    assert found.fix == ("interface Tunnel1", "tunnel key 1", "interface Tunnel2", "tunnel key 2"), found
    assert found.trial is not None
    assert found.trial.works


HQ = file_text("doctor_vrfs_headquarters.cfg")
BRANCH = file_text("doctor_vrfs_branch.cfg")
ISP = """hostname ISP
interface GigabitEthernet0/0
 ip address 203.0.113.1 255.255.255.252
interface GigabitEthernet0/1
 ip address 198.51.100.1 255.255.255.252
ip route 203.0.113.129 255.255.255.255 203.0.113.2
end
"""


def _headquarters(hq: str) -> Diagnosis:
    """Return what the doctor says of a hub with a front door and a spoke without."""
    wires = [
        {"ends": [f"{router}:GigabitEthernet0/0", f"ISP:GigabitEthernet0/{port}"]}
        for port, router in enumerate(("HQ", "BRANCH"))
    ]
    routers = {"HQ": {"role": "hub"}, "BRANCH": {"role": "spoke"}, "ISP": {"role": "provider"}}
    lab = Lab.model_validate({"routers": routers, "links": wires})
    world = World.of(Scenario("headquarters", lab, {"HQ": hq, "BRANCH": BRANCH, "ISP": ISP}))
    world.run_for(120)
    return visit(ExaminedWorld(world))


def test_the_front_door_of_a_hub_alone_is_no_missing_route() -> None:
    """The way back was looked up in the global table of the hub: a default route there, beside the company's, was
    the remedy.
    """
    assert _headquarters(HQ).findings == ()


def test_a_hub_whose_front_door_lost_its_route_gets_it_back_in_the_vrf() -> None:
    route = "ip route vrf internet 0.0.0.0 0.0.0.0 203.0.113.1"
    first = _headquarters(HQ.replace(route, "!")).findings[0]
    assert (first.cause, first.router, first.fix) == (Cause.MISSING_ROUTE, "HQ", (route,))
    assert first.what == "VRF internet of HQ has no route to 198.51.100.2"


def test_two_spokes_may_have_one_address_behind_their_translators() -> None:
    """Both home routers gave out 192.168.1.10, and the doctor said that packets find only one of them."""
    world = World.of(behind_home_routers()).converge()
    world.run_for(60)
    assert visit(ExaminedWorld(world)).findings == ()


def _two_providers(name: str, site: int) -> str:
    """Return the hub or the spoke of two tunnels between the same addresses, by two providers, with a list on each."""
    outer, gateway = ("203.0.113.2", "203.0.113.1") if site == 1 else ("198.51.100.2", "198.51.100.1")
    text = f"hostname {name}\ncrypto isakmp policy 10\n encryption aes 256\n authentication pre-share\n group 14\n"
    for number, port in ((1, ""), (2, " permit udp any any eq non500-isakmp\n")):
        nhrp = "map multicast dynamic" if site == 1 else f"nhs 10.{number}.0.1 nbma 203.0.113.2 multicast"
        text += (
            f"vrf definition INET{number}\n address-family ipv4\n"
            f"crypto keyring K{number} vrf INET{number}\n pre-shared-key address 0.0.0.0 0.0.0.0 key k{number}\n"
            f"ip access-list extended WAN{number}\n permit udp any any eq isakmp\n permit esp any any\n{port}"
            f"crypto ipsec profile P{number}\n"
            f"interface Tunnel{number}\n ip address 10.{number}.0.{site} 255.255.255.0\n ip mtu 1400\n"
            f" ip tcp adjust-mss 1360\n ip nhrp network-id {number}\n ip nhrp {nhrp}\n"
            f" tunnel source GigabitEthernet0/{number}\n tunnel mode gre multipoint\n tunnel vrf INET{number}\n"
            f" tunnel protection ipsec profile P{number}\n"
            f"interface GigabitEthernet0/{number}\n vrf forwarding INET{number}\n"
            f" ip address {outer} 255.255.255.252\n ip access-group WAN{number} in\n no shutdown\n"
            f"ip route vrf INET{number} 0.0.0.0 0.0.0.0 {gateway}\n"
        )
    return f"{text}end\n"


_PROVIDER = """hostname {}
interface GigabitEthernet0/0
 ip address 203.0.113.1 255.255.255.252
 no shutdown
interface GigabitEthernet0/1
 ip address 198.51.100.1 255.255.255.252
 no shutdown
end
"""


def test_two_providers_with_the_same_addresses_are_well() -> None:
    """Each port of a front door was said to have the network of the other provider, and the list of one provider to
    drop ESP in UDP port 4500, which only the tunnel of the other one used.
    """
    wires = [
        {"ends": [f"{router}:GigabitEthernet0/{number}", f"ISP{number}:GigabitEthernet0/{port}"]}
        for port, router in enumerate(("HUB", "SPOKE"))
        for number in (1, 2)
    ]
    roles = {"HUB": "hub", "SPOKE": "spoke", "ISP1": "provider", "ISP2": "provider"}
    lab = Lab.model_validate({"routers": {name: {"role": role} for name, role in roles.items()}, "links": wires})
    texts = {"HUB": _two_providers("HUB", 1), "SPOKE": _two_providers("SPOKE", 2)}
    texts |= {name: _PROVIDER.format(name) for name in ("ISP1", "ISP2")}
    world = World.of(Scenario("two-providers", lab, texts))
    world.run_for(120)
    assert [one.what for one in visit(ExaminedWorld(world)).findings] == []


# Networks with VRFs that are well are not accused; what is said of each mechanism is in the oracle (`vrfs.txt`).


@pytest.mark.parametrize("name", CLOUDS)
def test_a_cloud_with_vrfs_that_is_well_is_not_accused(name: str) -> None:
    """Sites with different names for one VRF were not looked at; two customers with one address were mixed up."""
    case, _ = broken_case(cloud(name))
    findings = visit(case.examined).findings
    assert findings == ()


def test_the_address_that_neighbors_know_a_lost_tunnel_by_is_proposed() -> None:
    """The doctor proposed the first free address of the subnet, which no BGP neighbor and no static route had."""
    case = ill_of(cloud("ebgp-ikev2"), "tunnel-address-lost@S1,S2,HUB1")
    first = visit(case.examined).findings[0]
    assert (first.cause, first.fix[-1]) == (Cause.NO_ADDRESS, "ip address 10.99.0.11 255.255.255.0")


def test_a_lan_of_guests_that_nat_lets_out_is_not_accused() -> None:
    """It is in a VRF without a tunnel on purpose."""
    case, _ = broken_case(cloud("front-door"))
    case.bench.configure("SPOKE1", ["vrf definition GUESTS", "address-family ipv4"])
    port = ["interface GigabitEthernet0/2", "vrf forwarding GUESTS", "ip address 10.1.101.1 255.255.255.0"]
    case.bench.configure("SPOKE1", [*port, "ip nat inside"])
    case.wait(30)
    assert Cause.TABLE not in {one.cause for one in visit(case.examined).findings}


# The doctor names faults of routing protocols inside VRFs, and types its remedy into the right section.

_VRF = "vrf definition CORP\n address-family ipv4\n exit-address-family\n"
_INSIDE = " vrf forwarding CORP\n ip address 172.16.0.{0} 255.255.255.0\n"
_MULTICAST = " ip nhrp map multicast 203.0.113.1\n"
_LAN = "interface GigabitEthernet0/1\n vrf forwarding CORP\n ip address 10.{0}.0.1 255.255.255.0\n"
_OSPF = "router ospf 1 vrf CORP\n network 172.16.0.0 0.0.0.255 area 0\n network 10.0.0.0 0.255.255.255 area 0\n"
_NAMED = (
    "router eigrp CO\n address-family ipv4 unicast vrf CORP autonomous-system 9\n  network 172.16.0.0 0.0.0.255\n"
    "  network 10.0.0.0\n"
)
_CLASSIC = (
    "router eigrp 7\n address-family ipv4 vrf CORP autonomous-system 9\n  network 172.16.0.0 0.0.0.255\n"
    "  network 10.0.0.0\n"
)


def _bgp(number: int, peer: int, more: str = "") -> str:
    return (
        f"router bgp 6500{number}\n address-family ipv4 vrf CORP\n  network 10.{number}.0.0 mask 255.255.255.0\n"
        f"  neighbor 172.16.0.{peer} remote-as 6500{peer}\n  neighbor 172.16.0.{peer} activate\n{more}"
    )


@pytest.mark.parametrize(
    ("of_hub", "of_spoke", "remedy"),
    [
        (_OSPF, f"{_OSPF} passive-interface Tunnel0\n", ("router ospf 1 vrf CORP", "no passive-interface Tunnel0")),
        (
            _OSPF,
            f"{_OSPF}interface Tunnel0\n ip ospf hello-interval 7\n",
            ("interface Tunnel0", "ip ospf hello-interval 10", "ip ospf dead-interval 40"),
        ),
        (
            _NAMED,
            f"{_NAMED}  af-interface Tunnel0\n   passive-interface\n",
            (
                "router eigrp CO",
                "address-family ipv4 unicast vrf CORP autonomous-system 9",
                "af-interface Tunnel0",
                "no passive-interface",
            ),
        ),
        (
            _CLASSIC,
            _CLASSIC.replace("  network 10.0.0.0\n", ""),
            ("router eigrp 7", "address-family ipv4 vrf CORP autonomous-system 9", "network 10.2.0.0 0.0.0.255"),
        ),
        (
            _bgp(1, 2),
            _bgp(2, 1, "  neighbor 172.16.0.1 shutdown\n"),
            ("router bgp 65002", "address-family ipv4 vrf CORP", "no neighbor 172.16.0.1 shutdown"),
        ),
    ],
)
def test_a_fault_inside_a_vrf_is_named_with_lines_for_that_vrf(
    of_hub: str, of_spoke: str, remedy: tuple[str, ...], tmp_path: Path
) -> None:
    """The doctor looked at the global table only, and proposed to take the VRF off the hub's interfaces."""
    write(
        tmp_path,
        HUB=(1, _VRF, _INSIDE.format(1) + DYNAMIC, _LAN.format(1) + of_hub),
        A=(2, _VRF, _INSIDE.format(2) + NHS + _MULTICAST, _LAN.format(2) + of_spoke),
    )
    world = World(str(tmp_path))
    world.run_for(60)
    found = attempt(visit(ExaminedWorld(world)), CopiedLab(as_it_runs(world))).findings
    one = next((one for one in found if (one.router, one.fix) == ("A", remedy)), None)
    assert one is not None, found
    assert one.trial is not None
    assert one.trial.works
