"""Of two ends that do not fit the doctor names the one that is wrong: of a narrow way, of two masks, of a gateway."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.proofs.networks import Case, well_rows
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor import visit
from support.doctors import ExaminedWorld
from support.odd import CLOUD, STATIC, TWO, Odd, case_of
from support.world import World

if TYPE_CHECKING:
    from dmvpn.tools.doctor import Finding

PORT = "GigabitEthernet0/1"


def first(odd: Odd) -> Finding:
    """What the doctor says first."""
    return visit(case_of(odd).examined).findings[0]


@pytest.mark.parametrize(
    ("odd", "router"),
    [
        (Odd(CLOUD, {}, {f"HUB1:{PORT}": Badness(mtu=1200)}), "HUB1"),
        (Odd(CLOUD, {}, {f"S2:{PORT}": Badness(mtu=1200)}), "S2"),
        (Odd(TWO, {}, {f"HUB2:{PORT}": Badness(mtu=1200)}), "HUB2"),
        (Odd(TWO, {}, {f"S1:{PORT}": Badness(mtu=1200)}), "S1"),
    ],
    ids=["the hub", "a spoke", "one of two hubs", "a spoke of two hubs"],
)
def test_of_a_narrow_way_the_narrow_end_is_named_and_how_much_passes(odd: Odd, router: str) -> None:
    """Every client of a hub with a narrow wire was accused, with lines for its own tunnel."""
    found = first(odd)
    assert (found.cause, found.router) == (Cause.PATH_MTU, router)
    assert found.order.startswith("1200 octets pass: 'ip mtu' of 11")


@pytest.mark.parametrize("end", ["S1", "HUB1"])
def test_of_a_narrow_way_of_one_spoke_alone_the_gateways_decide(end: str) -> None:
    lonely = {"S2": ("interface Tunnel0", "shutdown")}
    odd = Odd(replace(STATIC, spokes=2), lonely, {f"{end}:{PORT}": Badness(mtu=1200)})
    found = next(one for one in visit(case_of(odd).examined).findings if one.cause is Cause.PATH_MTU)
    assert found.router == end


def test_where_pieces_get_lost_the_end_that_makes_them_is_named() -> None:
    """The spoke was to change, whose tunnel makes none."""
    lines = {"HUB1": ("interface Tunnel0", "ip mtu 1500")}
    found = first(Odd(CLOUD, lines, {f"HUB1:{PORT}": Badness(block=("fragments",))}))
    assert (found.cause, found.router) == (Cause.FRAGMENTS_BLOCKED, "HUB1")


@pytest.mark.parametrize(
    ("router", "port", "address"), [("TRANSPORT", "GigabitEthernet0/2", "198.51.100.6"), ("S1", PORT, "198.51.100.5")]
)
@pytest.mark.parametrize("mask", ["255.255.255.254", "255.255.255.255"])
def test_of_two_masks_the_one_that_no_other_wire_has_is_wrong(router: str, port: str, address: str, mask: str) -> None:
    """The spoke was to take the provider's wrong mask for its own."""
    found = first(Odd(CLOUD, {router: (f"interface {port}", f"ip address {address} {mask}")}))
    assert (found.cause, found.router) == (Cause.WRONG_MASK, router)
    assert found.fix == (f"interface {port}", f"ip address {address} 255.255.255.252")


@pytest.mark.parametrize("without", ["HUB1", "S1"])
def test_of_two_routers_the_one_without_a_password_gets_one(without: str) -> None:
    """The spoke was to remove its password where the hub had none, which lets strangers in."""
    pair = replace(CLOUD, spokes=1, authentication=True)
    lines = ("interface Tunnel0", "no ip nhrp authentication", "shutdown", "no shutdown")
    found = first(Odd(pair, {without: lines}))
    assert (found.cause, found.router) == (Cause.AUTHENTICATION, without)
    assert found.fix == ("interface Tunnel0", "ip nhrp authentication <secret>")


def hosted(gateway: str, *, mask: int = 24) -> list[Finding]:
    """What is found where H3 of notes-phase3 has this gateway, and this mask."""
    given = Scenario.load("notes-phase3")
    host = given.lab.hosts["H3"].model_copy(update={"gateway": IPv4Address(gateway), "address": f"10.3.3.100/{mask}"})
    lab = given.lab.model_copy(update={"hosts": {**given.lab.hosts, "H3": host}})
    world = World.of(Scenario(given.name, lab, given.configurations))
    world.run_for(60)
    return [one for one in visit(ExaminedWorld(world)).findings if not one.advice]


@pytest.mark.parametrize("gateway", ["10.33.3.1", "10.3.3.100", "10.3.3.255"])
def test_a_host_whose_gateway_cannot_be_one_is_named_and_not_its_router(gateway: str) -> None:
    """R31 was to take an address that is in no network of its own."""
    (found,) = hosted(gateway)
    assert found.cause is Cause.HOST_GATEWAY
    assert found.what.startswith("the host H3 (10.3.3.100/24) sends to the gateway")
    assert (found.fix, found.order) == ((), "give the host H3 the gateway 10.3.3.1")


def test_a_host_that_does_not_answer_its_own_router_is_looked_for_at_its_wire() -> None:
    """All steps between the sites were well, so nothing was said to be broken."""
    case = Case(Scenario.load("notes-phase3"), 1)
    well_rows(case)
    assert visit(case.examined).healthy
    case.bench.impair("R31:GigabitEthernet0/2", Badness(cut=True))
    case.wait(60)
    (found,) = [one for one in visit(case.examined).findings if not one.advice]
    assert (found.cause, found.router, found.certain) == (Cause.LINK_CUT, "R31", True)
    assert found.what == "H3 (10.3.3.100) does not answer at GigabitEthernet0/2 of R31"
