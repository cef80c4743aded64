"""A line of a tunnel changes at one router after the other, while NHRP, IKE and routing begin or when all is up.

Later everything is there again: nothing may live on what was remembered of the tunnel.
"""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.cases import few_examples
from support.world import World

#: Seconds until everything is there again: a registration that failed is tried again after 64 s at most.
PATIENCE: Final = 200.0
_EIGRP: Final = "router eigrp GRE-OVERLAY\naddress-family ipv4 unicast autonomous-system 100\naf-interface {tunnel}\n"
#: What is entered. Those before `|` are entered, and 20 s later those behind it.
TUNNEL_LINES: Final = (
    "ip mtu 1300",
    "ip mtu 1300|ip mtu 1400",
    "bandwidth 500",
    "delay 700",
    "ip tcp adjust-mss 1200",
    "tunnel key 77",
    "ip nhrp holdtime 60",
    "ip nhrp network-id 9",
    "ip nhrp authentication OTHER",
    "ip nhrp registration timeout 10",
    "ip nhrp redirect",
    "ip nhrp shortcut",
    "keepalive 3 2",
    "if-state nhrp",
    "bfd interval 100 min_rx 100 multiplier 3",
    "tunnel tos 32",
    "tunnel ttl 9",
    "tunnel path-mtu-discovery",
    "shutdown|no shutdown",
)
#: Of a classic process of EIGRP, for which the first ones are infinite.
CLASSIC_LINES: Final = (
    "delay 16777215|no delay",
    "bandwidth 1\ndelay 16777215|no bandwidth\nno delay",
)
EIGRP_LINES: Final = (
    "hello-interval 2",
    "hold-time 6",
    "hello-interval 60\nhold-time 180|hello-interval 5\nhold-time 15",
    "bandwidth-percent 10",
    "no next-hop-self",
    "authentication mode hmac-sha-256 SECRET",
    "authentication mode hmac-sha-256 SECRET|no authentication mode",
    "passive-interface|no passive-interface",
    "shutdown|no shutdown",
    "bfd",
)
OSPF_LINES: Final = (
    "ip ospf cost 7",
    "ip ospf mtu-ignore",
    "ip ospf hello-interval 2",
    "ip ospf dead-interval 9",
    "ip ospf retransmit-interval 2",
    "ip ospf priority 7",
    "ip ospf network point-to-multipoint",
    "ip ospf authentication null",
    "ip ospf bfd",
    "ip ospf shutdown|no ip ospf shutdown",
)
OF_TUNNEL: Final = "interface {tunnel}\n"
SCENARIOS: Final = ("notes-phase3", "ospf-phase3", "bgp-phase3", "ipsec-two-spokes-one-nat")
CHANGES: Final = (
    *((name, OF_TUNNEL, line) for name in SCENARIOS for line in TUNNEL_LINES),
    *(("notes-phase3", _EIGRP, line) for line in EIGRP_LINES),
    *(("intro-phase3", OF_TUNNEL, line) for line in CLASSIC_LINES),
    *(("ospf-phase3", OF_TUNNEL, line) for line in OSPF_LINES),
)


def members_of(world: World) -> dict[str, str]:
    """Return the routers of the cloud, the hub first, with the names of their tunnels."""
    found = {
        name: re.search(r"^interface (Tunnel\d+)", text, re.M) for name, text in world.scenario.configurations.items()
    }
    return {name: tunnel[1] for name, tunnel in found.items() if tunnel is not None}


@pytest.mark.lengthy
@given(
    st.sampled_from(CHANGES),
    st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 30.0]),
    st.sampled_from([0.0, 0.2, 4.0, 40.0]),
    st.booleans(),
    st.integers(1, 100),
)
@settings(few_examples(15), suppress_health_check=[HealthCheck.too_slow])
def test_after_a_changed_line_at_all_routers_the_cloud_is_complete_again(
    change: tuple[str, str, str], begun: float, pause: float, hub_first: bool, seed: int
) -> None:
    name, head, lines = change
    world = World(name, seed=seed)
    world.run_for(begun)
    members = list(members_of(world).items())
    for line in lines.split("|"):
        for router, tunnel in members if hub_first else reversed(members):
            said = world.configure(router, *(head.format(tunnel=tunnel) + line).split("\n"))
            assert "% I" not in said, said
            world.run_for(pause)
        world.run_for(20 if "|" in lines else 0)
    assert world.wait_until(lambda: not world.lacks(), PATIENCE, 0.5), world.lacks()
