"""A default route that OSPF tells while a route map permits some route of the routing table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, ConfigurationEntered, EnteredLine, LinesEntered, LinkChanged, Tick
from dmvpn.features.ospf.lsa import ExternalBody
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.router.router import Router

if TYPE_CHECKING:
    import pytest

CONFIGURATION = """interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
router ospf 1
 network 192.0.2.0 0.0.0.255 area 0
 default-information originate always route-map M
ip prefix-list A permit 20.0.1.0/24
ip prefix-list B permit 20.0.2.0/24
route-map M permit 10
 match ip address prefix-list A
 set metric 11
route-map M permit 20
 match ip address prefix-list B
 set metric 22
"""


def _enter(router: Router, line: str, now: float) -> None:
    router.handle(LinesEntered((EnteredLine((), line),)), now)
    end = now + 9.0
    while (due := router.next_deadline()) is not None and due <= end:
        now = max(now, due)
        router.handle(Tick(), now)


def _metric(router: Router) -> int | None:
    for entry in router.machine(OspfMachine).processes[1].externals.entries.values():
        body = entry.lsa.body
        if isinstance(body, ExternalBody) and entry.lsa.header.id == Prefix.parse("0.0.0.0/0").address:
            return body.metric
    return None


def test_the_default_route_follows_the_first_route_that_the_map_permits(monkeypatch: pytest.MonkeyPatch) -> None:
    router = Router(SeededEntropy(1))
    router.handle(ClockSet(1.8e9), 0.0)
    router.handle(ConfigurationEntered(CONFIGURATION, by="startup", saved=True), 0.0)
    router.handle(LinkChanged("GigabitEthernet0/0", up=True), 0.0)
    steps = (
        ("ip route 20.0.2.0 255.255.255.0 Null0", 22),
        ("ip route 20.0.9.0 255.255.255.0 Null0", 22),
        ("ip route 20.0.0.0 255.255.255.0 Null0", 22),
        ("ip route 20.0.1.0 255.255.255.0 Null0", 11),
        ("no ip route 20.0.2.0 255.255.255.0 Null0", 11),
        ("no ip route 20.0.1.0 255.255.255.0 Null0", None),
        ("ip prefix-list B permit 20.0.9.0/24", 22),
        ("no ip route 20.0.9.0 255.255.255.0 Null0", None),
        ("ip route 20.0.1.0 255.255.255.0 Null0", 11),
    )
    for number, (line, metric) in enumerate(steps, 1):
        _enter(router, line, 10.0 * number)
        assert _metric(router) == metric, line

    def all_of_them() -> tuple[()]:
        raise AssertionError("the whole table is looked through for a route that decides nothing")

    monkeypatch.setattr(router.ports.rib, "routes", all_of_them)
    _enter(router, "ip route 20.0.7.0 255.255.255.0 Null0", 200.0)
    assert _metric(router) == 11
