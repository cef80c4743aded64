"""An inbound list on the WAN that cuts tunnels: the doctor names the list and the entry, and its lines heal."""

from __future__ import annotations

import pytest

from dmvpn.base.findings import Cause
from dmvpn.tools.doctor import visit
from support.bench import WorldBench
from support.doctors import ExaminedWorld
from support.secured import at
from support.world import World

IKE, UDP, ESP = "permit udp any any eq isakmp", "permit udp any any eq non500-isakmp", "permit esp any any"


def under(router: str, *entries: str, scenario: str = "intro-phase3", port: str = "GigabitEthernet1") -> World:
    """Return a network with a list on the WAN of one router, two minutes after its start."""
    lines = "\n ".join(("ip access-list extended WAN-IN", *entries))
    there = f"interface {port}\n"
    world = World(scenario, change=at(router, (there, f"{lines}\n!\n{there} ip access-group WAN-IN in\n")))
    world.run_for(120)
    return world


@pytest.mark.parametrize(
    ("router", "entries", "denied", "fix"),
    [
        ("SPOKE10", (ESP, "deny icmp any any"), f"the implicit deny at its end, {IKE}", IKE),
        ("SPOKE10", (IKE, "deny ip any any log"), f"entry 20, {ESP}", f"15 {ESP}"),
        ("SPOKE10", (IKE, "deny esp any any", "deny udp any any eq 4500"), f"entry 20, {ESP}", f"15 {ESP}"),
        ("HUB", (ESP, UDP), f"the implicit deny at its end, {IKE}", IKE),
        ("HUB", ("deny ip host 203.0.113.10 any", "permit ip any any"), "entry 10", f"5 {IKE}"),
    ],
)
def test_the_entry_that_cuts_a_tunnel_is_named_and_the_lines_heal(
    router: str, entries: tuple[str, ...], denied: str, fix: str
) -> None:
    world = under(router, *entries)
    finding = next(one for one in visit(ExaminedWorld(world)).findings if not one.advice)
    assert (finding.cause, finding.router) == (Cause.LIST_CUTS_TUNNEL, router), finding
    entry = denied.partition(", permit")[0]
    assert f"access list WAN-IN, {entry}, inbound on GigabitEthernet1, denies" in finding.what
    if "host" not in entries[0]:
        assert finding.fix[-1] == fix
        WorldBench(world).configure(router, list(finding.fix))
        assert world.wait_until(lambda: world.lacks() == [], limit=120), world.lacks()


@pytest.mark.parametrize("entries", [(IKE, ESP), (IKE, UDP), ("permit ip any any",)])
def test_lists_that_leave_the_tunnel_a_way_are_no_finding(entries: tuple[str, ...]) -> None:
    world = under("SPOKE10", *entries, "permit icmp any any")
    assert visit(ExaminedWorld(world)).healthy
    assert visit(ExaminedWorld(world), "SPOKE10", one_end=True).healthy


def test_one_router_alone_knows_which_entry_cuts_its_tunnel() -> None:
    world = under("SPOKE10", ESP)
    first = visit(ExaminedWorld(world), "SPOKE10", one_end=True).hypotheses[0]
    assert first.cause is Cause.LIST_CUTS_TUNNEL
    assert "denies IKE (UDP port 500) from 198.51.100.1" in first.why


def test_a_list_without_gre_cuts_a_tunnel_in_clear() -> None:
    world = under("SPOKE1", "permit icmp any any", scenario="phase2-eigrp", port="GigabitEthernet0/1")
    finding = next(one for one in visit(ExaminedWorld(world)).findings if not one.advice)
    assert (finding.cause, finding.router, finding.fix[-1]) == (Cause.LIST_CUTS_TUNNEL, "SPOKE1", "permit gre any any")


def test_with_nat_on_the_way_a_list_without_udp_4500_is_named() -> None:
    world = under("R31", IKE, ESP, scenario="ipsec-spoke-behind-nat", port="GigabitEthernet0/1")
    finding = next(one for one in visit(ExaminedWorld(world)).findings if not one.advice)
    assert (finding.cause, finding.router, finding.fix[-1]) == (Cause.LIST_CUTS_TUNNEL, "R31", UDP)
