"""`dmvpn walk` names the list and the entry that permit or drop a packet, and what its sender hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import SetFilters
from dmvpn.base.events import EffectFailed
from dmvpn.base.translation import TCP, UDP
from dmvpn.features.filter.machine import FilterMachine
from dmvpn.tools.walk import Act, Walk, WalkOutcome, as_text, walk

if TYPE_CHECKING:
    from support.world import World

SSH, HTTPS = (TCP, 22), (TCP, 443)
_LAN = (
    "ip access-list extended LAN-IN",
    "10 remark no shells",
    "10 deny tcp any any eq 22",
    "20 permit tcp any any eq 443",
    "30 permit icmp any any",
    "interface GigabitEthernet0/2",
    "ip access-group LAN-IN in",
)


NETWORK = "front-door"


def walked(world: World, service: tuple[int, int] | None = None, source: str = "H1", destination: str = "H2") -> Walk:
    return walk(world.sim.facts(world.scenario), source, destination, service=service)


def filtered(told: Walk) -> list[str]:
    return [step.what for step in told.forth.steps if step.act is Act.FILTER]


def test_the_entry_that_permits_is_named_and_so_is_the_one_that_drops(world: World) -> None:
    world.configure("SPOKE1", *_LAN)
    told = walked(world, HTTPS)
    assert told.forth.end.outcome is WalkOutcome.DELIVERED
    assert filtered(told) == [
        "GigabitEthernet0/2, list LAN-IN in: entry 20 permits it (permit tcp any any eq 443)",
    ]
    told = walked(world, SSH)
    assert told.forth.end.outcome is WalkOutcome.DROPPED
    assert told.forth.end.why == "GigabitEthernet0/2, list LAN-IN in: entry 10 denies it (deny tcp any any eq 22)"
    assert told.forth.end.refusal is not None
    text = " ".join(" ".join(as_text(told)).split())
    assert "10.1.101.100 -> 10.1.102.100, TCP to port 22, 100 octets" in text
    assert "SPOKE1 sends 10.1.101.100: administratively prohibited, at most twice a second" in text


def test_the_end_of_a_list_drops_what_no_entry_permits(world: World) -> None:
    world.configure("SPOKE1", *_LAN)
    told = walked(world, (UDP, 53))
    assert told.forth.end.why == "GigabitEthernet0/2, list LAN-IN in: no entry permits it, so it is denied"


@pytest.mark.parametrize("asked", ["ip access-group LAN-IN in", "ip verify unicast source reachable-via rx"])
def test_a_port_that_the_host_cannot_filter_as_it_should_lets_nothing_pass(world: World, asked: str) -> None:
    """A port with nothing but a check of senders looked open."""
    world.configure("SPOKE1", *_LAN, "no ip access-group LAN-IN in", asked)
    node = world.sim.routers["SPOKE1"]
    (filters,) = node.router.machine(FilterMachine).ordered.values()
    node.router.handle(EffectFailed(SetFilters("GigabitEthernet0/2", filters), 0, "no nf_tables"), world.sim.now)
    told = walked(world, HTTPS)
    assert told.forth.end.outcome is WalkOutcome.DROPPED
    assert "the port lets nothing pass it, because" in told.forth.end.why
    assert "no nf_tables" in told.forth.end.why
    node.router.handle(EffectFailed(SetFilters("GigabitEthernet0/2", filters), 95, "no nf_tables"), world.sim.now)
    assert walked(world, HTTPS).forth.end.outcome is WalkOutcome.DELIVERED
    shown = world.do("SPOKE1", "show ip interface GigabitEthernet0/2")
    assert "  Access lists: the port is not filtered (no nf_tables)" in shown


def test_without_unreachables_nobody_is_told(world: World) -> None:
    world.configure("SPOKE1", *_LAN, "no ip unreachables")
    told = walked(world, SSH)
    assert told.forth.end.refusal is None
    assert "(no error is sent)" in " ".join(" ".join(as_text(told)).split())


def test_the_answer_of_a_connection_has_ack_and_the_server_port(world: World) -> None:
    world.configure(
        "SPOKE2",
        "access-list 101 permit tcp any eq 443 any established",
        "access-list 101 permit icmp any any echo",
        "interface GigabitEthernet0/2",
        "ip access-group 101 in",
    )
    told = walked(world, HTTPS)
    assert told.back is not None
    assert told.back.end.outcome is WalkOutcome.DELIVERED
    assert [step.what for step in told.back.steps if step.act is Act.FILTER] == [
        "GigabitEthernet0/2, list 101 in: entry 10 permits it (permit tcp any eq 443 any established)"
    ]
    echo = walked(world)
    assert echo.back is not None
    assert "no entry permits it" in echo.back.end.why, "an answer is no echo"


def test_lists_of_tunnels_see_packets_inside_and_those_of_ports_the_outer_ones(world: World) -> None:
    world.configure(
        "SPOKE2",
        *("ip access-list extended WAN", "permit udp any any eq isakmp", "permit udp any any eq non500-isakmp"),
        *("permit esp any any", "ip access-list extended INSIDE", "deny tcp any any eq 22", "permit ip any any"),
        *("interface GigabitEthernet0/1", "ip access-group WAN in"),
        *("interface Tunnel0", "ip access-group INSIDE in"),
        *("interface GigabitEthernet0/2", "ip access-group INSIDE out"),
    )
    world.run_for(5)
    at = [
        (step.where, step.depth, step.what.partition(":")[0])
        for step in walked(world, HTTPS).forth.steps
        if step.act is Act.FILTER
    ]
    assert at == [
        ("SPOKE2", 1, "GigabitEthernet0/1, list WAN in"),
        ("SPOKE2", 0, "Tunnel0, list INSIDE in"),
        ("SPOKE2", 0, "GigabitEthernet0/2, list INSIDE out"),
    ]
    assert walked(world, SSH).forth.end.where == "SPOKE2"
    assert walked(world, SSH).forth.end.why.startswith("Tunnel0, list INSIDE in: entry 10 denies it")


def test_a_list_out_is_not_asked_about_packets_of_the_router_itself(world: World) -> None:
    world.configure("SPOKE1", "access-list 7 deny any", "interface GigabitEthernet0/2", "ip access-group 7 out")
    assert walked(world, source="SPOKE1", destination="H1").forth.end.outcome is WalkOutcome.DELIVERED
    told = walked(world, source="H2", destination="H1")
    assert told.forth.end.why == "GigabitEthernet0/2, list 7 out: entry 10 denies it (deny any)"


def test_the_check_of_senders_is_a_step_and_its_drops_are_silent(world: World) -> None:
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "ip verify unicast source reachable-via rx")
    told = walked(world)
    assert filtered(told) == [
        "GigabitEthernet0/2, ip verify unicast source: 10.1.101.100 is reachable by 10.1.101.0/24"
    ]
    world.configure("SPOKE2", "interface GigabitEthernet0/1", "ip verify unicast source reachable-via rx")
    end = walked(world).forth.end
    assert end.why.startswith("GigabitEthernet0/1, ip verify unicast source: only the default route leads to")
    assert end.refusal is None


def test_the_check_of_senders_passes_an_address_that_only_a_shut_interface_of_the_router_has(world: World) -> None:
    world.configure("SPOKE1", "interface Tunnel0", "ip verify unicast source reachable-via rx allow-default")
    world.configure("SPOKE1", "interface Loopback9", "ip address 10.1.102.100 255.255.255.255", "shutdown")
    told = walk(world.sim.facts(world.scenario), "H2", "H1")
    assert filtered(told) == ["Tunnel0, ip verify unicast source: 10.1.102.100 is reachable by 0.0.0.0/0"]
    world.ping("H2", "10.1.101.100")
    world.run_for(1)
    assert world.replies("H2") != []


def test_later_fragments_are_judged_by_themselves(world: World) -> None:
    world.configure(
        "SPOKE1",
        *("access-list 101 deny icmp any any fragments", "access-list 101 permit ip any any"),
        *("interface GigabitEthernet0/2", "ip access-group 101 out"),
    )
    facts = world.sim.facts(world.scenario)
    assert walk(facts, "H2", "H1", size=1000).forth.end.outcome is WalkOutcome.DELIVERED
    end = walk(facts, "H2", "H1", size=1500).forth.end
    assert (
        end.why == "GigabitEthernet0/2, list 101 out: entry 10 denies its later fragments (deny icmp any any fragments)"
    )


def test_the_entry_that_the_walk_names_is_the_one_that_counts_the_packet(world: World) -> None:
    world.configure("SPOKE1", *_LAN)
    (step,) = filtered(walked(world))
    assert "entry 30 permits it" in step
    assert "30 permit icmp any any (" not in world.do("SPOKE1", "show ip access-lists LAN-IN")
    world.ping("H1", "10.1.102.100", 1)
    world.run_for(2)
    assert "30 permit icmp any any (" in world.do("SPOKE1", "show ip access-lists LAN-IN")
