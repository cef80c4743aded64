"""Protocols of which a configuration says nothing: a router runs without them, and has them when they are wanted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, EnteredLine, LinesEntered
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.eigrp.machine import EigrpMachine
from dmvpn.features.nat.machine import NatMachine
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.features.rip.machine import RipMachine
from dmvpn.ios import Match
from dmvpn.router.facts import router_facts
from dmvpn.router.features import FEATURES
from dmvpn.router.prompt import exec_parser
from dmvpn.router.router import Router

PLAIN = "hostname R1\ninterface Ethernet0/0\n ip address 192.0.2.1 255.255.255.0\n"
SLEEPERS = (BgpMachine, EigrpMachine, NatMachine, OspfMachine, RipMachine)


def test_a_router_without_their_lines_runs_without_five_protocols() -> None:
    router = Router(SeededEntropy(1))
    router.handle(ConfigurationEntered(PLAIN), 0.0)
    assert not {"bgp", "eigrp", "nat", "ospf", "rip"} & router.machines.keys()


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (("router ospf 1", "network 192.0.2.0 0.0.0.255 area 0"), OspfMachine),
        (("router eigrp 1", "network 192.0.2.0"), EigrpMachine),
        (("router rip", "network 192.0.2.0"), RipMachine),
        (("router bgp 65000", "neighbor 192.0.2.2 remote-as 65000"), BgpMachine),
    ],
)
def test_a_protocol_begins_with_its_first_lines(lines: tuple[str, str], kind: type[object]) -> None:
    typed, read = Router(SeededEntropy(1)), Router(SeededEntropy(1))
    typed.handle(ConfigurationEntered(PLAIN), 0.0)
    first, second = lines
    typed.handle(LinesEntered((EnteredLine((), first), EnteredLine((first,), second))), 1.0)
    read.handle(ConfigurationEntered("\n".join((PLAIN, *lines))), 1.0)
    assert typed.machine(kind).config == read.machine(kind).config  # type: ignore[attr-defined]
    said = [router_facts(router, 2.0).model_dump(include={"eigrp", "ospf", "rip", "bgp"}) for router in (typed, read)]
    assert said[0] == said[1]


def test_a_router_publishes_the_same_whether_its_idle_protocols_sleep() -> None:
    router = Router(SeededEntropy(1))
    router.handle(ConfigurationEntered(PLAIN), 0.0)
    asleep = router_facts(router, 1.0)
    for kind in SLEEPERS:
        router.machine(kind)
    assert len(router.machines) >= len(SLEEPERS)
    assert router_facts(router, 1.0) == asleep


@pytest.mark.parametrize("line", ["show ip protocols", "show ip protocols summary", "show tcp brief"])
def test_a_show_of_all_protocols_wakes_none(line: str) -> None:
    router = Router(SeededEntropy(1))
    router.handle(ConfigurationEntered(PLAIN), 0.0)
    match = exec_parser(FEATURES).match(line)
    assert isinstance(match, Match)
    assert list(match.lines(router.context(1.0)))
    assert not any(isinstance(machine, SLEEPERS) for machine in router.machines.values())


@pytest.mark.lengthy
def test_a_router_that_runs_no_ospf_and_no_bgp_does_not_import_them() -> None:
    """The machines of both were a tenth of what a router imported before its first packet."""
    code = (
        "import sys; from dmvpn.router.facts import router_facts; from dmvpn.shells.runtime.runtime import Runtime; "
        "from dmvpn.router.features import FEATURES; from dmvpn.router.prompt import exec_parser; "
        "exec_parser(FEATURES).match('show ip ospf'); "
        "sys.exit(any(f'dmvpn.features.{name}.machine' in sys.modules for name in ('ospf', 'bgp', 'rip', 'eigrp')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
