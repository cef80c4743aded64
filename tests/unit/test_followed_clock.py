"""The time of a simulated lab follows the machine's, as far as the machine can."""

from __future__ import annotations

import pytest

from dmvpn.shells.simulator.following import LONGEST, MOST_BEHIND, SLICE, FollowedClock


class Machine:
    """A clock, and a simulation that has an event each millisecond, of which each takes the machine some time."""

    def __init__(self, cost: float) -> None:
        self.time = 100.0
        self.now = 0.0
        self._cost = cost

    def clock(self) -> float:
        """Return the machine's time."""
        return self.time

    def run_until(self, time: float) -> None:
        """Simulate."""
        self.time += self._cost * (time - self.now) * 1000
        self.now = time

    def next_event(self) -> float | None:
        """Return the next millisecond."""
        return self.now + 0.001


def test_a_quick_simulation_is_at_the_time_of_the_machine() -> None:
    machine = Machine(cost=0.0)
    clock = FollowedClock(machine, machine.clock)
    machine.time += 3600.0
    clock.catch_up()
    assert abs(machine.now - 3600.0) < 0.01
    assert abs((clock.due() or 0.0) - machine.time) < 0.01


def test_a_simulation_that_is_too_slow_leaves_the_machine_time_for_keys_and_falls_behind() -> None:
    """A ping with many repeats kept a simulated lab busy for half a minute at a time: Ctrl-Shift-6 had to wait."""
    machine = Machine(cost=0.002)
    clock = FollowedClock(machine, machine.clock)
    for _ in range(100):
        begun = machine.time
        machine.time += 0.05
        clock.catch_up()
        assert machine.time - begun < 0.05 + LONGEST + 0.05
    assert (clock.due() or 0.0) > machine.time - MOST_BEHIND - 0.1


def test_a_leap_is_made_in_slices_and_the_time_goes_on_from_there() -> None:
    machine = Machine(cost=0.002)
    clock = FollowedClock(machine, machine.clock)
    begun, slices = machine.time, 0
    for share in clock.leap(3.0):
        assert machine.now == pytest.approx(3.0 * share)
        assert machine.time - begun < SLICE + 0.05, "requests wait for as long"
        clock.catch_up()
        assert machine.now == pytest.approx(3.0 * share), "the clock stands while it is set"
        assert clock.due() is None
        begun, slices = machine.time, slices + 1
    assert slices > 50
    assert machine.now == 3.0
    assert abs((clock.due() or 0.0) - machine.time) < 0.01


def test_a_leap_of_a_month_that_is_given_up_ends_where_it_is() -> None:
    """Nobody could end a lab whose clock a pupil had set a month ahead before leaving it."""
    machine = Machine(cost=0.002)
    clock = FollowedClock(machine, machine.clock)
    leap = clock.leap(30 * 86400.0)
    assert 0.0 < next(leap) < 0.01
    leap.close()
    reached = machine.now
    clock.catch_up()
    assert machine.now == pytest.approx(reached)
    assert abs((clock.due() or 0.0) - machine.time) < 0.01
