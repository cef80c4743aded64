"""`lab break`, `hint`, `grade`, `phase` and `save` as they are typed, in simulated labs: they need no privileges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.labs import Labs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMPLAINT = "What R31 sends to R41 takes the long way by the head office."


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    """notes-phase3."""
    with Labs() as labs:
        labs.up("notes-phase3", "--simulated")
        yield labs


def test_a_lesson_from_the_complaint_to_a_repair_of_another_kind(labs: Labs) -> None:
    said = labs.say("lab", "break", "shortcut-missing")
    assert f"\n  {COMPLAINT}\n" in said
    for router in ("R11", "R31", "R41"):  # only the broken one said "Last configuration change ... by console"
        running = labs.on(router, "show running-config")
        assert any(line.startswith("! Last") and line.endswith("by console") for line in running.splitlines())
        assert "ip host" not in running, "nothing is left of that"
    assert "CONFIG_I" not in labs.on("R31", "show logging")
    again = labs.run("lab", "break")
    assert again.returncode == 1
    assert COMPLAINT in again.stderr, "who came late is told what users report"
    assert [labs.say("lab", "hint")[:2] for _ in range(3)] == ["1.", "2.", "3."]
    assert "that was the last hint" in labs.run("lab", "hint").stderr
    worse = labs.run("lab", "grade")
    assert worse.returncode == 1
    assert "BAD   from R31: H4 (10.4.4.100) is reached by the short way: 3 hops, and it was 2\n" in worse.stdout
    assert "Not yet: 1 of 30 are worse" in worse.stdout
    labs.configure("R31", "ip route 10.4.4.0 255.255.255.0 192.168.100.41")
    fixed = labs.say("lab", "grade")
    assert "\nFixed, with 3 hints. It was: A spoke takes no shortcuts.\n" in fixed
    assert "nothing is broken here" in labs.run("lab", "hint").stderr
    labs.say("lab", "reset")


def test_a_dead_router_answers_nobody_until_it_is_started_or_the_lab_reset(labs: Labs, tmp_path: Path) -> None:
    """A dead router answered with an empty configuration, so it ran, and `lab save` wrote that down."""
    labs.say("lab", "break", "hub-dead")
    assert "R11 is dead; 'dmvpn lab start R11' starts it again" in labs.run("-r", "R11", "show", "version").stderr
    assert "BAD   R11 runs\n" in labs.run("lab", "grade").stdout
    assert "not saved: what R11 runs: it does not answer" in labs.say("lab", "save", tmp_path / "saved")
    assert "hostname R11" in (tmp_path / "saved" / "R11.cfg").read_text()
    labs.say("lab", "start", "R11")
    assert "hostname R11" in labs.on("R11", "show running-config")
    labs.say("lab", "kill", "R11")
    labs.say("lab", "reset")
    assert "R11              running" in labs.say("lab", "status")
    assert "nothing is broken here" in labs.run("lab", "grade").stderr


def test_a_phase_is_entered_everywhere_or_nowhere(labs: Labs) -> None:
    """R11 had its line when R41 turned out to be dead, and nobody was shown what had been typed."""
    before = labs.on("R11", "show running-config interface Tunnel100")
    labs.say("lab", "kill", "R41")
    refused = labs.run("lab", "phase", "2")
    assert refused.returncode == 1
    assert "R41 does not answer, so nothing was typed anywhere; 'dmvpn lab start R41'" in refused.stderr
    assert labs.on("R11", "show running-config interface Tunnel100") == before
    labs.say("lab", "reset")


def test_a_phase_fixes_nothing_that_somebody_shall_find(labs: Labs) -> None:
    """It was "Fixed, without a hint"."""
    labs.say("lab", "break", "redirect-missing")
    assert "something is broken here for somebody to find" in labs.run("lab", "phase", "3").stderr
    assert "redirect" not in labs.on("R11", "show running-config interface Tunnel100")
    labs.say("lab", "reset")
    assert "already" in labs.say("lab", "phase", "3")


def test_a_hint_in_an_exercise_says_where_hints_are(labs: Labs) -> None:
    labs.up("exercise-05", "--simulated")
    said = labs.run("lab", "hint", "exercise-05").stderr
    assert "it is an exercise: 'dmvpn lab grade' has a hint for each task that is left" in said
    labs.say("lab", "down", "exercise-05")


def test_a_folder_that_is_called_like_an_exercise_is_none(labs: Labs, tmp_path: Path) -> None:
    """Its own tasks were those of the exercise, and done."""
    labs.say("lab", "save", "notes-phase3", tmp_path / "exercise-05")
    said = labs.up(tmp_path / "exercise-05", "--simulated")
    assert "Your tasks" not in said
    assert "nothing is broken here" in labs.run("lab", "grade", "exercise-05").stderr
    listed = [line for line in labs.say("lab", "list").splitlines() if line.startswith("  exercise-05")]
    assert [" up " in line for line in listed] == [False, True]
    assert listed[1].endswith("(a folder of yours)")
    assert "another lab is called exercise-05" in labs.run("lab", "up", "exercise-05", "--simulated").stderr
    labs.say("lab", "down", "exercise-05")


def test_a_lab_goes_to_another_program_with_what_was_typed_and_comes_back(labs: Labs, tmp_path: Path) -> None:
    labs.configure("R31", "interface Loopback7", "ip address 10.7.7.7 255.255.255.255")
    said = labs.say("lab", "save", "notes-phase3", tmp_path / "clab", "--format", "containerlab", "--image", "mine:1")
    assert f"'dmvpn lab up {tmp_path / 'clab'}' brings it up again" in said
    assert "image: mine:1" in (tmp_path / "clab/notes-phase3.clab.yml").read_text()
    assert "converged" in labs.up(tmp_path / "clab", "--simulated")
    assert "10.7.7.7" in labs.on("clab/R31", "show running-config interface Loopback7")
    labs.say("lab", "down", "clab")
    refused = labs.run("lab", "save", "notes-phase3", tmp_path / "ours", "--node", "iosv")
    assert "name it with --format" in refused.stderr
    labs.configure("R31", "no interface Loopback7")


def test_a_lab_that_is_not_well_is_not_broken_further(labs: Labs, tmp_path: Path) -> None:
    """Nobody could tell what had been done to it, and every grade would be good."""
    labs.configure("R11", "interface Tunnel100", "shutdown")
    assert "the lab is not well: " in labs.run("lab", "break").stderr
    labs.say("lab", "reset")
    end = "interface GigabitEthernet0/{}\n ip address {}\n!\n"
    tunnel = "interface Tunnel0\n ip address 10.0.0.{} 255.255.255.0\n ip nhrp network-id 1\n{}"
    tunnel += " tunnel source GigabitEthernet0/1\n tunnel mode gre multipoint\n!\n"
    for number, (name, lines) in enumerate({"HUB": "", "SPOKE": " ip nhrp nhs 10.0.0.1 nbma 192.0.2.1\n"}.items(), 1):
        ports = end.format(1, f"192.0.2.{number} 255.255.255.0") + end.format(2, f"10.{number}.0.1 255.255.255.0")
        (tmp_path / f"{name}.cfg").write_text(f"hostname {name}\n{tunnel.format(number, lines)}{ports}end\n")
    labs.up(tmp_path, "--simulated")
    assert "no site reaches another one" in labs.run("lab", "break", "--lab", tmp_path.name).stderr
    assert "nothing is broken here" in labs.run("lab", "grade", tmp_path.name).stderr
    labs.say("lab", "down", tmp_path.name)
