"""`dmvpn run` on a host without VRF devices refuses VRFs by name, before it changes anything."""

from __future__ import annotations

import pytest

from dmvpn.dataplane import netlink
from dmvpn.dataplane.problems import HostProblem
from dmvpn.dataplane.userspace.vrf_devices import are_missing
from dmvpn.shells.runtime.preflight import problems_of_vrfs, refuse_what_cannot_run

IN_USE = [
    "interface Tunnel0",
    " tunnel vrf WAN",
    " vrf forwarding RED",
    "interface Loopback0",
    " ip vrf forwarding RED",
]


def test_a_port_in_a_vrf_is_refused_by_the_name_of_the_vrf() -> None:
    if not are_missing():
        pytest.skip("this kernel has VRF devices, or refuses to say so to this user")
    lines = ["vrf definition WAN", "interface GigabitEthernet0/1", " vrf forwarding WAN"]
    with pytest.raises(HostProblem, match="VRF WAN is in use, and the kernel of this host has no VRF devices"):
        refuse_what_cannot_run(lines)


def test_the_question_for_vrf_devices_makes_none() -> None:
    are_missing()
    with netlink.NetlinkSocket() as kernel:
        assert [link.name for link in kernel.links() if link.name.startswith("dmvpn-")] == []


def test_all_vrfs_in_use_are_named_once() -> None:
    (problem,) = problems_of_vrfs(IN_USE, missing=lambda: True)
    assert "the VRFs WAN, RED are in use" in str(problem)


def test_a_kernel_with_vrf_devices_takes_them() -> None:
    assert problems_of_vrfs(IN_USE, missing=lambda: False) == []


def test_a_vrf_whose_name_is_too_long_for_an_interface_of_linux_is_refused() -> None:
    (problem,) = problems_of_vrfs([" vrf forwarding PROVIDER-OF-THE-NORTH"], missing=lambda: False)
    assert "VRF PROVIDER-OF-THE-NORTH" in str(problem)
    assert "at most 15 octets" in str(problem)


@pytest.mark.parametrize("name", ["default", "all", "VRF%d", "65000:1", "a/b", ".."])
def test_a_vrf_whose_name_no_interface_of_linux_can_have_is_refused(name: str) -> None:
    """Of `VRF%d` Linux made an interface VRF0, which stayed; of `default` the router said "invalid argument"."""
    (problem,) = problems_of_vrfs([f" vrf forwarding {name}"], missing=lambda: False)
    assert str(problem).startswith(f"VRF {name}: '{name}' is no Linux interface name")


def test_a_vrf_that_nothing_is_in_stops_no_router() -> None:
    assert problems_of_vrfs(["vrf definition Mgmt-intf", " address-family ipv4"], missing=lambda: True) == []
