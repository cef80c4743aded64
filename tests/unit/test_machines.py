"""All machines are one kind: one way through an event, one rule for timers, and nothing left of a failed event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.base.events import Tick
from dmvpn.base.machine import Machine
from dmvpn.base.notices import DebugOutput, Route, RouteChanged, RouteOffered, RouteSource
from dmvpn.features.bgp.machine import ECHO, BgpMachine
from dmvpn.router.features import FEATURES
from support.bgp_callers import Caller, hub
from support.fakes import fake_ports
from support.routing import p

if TYPE_CHECKING:
    from dmvpn.base.events import Event
    from dmvpn.base.notices import Notice

#: EIGRP notes a repeated Hello before it begins an event; NHRP adds what changed for the chronicle behind an event.
#: This only becomes less.
AROUND: Final = ("EigrpMachine.handle", "NhrpMachine.handle")

MACHINES: Final = {
    feature.name: type(feature.machine(fake_ports())) for feature in FEATURES if feature.machine is not None
}


def test_each_machine_goes_one_way_through_an_event() -> None:
    assert [name for name, kind in MACHINES.items() if not issubclass(kind, Machine)] == []


def test_no_machine_has_another_rule_for_events_and_timers() -> None:
    kinds = dict.fromkeys(each for kind in MACHINES.values() for each in kind.__mro__ if each is not Machine)
    ours = [kind for kind in kinds if issubclass(kind, Machine)]
    found = [f"{kind.__name__}.{name}" for kind in ours for name in ("handle", "next_deadline") if name in vars(kind)]
    assert sorted(found) == sorted(AROUND)


_HALF: Final = DebugOutput(("half of what the event does",))


def fail(self: Machine, event: Event | Notice) -> None:
    self._context.emit(_HALF)
    raise ZeroDivisionError


@pytest.mark.parametrize("name", MACHINES)
def test_effects_of_an_event_that_raised_do_not_leave_with_the_next_one(name: str) -> None:
    machine: Machine = type("Failing", (MACHINES[name],), {"dispatch": fail})(fake_ports())
    with pytest.raises(ZeroDivisionError):
        machine.handle(_HALF, 1.0)
    assert _HALF not in machine.handle(Tick(), 2.0)


def test_routes_of_an_update_are_installed_at_once_behind_a_route_that_raised_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """BGP took the update for an echo of its own routes in the routing table, and put the routes off."""

    def fail_to_look(*_: object) -> None:
        raise ZeroDivisionError

    bench = hub()
    caller = Caller(bench, 2).is_up()
    machine = bench.machine(BgpMachine)
    static = Route(prefix=p("10.9.0.0/24"), source=RouteSource.STATIC, distance=1)
    with monkeypatch.context() as failing:
        failing.setattr(machine.routes, "route_changed", fail_to_look)
        with pytest.raises(ZeroDivisionError):
            machine.handle(RouteChanged(static.prefix, None, static), bench.now)
    caller.announces(*(f"20.0.{number}.0/24" for number in range(2 * ECHO)))
    assert len([notice for notice in bench.notices if isinstance(notice, RouteOffered)]) == 2 * ECHO
