"""`dmvpn run` on a host without a place for VRFs refuses them by name, before it changes anything."""

from __future__ import annotations

import pytest

from dmvpn.dataplane.problems import HostProblem
from dmvpn.shells.runtime.preflight import problems_of_vrfs, refuse_what_cannot_run


def test_a_port_in_a_vrf_is_refused_by_the_name_of_the_vrf() -> None:
    lines = ["vrf definition WAN", "interface GigabitEthernet0/1", " vrf forwarding WAN"]
    with pytest.raises(HostProblem, match="VRF WAN is in use"):
        refuse_what_cannot_run(lines)


def test_all_vrfs_in_use_are_named_once() -> None:
    lines = [
        "interface Tunnel0",
        " tunnel vrf WAN",
        " vrf forwarding RED",
        "interface Loopback0",
        " ip vrf forwarding RED",
    ]
    (problem,) = problems_of_vrfs(lines)
    assert "the VRFs WAN, RED are in use" in str(problem)


def test_a_vrf_that_nothing_is_in_stops_no_router() -> None:
    assert problems_of_vrfs(["vrf definition Mgmt-intf", " address-family ipv4"]) == []
