"""How often the router is told what strangers can make happen."""

from __future__ import annotations

from dmvpn.dataplane.contract import ALARMS_PER_SECOND, Alarms


def test_the_same_thing_is_told_once_a_second() -> None:
    alarms = Alarms()
    assert [alarms.may_tell("a", when) for when in (0.0, 0.5, 0.99, 1.0, 1.5, 2.1)] == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]


def test_however_many_strangers_there_are_only_so_many_are_told_of_in_a_second() -> None:
    alarms = Alarms()
    told = [alarms.may_tell(stranger, stranger / 10_000) for stranger in range(5_000)]
    assert sum(told) == ALARMS_PER_SECOND
    assert alarms.may_tell("a legitimate one", 1.1)
