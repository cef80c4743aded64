"""Which lines the doctor may print: none that let strangers in, turn anything off, or are many."""

from __future__ import annotations

import pytest

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor import Finding, Step
from dmvpn.tools.doctor.permitted_lines import permitted


def finding(*lines: str) -> Finding:
    return Finding(step=Step.ROUTING, cause=Cause.PSK, router="R1", what="it is so", fix=lines)


@pytest.mark.parametrize(
    "lines",
    [
        ("interface Tunnel0", "no tunnel protection"),
        ("interface Tunnel0", "no ip nhrp authentication"),
        ("interface Tunnel0", "no ip authentication mode eigrp 100 md5"),
        ("interface Tunnel0", "no ip ospf authentication"),
        ("router eigrp A", "af-interface Tunnel0", "no authentication mode"),
        ("router bgp 65000", "no neighbor 10.0.0.1 password"),
        ("no crypto isakmp key SECRET address 0.0.0.0",),
        ("key chain K", "no key 2"),
        ("interface GigabitEthernet0/1", "no ip access-group 101 in"),
        ("line vty 0 4", "no access-class GUARD in"),
        ("interface GigabitEthernet0/1", "no ip verify unicast source reachable-via rx"),
        ("interface Tunnel0", "no ip nhrp bind identity"),
        ("router bgp 65000", "no neighbor 10.0.0.1 ttl-security hops 2"),
        ("interface GigabitEthernet0/1", "shutdown"),
        ("interface Tunnel0", *(f"ip nhrp map 10.0.0.{n} 192.0.2.{n}" for n in range(6))),
    ],
)
def test_lines_that_open_doors_turn_off_or_are_many_are_words_instead(lines: tuple[str, ...]) -> None:
    found = permitted(finding(*lines))
    assert found.fix == ()
    assert found.order


@pytest.mark.parametrize(
    "lines",
    [
        ("interface Tunnel0", "no shutdown"),
        ("interface Tunnel0", "no tunnel key"),
        ("ip access-list standard ROUTES", "no 10 deny 10.1.1.0 0.0.0.255"),
        ("no ip prefix-list P seq 5 deny 10.1.1.0/24",),
        ("interface Tunnel0", "tunnel protection ipsec profile P"),
        ("router bgp 65000", "no neighbor 10.0.0.1 shutdown"),
        ("key chain K", "no key 2", "key 1", "key-string <secret>"),
        ("interface Tunnel0", *(f"ip nhrp map 10.0.0.{n} 192.0.2.{n}" for n in range(5))),
    ],
)
def test_other_lines_stay(lines: tuple[str, ...]) -> None:
    assert permitted(finding(*lines)).fix == lines
