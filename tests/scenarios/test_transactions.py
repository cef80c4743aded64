"""A change of the running configuration as a transaction: all lines or none, and nobody overwrites what nobody saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.face.context import TerminalLine, new_session
from dmvpn.face.interpreter import Interpreter
from dmvpn.face.messages import Configure
from dmvpn.face.transaction import MOST_REFUSED, Result, RunningText, Transaction, running_text

if TYPE_CHECKING:
    from dmvpn.face.transaction import ConfigurationChange
    from support.world import World

ARCHIVE = ("archive", "path flash:bak")
LOOPBACK = ("interface Loopback77", " ip address 7.7.7.7 255.255.255.255")


NETWORK = "notes-phase3"


def change(world: World, *lines: str, whole: bool = False, dry: bool = False, tag: str = "", minutes: int = 0,
           privilege: int = 15) -> ConfigurationChange:  # fmt: skip
    order = Configure(lines, whole, dry, tag, minutes, "anna", privilege, vty=True, location="192.0.2.7")
    line = TerminalLine("vty", 0, "anna", "192.0.2.7")
    return Transaction(world.handle("R31"), new_session(), order, line).carry_out()


def seen(world: World, privilege: int = 15) -> RunningText:
    return running_text(Interpreter(world.handle("R31"), new_session(), privilege=privilege))


def lines_of(world: World) -> list[str]:
    return seen(world).text.splitlines()


def test_a_change_takes_effect_in_one_step_and_says_how_it_differs(world: World) -> None:
    before = seen(world)
    made = change(world, *LOOPBACK, "interface range Loopback78 - 79", " description two at once")
    assert made.result is Result.APPLIED
    assert made.differences == (
        "+interface Loopback77",
        " +ip address 7.7.7.7 255.255.255.255",
        "+interface Loopback78",
        " +description two at once",
        "+interface Loopback79",
        " +description two at once",
    )
    after = seen(world)
    assert after.tag == made.tag != before.tag
    assert "interface Loopback77" in after.text
    world.run_for(1)
    assert "7.7.7.7" in world.show("R31", "ip interface brief")
    assert any("SYS-5-CONFIG_I" in line and "anna on vty0 (192.0.2.7)" in line for line in world.messages("R31"))


def test_one_refused_line_and_nothing_changes(world: World) -> None:
    before = seen(world)
    made = change(world, *LOOPBACK, "interface Tunnel100", " ip mtuu 1400", " ip nhrp shortcut", "do show clock", "end")
    assert made.result is Result.REFUSED
    assert [(one.number, one.text, one.said[-2:]) for one in made.refused] == [
        (4, " ip mtuu 1400", ("% Invalid input detected at '^' marker.", "")),
        (6, "do show clock", ("% Error: a transaction has lines of the configuration alone, without `do`",)),
    ]
    assert made.refused[0].said[0].index("^") == made.refused[0].text.index("u 1400")
    assert seen(world) == before


def test_a_trial_changes_nothing_and_says_the_same(world: World) -> None:
    before = seen(world)
    tried = change(world, *LOOPBACK, dry=True)
    assert (tried.result, tried.tag) == (Result.TRIED, before.tag)
    assert seen(world) == before
    assert change(world, *LOOPBACK).differences == tried.differences


def test_lines_that_undo_each_other_are_no_change(world: World) -> None:
    before = seen(world)
    made = change(world, "interface Tunnel100", " shutdown", " no shutdown")
    assert (made.result, made.differences, made.tag) == (Result.APPLIED, (), before.tag)
    world.run_for(5)
    assert not [line for line in world.messages("R31") if "Tunnel100" in line and "down" in line]


def test_a_writer_who_saw_an_earlier_configuration_changes_nothing(world: World) -> None:
    tag = seen(world).tag
    assert change(world, *LOOPBACK, tag=tag).result is Result.APPLIED
    late = change(world, "no interface Loopback77", tag=tag)
    assert (late.result, late.tag) == (Result.OUTDATED, seen(world).tag)
    assert "interface Loopback77" in lines_of(world)


def test_a_whole_configuration_takes_the_place_of_the_one_that_runs(world: World) -> None:
    before = seen(world)
    change(world, *LOOPBACK)
    made = change(world, *before.text.splitlines(), whole=True)
    assert made.differences == ("-interface Loopback77", " -ip address 7.7.7.7 255.255.255.255")
    assert seen(world).tag == made.tag == before.tag
    world.run_for(60)
    assert not [line for line in world.messages("R31") if "DUAL-5-NBRCHANGE" in line and "is down" in line]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (" ip mtu 1400", " ip mtuu 1400", "% Invalid input detected at '^' marker."),
        (" ip mtu 1400", " tunnle protection ipsec profile P", "% Invalid input detected at '^' marker."),
        ("hostname R31", "frobnicate everything", "% Invalid input detected at '^' marker."),
    ],
)
def test_a_bad_line_of_a_whole_configuration_is_named_and_nothing_changes(
    world: World, old: str, new: str, said: str
) -> None:
    before = seen(world)
    lines = before.text.replace(old, new, 1).splitlines()
    made = change(world, *lines, whole=True)
    assert made.result is Result.REFUSED
    number = lines.index(new) + 1
    assert [one for one in made.refused if one.number == number and said in one.said]
    assert seen(world) == before


def test_a_whole_configuration_that_was_cut_off_or_is_none_is_refused(world: World) -> None:
    before = seen(world)
    assert change(world, *before.text.partition(" tunnel mode")[0].splitlines(), whole=True).result is Result.REFUSED
    for nothing in ((), ("!",), ("Dear customer,",)):
        with pytest.raises(UserError, match="not a configuration"):
            change(world, *nothing, whole=True)
    assert seen(world) == before


def test_an_unconfirmed_change_goes_and_a_confirmed_one_stays(world: World) -> None:
    assert change(world, *ARCHIVE).result is Result.APPLIED
    before = seen(world)
    made = change(world, *LOOPBACK, minutes=1)
    assert made.rollback is not None
    assert (made.rollback.minutes, made.rollback.by) == (1, "anna")
    assert seen(world).rollback is not None
    world.run_for(61)
    assert seen(world) == before
    change(world, *LOOPBACK, minutes=1)
    world.do("R31", "configure confirm")
    world.run_for(61)
    assert "interface Loopback77" in lines_of(world)


def test_without_an_archive_there_is_no_way_back_and_no_change(world: World) -> None:
    before = seen(world)
    made = change(world, *LOOPBACK, minutes=1)
    assert (made.result, made.said) == (
        Result.UNARMED,
        ("%Turn config archive on before using Rollback Confirmed Change",),
    )
    assert seen(world) == before


def test_passwords_become_hashes_and_what_is_noted_has_none(world: World) -> None:
    made = change(world, "enable secret Geheim77", "username bob password Offen77", "snmp-server community Wort77 RO",
                  "interface Tunnel100", " ip nhrp authentication Kurz77")  # fmt: skip
    assert made.result is Result.APPLIED
    assert "Geheim77" not in str(made)
    assert "Kurz77" in str(made.differences)
    assert not [word for word in ("Offen77", "Wort77", "Kurz77") if word in str(made.noted)]


def test_the_log_of_lines_has_those_of_a_transaction_as_if_their_user_had_typed_them(world: World) -> None:
    change(world, "archive", "log config", "logging enable")
    change(world, "interface range Loopback77 - 78", " description two at once")
    change(world, "interface Loopback77", " no description", dry=True)
    change(world, "interface Loopback77", " no descriptiom")
    shown = world.show("R31", "archive log config user anna")
    assert [line.partition("|")[2] for line in shown.splitlines()[-5:]] == [
        "  logging enable",
        "interface Loopback77",
        "interface Loopback78",
        " description two at once",
        " description two at once",
    ]
    whole = [line for line in lines_of(world) if line != " description two at once"]
    change(world, *whole, whole=True)
    shown = world.show("R31", "archive log config user anna")
    assert [line.partition("|")[2] for line in shown.splitlines()[-4:]] == [
        "interface Loopback77",
        " no description two at once",
        "interface Loopback78",
        " no description two at once",
    ]


def test_a_router_that_logs_no_lines_logs_none_of_a_transaction(world: World) -> None:
    change(world, *LOOPBACK)
    assert len(world.lines("R31", "archive log config all")) == 1


def test_below_level_15_nobody_changes_anything_and_keys_are_starred(world: World) -> None:
    change(world, "privilege exec level 7 show running-config", "interface Tunnel100", " ip nhrp authentication Kurz77")
    with pytest.raises(UserError, match="level 15"):
        change(world, *LOOPBACK, privilege=7)
    with pytest.raises(UserError):
        seen(world, privilege=1)
    starred = seen(world, privilege=7)
    assert "Kurz77" not in starred.text
    assert "ip nhrp authentication" in starred.text
    assert starred.tag != seen(world).tag


def test_texts_without_an_end_and_lines_behind_the_end_are_refused(world: World) -> None:
    assert change(world, "banner motd ^C", "Hello", "^C", dry=True).result is Result.TRIED
    endless = change(world, "ip domain name x.example", "banner motd ^C", "Hello")
    assert [(one.number, one.said) for one in endless.refused] == [(2, ("% A text is not terminated: ^C",))]
    behind = change(world, "end", "!", *LOOPBACK)
    assert [one.number for one in behind.refused] == [3]


def test_refusals_are_counted_up_to_a_bound(world: World) -> None:
    assert len(change(world, *(["nonsense"] * 1000)).refused) == MOST_REFUSED


def test_a_copy_that_another_session_removes_first_does_not_spoil_a_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many changes at once with minutes, some were refused: "%Error writing flash:bak (No such file)"."""
    change(world, *ARCHIVE, "maximum 1")
    change(world, "ip host first 192.0.2.1", minutes=5)
    world.do("R31", "configure confirm")
    flash = world.handle("R31").flash
    remove = flash.remove

    def removed_twice(name: str) -> None:
        remove(name)
        remove(name)

    monkeypatch.setattr(flash, "remove", removed_twice)
    assert change(world, "ip host second 192.0.2.2", minutes=5).result is Result.APPLIED
