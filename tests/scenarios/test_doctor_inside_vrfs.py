"""The doctor names faults of routing protocols inside VRFs, and types its remedy into the right section."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.labs.copied import CopiedLab
from dmvpn.tools.doctor import visit
from dmvpn.tools.remedies.trial import attempt
from support.doctors import WorldPatient, as_it_runs
from support.world import World
from support.written import DYNAMIC, NHS, write

if TYPE_CHECKING:
    from pathlib import Path

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
    found = attempt(visit(WorldPatient(world)), CopiedLab(as_it_runs(world))).findings
    one = next((one for one in found if (one.router, one.fix) == ("A", remedy)), None)
    assert one is not None, found
    assert one.trial is not None
    assert one.trial.works
