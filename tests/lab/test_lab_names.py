"""Labs of one scenario side by side, each with a name of its own: `lab up NAME --name anna-NAME`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.labs import Labs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    """Two labs of notes-phase3 and two of an exercise, simulated."""
    with Labs() as labs:
        for name in ("anna-notes", "ben-notes"):
            assert f"{name}: DMVPN phase 3" in labs.up("notes-phase3", "--simulated", "--name", name)
        for name in ("anna-05", "ben-05"):
            labs.up("exercise-05", "--simulated", "--name", name)
        yield labs


def test_what_is_typed_in_one_lab_is_not_in_the_other(labs: Labs) -> None:
    labs.typed("anna-notes/R31", "configure terminal", "interface Loopback7", "ip address 10.7.7.7 255.255.255.255")
    assert "10.7.7.7" in labs.typed("anna-notes/R31", "show ip interface brief")
    assert "10.7.7.7" not in labs.typed("ben-notes/R31", "show ip interface brief")


def test_the_list_has_each_lab_with_its_scenario(labs: Labs) -> None:
    listed = [" ".join(line.split()) for line in labs.say("lab", "list").splitlines()]
    assert "anna-notes up (a lab of notes-phase3)" in listed
    assert any(line.startswith("notes-phase3 up ") for line in listed)
    assert any(line.startswith("exercise-05 up ") for line in listed)
    assert not any(line.startswith("intro-phase3 up ") for line in listed)


def test_the_doctor_takes_the_name_of_a_lab(labs: Labs) -> None:
    assert labs.say("doctor", "ben-notes", "--no-probes").startswith("4 routers: nothing is broken")
    refused = labs.run("doctor", "ben-notes", "10.4.4.1")
    assert "no lab that is up has ben-notes" in refused.stderr, "an address is reached from a router"


def test_each_student_is_graded_for_an_own_lab(labs: Labs) -> None:
    labs.typed("anna-05/R11", "configure terminal", "interface Tunnel100", "ip nhrp redirect")
    for spoke in ("R31", "R41"):
        labs.typed(f"anna-05/{spoke}", "configure terminal", "interface Tunnel100", "ip nhrp shortcut")
    labs.typed("anna-05/R31", "ping 10.4.4.1 source 10.3.3.1")
    assert "All 3 tasks are done." in labs.say("lab", "grade", "anna-05")
    assert "3 of 3 tasks are left." in labs.run("lab", "grade", "ben-05").stdout


def test_a_name_that_another_lab_has_is_refused(labs: Labs) -> None:
    refused = labs.run("lab", "up", "intro-phase3", "--simulated", "--name", "ben-notes")
    assert "another lab is called ben-notes, too, and is up; 'dmvpn lab down ben-notes' ends it" in refused.stderr
    assert "is not a valid lab name" in labs.run("lab", "up", "intro-phase3", "--simulated", "--name", "../up").stderr
    assert "up already" in labs.say("lab", "up", "notes-phase3", "--simulated", "--name", "ben-notes")
