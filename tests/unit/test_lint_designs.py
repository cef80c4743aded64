"""Lint of designs that are right and not the plain one: a front door VRF, guests, a second provider, a shared address.

A lint that calls these wrong is switched off; so each test has the mistake beside the design that looks like it.
"""

from __future__ import annotations

import pytest

from dmvpn.base.findings import Finding, Severity
from dmvpn.tools.lint import lint
from support.lint_cases import CLEAR, OSPF, SEALED, Network, below, edited, everywhere


def found(network: Network, rule: str) -> list[Finding]:
    return [one for one in lint(network) if one.rule == rule]


def severities(network: Network, rule: str) -> list[tuple[str, Severity]]:
    return [(one.file, one.severity) for one in found(network, rule)]


def with_port(network: Network, *lines: str, on: tuple[str, ...] = ("HUB", "SPOKE1", "SPOKE2")) -> Network:
    """One more interface."""
    port = "\n".join(["interface GigabitEthernet9", *(f" {line}" for line in lines), "!", "interface Tunnel0"])
    return edited(network, **{name: [("interface Tunnel0", port)] for name in on})


# ------------------------------------------------------------------------------------------------ a front door VRF

_ALL = ("router eigrp 100\n network 10.0.0.0 0.0.0.255\n", "router eigrp 100\n network 0.0.0.0\n")
_FRONT = [
    _ALL,
    ("hostname", "vrf definition INET\n address-family ipv4\nhostname"),
    below(" tunnel key 100", " tunnel vrf INET"),
    below("interface GigabitEthernet1", " vrf forwarding INET"),
    ("ip route 0.0.0.0 0.0.0.0", "ip route vrf INET 0.0.0.0 0.0.0.0"),
]


def test_a_protocol_of_the_router_does_not_run_on_an_interface_in_a_vrf() -> None:
    """The design that Cisco's guides recommend was an error: `network 0.0.0.0`, and the source in the VRF."""
    assert [one.rule for one in lint(everywhere(CLEAR, _ALL)) if one.severity is Severity.ERROR] == [
        "tunnel-recursive-protocol"
    ] * 3
    assert [one for one in lint(everywhere(CLEAR, *_FRONT)) if one.severity is not Severity.ADVICE] == []


def test_ospf_of_the_router_does_not_run_on_an_interface_in_a_vrf_either() -> None:
    everything = ("network 10.0.0.0 0.0.0.255 area 0\n", "network 0.0.0.0 255.255.255.255 area 0\n")
    assert found(everywhere(OSPF, everything), "tunnel-recursive-protocol")
    assert found(everywhere(OSPF, everything, *_FRONT[1:]), "tunnel-recursive-protocol") == []


def test_a_default_route_into_the_tunnel_is_not_for_packets_of_a_front_door_vrf() -> None:
    inside = below(" network 192.168.10.1 0.0.0.255", "!", "ip route 0.0.0.0 0.0.0.0 10.0.0.1")
    without = ("ip route 0.0.0.0 0.0.0.0 203.0.113.254\n", "")
    assert len(found(edited(CLEAR, SPOKE1=[without, inside]), "tunnel-recursive-route")) == 1
    assert found(edited(everywhere(CLEAR, *_FRONT), SPOKE1=[inside]), "tunnel-recursive-route") == []
