"""Spokes behind translators, with IPsec: ESP in UDP port 4500, bound to connections and not to addresses.

The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.
"""

from __future__ import annotations

import re

import pytest

from dmvpn.net import ip
from support.nats import attributes, lost
from support.secured import ike_sas, states
from support.world import World

HUB, NAT1, NAT2 = "172.16.11.1", "172.16.31.1", "172.16.41.1"
R31, R32, R41 = "192.168.100.31", "192.168.100.32", "192.168.100.41"


def settled(name: str, *, seed: int = 1) -> World:
    world = World(name, seed=seed).converge()
    world.run_for(10)
    return world


def is_direct(world: World, router: str, destination: str, source: str) -> bool:
    """Is the second traceroute one hop long?"""
    text = world.do(router, f"traceroute {destination} source {source}")
    return len(re.findall(r"^ +\d+ [\d.]+ ", text, re.MULTILINE)) == 1


# ------------------------------------------------------------------------------------------------- one spoke


def test_a_spoke_behind_a_translator_uses_port_4500_and_shows_what_it_claims() -> None:
    world = settled("ipsec-spoke-behind-nat")
    tap = world.watch("R11", "GigabitEthernet0/1")
    lost(world, "H3", "10.1.1.100", seconds=2)
    flows = [ip.peek_flow(packet) for _, packet in tap.packets]
    from_nat = [flow for flow in flows if str(flow.source) == NAT1]
    assert from_nat
    assert {(flow.protocol, flow.destination_port) for flow in from_nat} == {(17, 4500)}
    assert "     (Claimed NBMA address: 192.168.31.10) " in world.lines("R11", f"ip nhrp {R31}")
    assert attributes(world, "R11", R31) == ["DN"]
    assert len(ike_sas(world, "R11", NAT1)) == 1


@pytest.mark.parametrize(("source", "destination"), [("H3", "10.4.4.100"), ("H4", "10.3.3.100")])
def test_whoever_begins_the_spokes_go_direct_and_nothing_is_lost(source: str, destination: str) -> None:
    world = settled("ipsec-spoke-behind-nat")
    assert lost(world, source, destination, seconds=5) == 0
    assert is_direct(world, "R31", "10.4.4.1", "10.3.3.1")
    assert is_direct(world, "R41", "10.3.3.1", "10.4.4.1")


def test_in_tunnel_mode_a_spoke_behind_a_translator_works_as_in_transport_mode() -> None:
    """Inside it goes by the address that the translator hides: the hub used to refuse it."""
    world = World("ipsec-spoke-behind-nat", change=lambda _, text: text.replace("mode transport", "mode tunnel"))
    world.converge()
    world.run_for(10)
    assert lost(world, "H3", "10.1.1.100", seconds=2) == 0
    assert lost(world, "H4", "10.3.3.100", seconds=5) == 0
    assert is_direct(world, "R31", "10.4.4.1", "10.3.3.1")
    assert "in use settings ={Tunnel" in world.show("R11", "crypto ipsec sa")


def test_a_translator_that_forgets_its_flows_is_survived_within_seconds() -> None:
    """The spoke's packets come from another port now: good packets move the connection there."""
    world = settled("ipsec-spoke-behind-nat")
    lost(world, "H4", "10.3.3.100", seconds=5)
    world.sim.gateways["NAT1"].rebind()
    assert lost(world, "H4", "10.3.3.100", seconds=20) <= 6 * 20
    assert lost(world, "H3", "10.1.1.100", seconds=5) == 0
    assert len(ike_sas(world, "R11", NAT1)) == 1


# ------------------------------------------------------------------------------------------------- two behind one


@pytest.mark.conforms("frr-8308")
def test_two_spokes_behind_one_translator_stay_up_for_an_hour_and_each_gets_its_own_packets() -> None:
    world = settled("ipsec-two-spokes-one-nat")
    for _ in range(6):
        for spoke in ("10.3.3.100", "10.3.2.100"):
            assert lost(world, "H1", spoke, seconds=2) == 0
            assert lost(world, "H4", spoke, seconds=2) == 0
        world.run_for(590)
    assert len(ike_sas(world, "R11", NAT1)) == 2
    assert world.lacks() == []
    for router in ("R31", "R32"):
        assert states(world, router)[HUB] == "UP"


def test_two_spokes_behind_one_translator_talk_to_each_other() -> None:
    """Directly or by the hub, as their translator lets them; nothing is lost either way."""
    world = settled("ipsec-two-spokes-one-nat")
    assert lost(world, "H3", "10.3.2.100", seconds=10) == 0
    assert lost(world, "H32", "10.3.3.100", seconds=10) == 0


# ------------------------------------------------------------------------------------------------- two translators


@pytest.mark.conforms("frr-3475")
@pytest.mark.parametrize(("source", "destination"), [("H3", "10.4.4.100"), ("H4", "10.3.3.100")])
def test_spokes_behind_different_translators_go_direct_because_both_begin(source: str, destination: str) -> None:
    world = settled("ipsec-both-behind-nat")
    assert lost(world, source, destination, seconds=10) == 0
    assert is_direct(world, "R31", "10.4.4.1", "10.3.3.1")
    assert is_direct(world, "R41", "10.3.3.1", "10.4.4.1")
    assert len(ike_sas(world, "R31", NAT2)) == len(ike_sas(world, "R41", NAT1)) == 1


def test_behind_symmetric_translators_everything_stays_with_the_hub_and_nothing_is_lost() -> None:
    world = settled("ipsec-symmetric-nat")
    assert lost(world, "H3", "10.4.4.100", seconds=60, rate=10) == 0
    assert lost(world, "H4", "10.3.3.100", seconds=60, rate=10) == 0
    trace = world.do("R31", "traceroute 10.4.4.1 source 10.3.3.1")
    assert re.findall(r"^ +\d+ ([\d.]+) ", trace, re.MULTILINE) == ["192.168.100.11", R41]


def test_show_dmvpn_detail_says_why_there_is_no_direct_path() -> None:
    world = settled("ipsec-symmetric-nat")
    lost(world, "H3", "10.4.4.100", seconds=60, rate=2)
    text = world.show("R31", "dmvpn detail")
    assert "the peer and we are both behind NAT (no answer to IKE_SA_INIT" in text
