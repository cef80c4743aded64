"""Thousands of routes that come into OSPF at one moment, and go again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, ConfigurationEntered, EnteredLine, Event, LinesEntered, LinkChanged, Tick
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.features.ospf.slices import SLICE
from dmvpn.features.ospf.state import State
from dmvpn.router.router import Router

if TYPE_CHECKING:
    from dmvpn.features.ospf.spf import Ways

ROUTES = 1500
LINES = "".join(f"ip route 20.{n >> 8}.{n & 255}.0 255.255.255.0 Null0\n" for n in range(ROUTES))
CONFIGURATION = f"""interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
router ospf 1
 network 192.0.2.0 0.0.0.255 area 0
{LINES}"""


class Border:
    """A router with many static routes. most: so many more or fewer advertisements at most after one event."""

    def __init__(self) -> None:
        self.router = Router(SeededEntropy(1))
        self.now, self.most = 0.0, 0
        self.handle(ClockSet(1.8e9), ConfigurationEntered(CONFIGURATION, by="startup", saved=True))
        self.handle(LinkChanged("GigabitEthernet0/0", up=True))
        self.run(10.0)

    @property
    def told(self) -> int:
        processes = self.router.machine(OspfMachine).processes
        return len(processes[1].externals.entries) if 1 in processes else 0

    def handle(self, *events: Event) -> None:
        for event in events:
            before = self.told
            self.router.handle(event, self.now)
            self.most = max(self.most, abs(self.told - before))

    def enters(self, line: str) -> None:
        self.handle(LinesEntered((EnteredLine((), "router ospf 1"), EnteredLine(("router ospf 1",), line))))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.handle(Tick())
        self.now = end


@pytest.mark.lengthy
def test_thousands_of_routes_come_in_and_go_again_a_few_in_each_event() -> None:
    border = Border()
    border.enters("redistribute static subnets")
    border.run(5.0)
    assert border.told == ROUTES
    border.enters("no redistribute static subnets")
    border.run(5.0)
    assert border.told == 0
    assert border.most <= SLICE, "neighbors are heard between two slices"


def test_routes_that_have_not_come_in_yet_do_not_come_after_the_end_of_the_process() -> None:
    border = Border()
    border.enters("redistribute static subnets")
    border.handle(LinesEntered((EnteredLine((), "no router ospf 1"),)))
    border.run(5.0)
    assert border.told == 0
    border.handle(
        LinesEntered(
            (
                EnteredLine((), "router ospf 1"),
                EnteredLine(("router ospf 1",), "network 192.0.2.0 0.0.0.255 area 0"),
            )
        )
    )
    border.run(5.0)
    assert border.told == 0


def test_a_process_that_is_gone_leaves_no_work_behind() -> None:
    """After `no router ospf` the router went on through its routing table, a few routes in each event."""
    border = Border()
    border.enters("redistribute static subnets")
    border.handle(LinesEntered((EnteredLine((), "no router ospf 1"),)))
    assert border.router.machine(OspfMachine).next_deadline() is None


@pytest.mark.lengthy
def test_advertisements_that_stay_as_they_are_cost_no_look_at_all_neighbors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each external route looked at each neighbor after any edit of a list: 3.5 s with a thousand neighbors."""
    border = Border()
    border.enters("redistribute static subnets")
    border.run(5.0)
    looks = 0
    ways = State.ways

    def counted(state: State) -> Ways:
        nonlocal looks
        looks += 1
        return ways(state)

    monkeypatch.setattr(State, "ways", counted)
    border.handle(LinesEntered((EnteredLine((), "ip prefix-list X permit 10.0.0.0/8"),)))
    border.run(5.0)
    assert looks < 10
