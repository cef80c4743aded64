"""The twelve exercises: each begins undone, the steps of its page solve it, and who errs is told what is missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.app import teach as outer
from dmvpn.app.lab_words import Printer
from dmvpn.base.entropy import SeededEntropy
from dmvpn.shells.lab.badness import HARMLESS, Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.exercises import Exercise, WhenCheck, exercise, exercises, look
from dmvpn.tools.lessons import examine, fixed, grade, note_fixed
from dmvpn.tools.troubles import TROUBLES, trouble
from dmvpn.tools.troubles.faults import draw_story
from dmvpn.tools.troubles.orders import carry_out
from dmvpn.tools.troubles.stage import Stage
from support.bench import WorldBench
from support.cases import one_in
from support.docs import BLOCK, ROOT, steps
from support.typed import read
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.tools.lessons import Health

ALL = exercises()
TYPED = re.compile(r"dmvpn -r (\S+) - <<END\n(.*)\nEND", re.DOTALL)
ACTED = re.compile(r"dmvpn -r (\S+) (clear .*|ping [^|]*|traceroute [^|]*)(?: \|.*)?")
CLOCK = re.compile(r"dmvpn lab clock \+(\d+)")
BROKEN = re.compile(r"dmvpn lab break --seed (\d+)")
FIXED = "dmvpn lab grade | tail -1"


class Learner:
    """Somebody with a page and a network."""

    def __init__(self, one: Exercise) -> None:
        self.exercise = one
        self.world = World(one.name).converge()
        self.bench = WorldBench(self.world)
        self._healthy: Health | None = None

    def missing(self) -> dict[int, str]:
        """By the number of the task: what a grade says is missing, and its hint."""
        found = enumerate(look(self.bench, self.exercise), 1)
        return {number: f"{finding.missing}: {finding.hint}" for number, finding in found if not finding.is_done}

    def type(self, router: str, *lines: str) -> None:
        """Type lines; none may be refused."""
        said = self.world.do(router, *lines)
        assert "Invalid input" not in said, said
        assert "Incomplete" not in said, said

    def follow_the_page(self) -> None:
        """Do every step that changes something."""
        for block in BLOCK.findall((ROOT / self.exercise.place.page).read_text()):
            for step in steps(block):
                if match := TYPED.fullmatch(step.command):
                    self.type(match[1], *match[2].splitlines())
                elif match := ACTED.fullmatch(step.command):
                    self.world.do(match[1], match[2])
                elif match := CLOCK.fullmatch(step.command):
                    self.world.run_for(float(match[1]))
                elif match := BROKEN.fullmatch(step.command):
                    stage = self._stage()
                    self._healthy = examine(self.bench, stage)
                    carry_out(self.bench, draw_story(TROUBLES, stage, SeededEntropy(int(match[1]))).orders)
                elif step.command == FIXED and self._healthy is not None:
                    assert self._healthy is not None
                    verdicts = grade(self._healthy, examine(self.bench, self._stage(), self._healthy))
                    assert [str(verdict) for verdict in verdicts if not verdict.is_good] == []
                    self.bench.fixed += 1
                    self._healthy = None

    def _stage(self) -> Stage:
        return Stage.of(self.world.scenario)


def name(one: Exercise) -> str:
    return one.name


@pytest.mark.parametrize("one", ALL, ids=name)
def test_an_exercise_begins_with_everything_left_to_do(one: Exercise) -> None:
    left = [number for number, task in enumerate(one.tasks, 1) if not task.begins_done]
    assert list(Learner(one).missing()) == left


@pytest.mark.parametrize("one", one_in(2, ALL), ids=name)
def test_who_does_what_the_page_says_has_done_the_exercise(one: Exercise) -> None:
    learner = Learner(one)
    learner.follow_the_page()
    assert learner.missing() == {}


GRE_OVERLAY = ("router eigrp GRE-OVERLAY", "address-family ipv4 unicast autonomous-system 100")

#: In an exercise, what was typed, and by task what the grade says (...: anything); tasks that are not named are done.
WRONG = read("exercises")


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_solution_is_told_what_is_missing(what: str) -> None:
    learner = Learner(ALL[int(WRONG[what].network) - 1])
    says: dict[int, str] = {}
    for place, lines in WRONG[what].lines.items():
        if place.startswith("task "):
            says[int(place.removeprefix("task "))] = lines[0].removesuffix("...")
        else:
            learner.type(place, "configure terminal", *lines, "end")
    learner.world.run_for(80.0)
    missing = learner.missing()
    assert list(missing) == list(says), missing
    for task, words in says.items():
        assert words in missing[task]


def test_another_solution_than_that_of_the_page_counts_too() -> None:
    learner = Learner(ALL[2])
    process = ("router eigrp GRE-OVERLAY", "address-family ipv4 unicast autonomous-system 100")
    learner.type("R11", "configure terminal", *process, "af-interface Tunnel100", "no split-horizon", "end")
    learner.type("R11", "configure terminal", "interface Tunnel100", "ip nhrp map multicast dynamic", "end")
    for spoke in ("R31", "R41"):
        server = "ip nhrp nhs 192.168.100.11 nbma 172.16.11.1"
        lines = ("interface Tunnel100", f"no {server}", f"{server} multicast", "end")
        learner.type(spoke, "configure terminal", *lines)
    learner.world.run_for(80.0)
    assert learner.missing() == {}


def test_any_summary_that_covers_the_lans_is_one() -> None:
    """It had to be 10.0.0.0/8, although every solution counts that works."""
    learner = Learner(ALL[5])
    interface = (*GRE_OVERLAY, "af-interface Tunnel100", "summary-address 10.0.0.0 255.248.0.0", "end")
    learner.type("R11", "configure terminal", *interface)
    learner.world.run_for(80.0)
    assert learner.missing() == {}


def test_nobody_is_told_that_the_hub_knows_what_it_does_not_know() -> None:
    missing = Learner(ALL[2]).missing()
    assert missing[3] == "R11 has no route of EIGRP to 10.4.4.0/24: The hub must learn it first, from its neighbor R41."


def test_a_grade_says_what_is_done_what_is_not_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    learner = Learner(ALL[4])
    assert outer.grade_exercise(look(learner.bench, learner.exercise), Printer(for_programs=False)) == 1
    printed = capsys.readouterr().out
    assert "TO DO  1. R31 sends directly to R41\n          Now: packets from R31" in printed
    assert printed.endswith("3 of 3 tasks are left.\n")
    learner.follow_the_page()
    assert outer.grade_exercise(look(learner.bench, learner.exercise), Printer(for_programs=False)) == 0
    assert capsys.readouterr().out.endswith("All 3 tasks are done.\n")


def test_a_grade_leaves_wires_as_they_were_and_configurations_alone() -> None:
    learner = Learner(ALL[9])
    slow = Badness(delay=20.0)
    learner.bench.impair("HUB1:GigabitEthernet0/1", slow)
    before = learner.bench.ask([("HUB1", "show running-config"), ("SPOKE1", "show running-config")])
    learner.missing()
    assert learner.bench.ask([("HUB1", "show running-config"), ("SPOKE1", "show running-config")]) == before
    assert learner.bench.badness("HUB1:GigabitEthernet0/1") == slow
    assert learner.bench.badness("HUB1:GigabitEthernet0/2") == HARMLESS


def test_there_are_thirteen_and_each_has_a_page_that_ends_with_all_tasks_done() -> None:
    assert [one.place.number for one in ALL] == list(range(1, 14))
    index = (ROOT / "docs/tutorial/index.md").read_text()
    for one in ALL:
        page = ROOT / one.place.page
        text = page.read_text()
        assert f"$ dmvpn lab up {one.name} --simulated" in text
        assert f"All {len(one.tasks)} tasks are done." in text
        assert f"| {one.place.number} | [" in index
        assert re.search(rf"\({page.name}\) \| {one.minutes} \|", index), f"{one.name} takes {one.minutes} minutes"


@pytest.mark.parametrize("one", ALL, ids=name)
def test_each_task_has_a_hint(one: Exercise) -> None:
    for task in one.tasks:
        hints = [
            inner.hint for check in task.checks for inner in (check.checks if isinstance(check, WhenCheck) else ())
        ]
        assert any([check.hint for check in task.checks] + hints), task.title


def test_a_trouble_counts_once_however_often_it_is_fixed(tmp_path: Path) -> None:
    assert fixed(tmp_path) == 0
    for known in ("psk", "psk", "mss"):
        note_fixed(tmp_path, trouble(known))
    assert fixed(tmp_path) == 2


def test_an_exercise_is_found_by_its_number_with_or_without_a_nought() -> None:
    assert Scenario.load("exercise-5").name == Scenario.load("exercise-05").name == "exercise-05"
    assert exercise("notes-phase3") is None
    assert exercise("exercise-14") is None
