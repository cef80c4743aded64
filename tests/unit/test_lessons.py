"""What a lab remembers of its lesson, and how two examinations are compared; a lab that is written down."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.shells.scenario import Scenario, described, from_description
from dmvpn.tools.lessons import Check, Health, examine, grade
from dmvpn.tools.lessons.state import Lesson, forget
from dmvpn.tools.saving import save
from dmvpn.tools.troubles import TROUBLES, trouble
from dmvpn.tools.troubles.faults import Fault
from dmvpn.tools.troubles.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dmvpn.shells.lab.badness import Badness
    from dmvpn.shells.lab.control import Json

STAGE = Stage.of(Scenario.load("notes-phase3"))
WELL = Health({(Check.REACH, "a"): 1, (Check.PATH, "a"): 2, (Check.RUNNING, "R1"): 1, (Check.LARGE, "a"): 0})


def bad(now: dict[tuple[Check, str], int]) -> list[str]:
    return [str(verdict) for verdict in grade(WELL, Health(now)) if not verdict.is_good]


def test_what_was_good_must_be_good_and_what_was_not_need_not() -> None:
    assert bad(dict(WELL.found)) == []
    assert bad({**WELL.found, (Check.LARGE, "a"): 1}) == []
    assert bad({**WELL.found, (Check.REACH, "a"): 0}) == ["a is reached"]


def test_what_was_bad_before_is_nobodys_task() -> None:
    assert {verdict.check for verdict in grade(WELL, WELL)} == {Check.REACH, Check.PATH, Check.RUNNING}


def test_what_is_not_there_any_more_is_bad() -> None:
    assert bad({}) == ["a is reached", "a is reached by the short way: no hops, and it was 2", "R1 runs"]


@pytest.mark.parametrize(("hops", "is_bad"), [(1, False), (2, False), (3, True), (0, True)])
def test_a_path_may_become_shorter_and_not_longer(hops: int, is_bad: bool) -> None:
    assert bool(bad({**WELL.found, (Check.PATH, "a"): hops})) == is_bad


def test_a_health_is_written_and_read() -> None:
    assert Health.loads(WELL.dumps()) == WELL
    for text in ("", '[["NOTHING", "a", 1]]', "[1]"):
        with pytest.raises(UserError, match="cannot be read"):
            Health.loads(text)


def test_a_lesson_is_remembered_for_the_owner_alone_without_the_name_of_the_trouble(tmp_path: Path) -> None:
    assert Lesson.read(tmp_path) is None
    for known in TROUBLES:
        Lesson.begin(Fault(known, STAGE, ()), WELL, {"R1": "hostname R1\n"}, "it is slow").write(tmp_path)
        (path,) = tmp_path.iterdir()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert known.id not in path.read_text()
        lesson = Lesson.read(tmp_path)
        assert lesson is not None
        assert lesson.trouble is known
        assert lesson.health == WELL
    forget(tmp_path)
    assert Lesson.read(tmp_path) is None


def test_hints_are_counted(tmp_path: Path) -> None:
    Lesson.begin(Fault(trouble("psk"), STAGE, ()), WELL, {}, "").hinted().hinted().write(tmp_path)
    lesson = Lesson.read(tmp_path)
    assert lesson is not None
    assert lesson.hints == 2


@pytest.mark.parametrize("text", ["", "[]", '{"salt": ""}'])
def test_a_lesson_that_cannot_be_read_says_how_to_begin_again(tmp_path: Path, text: str) -> None:
    (tmp_path / "lesson.json").write_text(text)
    with pytest.raises(UserError, match="lab reset"):
        Lesson.read(tmp_path)


def test_a_trouble_that_does_not_exist_says_where_all_are() -> None:
    with pytest.raises(UserError, match="lab break --list"):
        trouble("rain")


class Asked:
    """A bench whose routers have one EIGRP neighbor each, for as long as is said, and nothing else."""

    def __init__(self, uptime: str) -> None:
        self.uptime = uptime
        self.waited = 0.0

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """An answer about EIGRP."""
        neighbor = {"address": "10.0.0.1", "interface": "Tunnel0", "uptime": self.uptime, "state": "up"}
        answer = json.dumps({"tables": [{"neighbors": [neighbor]}]})
        return [answer if "eigrp" in line else "" for _, line in questions]

    def wait(self, seconds: float) -> None:
        """Time passes, and the neighbor is as young as before."""
        self.waited += seconds

    def configure(self, router: str, lines: Sequence[str]) -> None:
        """Nobody does that here."""
        raise NotImplementedError

    def impair(self, link: str, badness: Badness) -> None:
        """Nobody does that here."""
        raise NotImplementedError

    def kill(self, router: str) -> None:
        """Nobody does that here."""
        raise NotImplementedError

    def set_nat(self, gateway: str, kind: str) -> None:
        """Nobody does that here."""
        raise NotImplementedError


@pytest.mark.parametrize(
    ("uptime", "lasts"), [("00:00:05", False), ("00:00:13", True), ("01:00:00", True), ("1d02h", True)]
)
def test_a_neighbor_counts_when_it_has_lasted(uptime: str, lasts: bool) -> None:
    stage = Stage.of(Scenario.load("notes-phase3"))
    neighbor = (Check.ADJACENCY, "R31: 10.0.0.1 on Tunnel0")
    assert examine(Asked(uptime), stage).found[neighbor] == 1, "of a lab that just came up nothing is held against it"
    bench = Asked(uptime)
    assert examine(bench, stage, Health({neighbor: 1})).found[neighbor] == lasts


class Comes(Asked):
    """The neighbor is there again since a second ago, from the second question on."""

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """The first time nobody is there."""
        if not self.uptime:
            self.uptime = "there soon"
            return [""] * len(questions)
        self.uptime = f"00:00:{int(1 + self.waited):02}"
        return super().ask(questions)


def test_who_comes_back_while_it_is_graded_gets_the_time_to_last() -> None:
    neighbor = (Check.ADJACENCY, "R31: 10.0.0.1 on Tunnel0")
    stage = Stage.of(Scenario.load("notes-phase3"))
    assert examine(Comes(""), stage, Health({neighbor: 1})).found[neighbor] == 1


# ---------------------------------------------------------------------------------------------------- save


def status(impaired: dict[str, Json]) -> Json:
    return {"links": ["wire0", "wire1", "wire2", "h1", "h2", "h3"], "impaired": impaired}


def test_a_lab_that_was_saved_is_the_same_lab(tmp_path: Path) -> None:
    scenario = Scenario.load("notes-phase3")
    folder = tmp_path / "new" / "lab"
    folder.mkdir(0o755, parents=True)
    running = {**scenario.configurations, "R31": "hostname R31\n! changed\nend\n"}
    impaired: dict[str, Json] = {"wire1": {"delay": 5.0, "loss": 1.5, "rate": 64.0, "cut": 0.0}}
    assert save(scenario, running, status(impaired), folder) == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    again = Scenario.load(str(folder))
    assert again.configurations == running
    assert again.lab.hosts == scenario.lab.hosts
    assert again.lab.ready == scenario.lab.ready
    assert {name: again.role(name) for name in running} == {name: scenario.role(name) for name in running}
    assert [(link.ends, link.delay, link.loss, link.rate) for link in again.lab.links][1] == (
        scenario.lab.links[1].ends,
        5.0,
        1.5,
        64,
    )


def test_gateways_and_needs_are_saved_too(tmp_path: Path) -> None:
    scenario = Scenario.load("ipsec-both-behind-nat")
    links = [f"wire{number}" for number, _ in enumerate(scenario.segments())]
    assert save(scenario, scenario.configurations, {"links": list(links), "impaired": {}}, tmp_path / "lab") == []
    assert Scenario.load(str(tmp_path / "lab")).lab == scenario.lab


def test_what_a_lab_file_cannot_say_is_said(tmp_path: Path) -> None:
    scenario = Scenario.load("notes-phase3")
    impaired: dict[str, Json] = {
        "wire0": {"block": ["esp"]},
        "wire1": {"loss": 100.0, "sender": "R31"},
        "wire2": {"cut": 1.0},
        "h1": {"delay": 3.0},
    }
    dead = {name: text for name, text in scenario.configurations.items() if name != "R41"}
    notes = save(scenario, dead, status(impaired), tmp_path / "lab")
    assert notes == [
        "wire0: block esp",
        "wire1: loss 100 from R31",
        "wire2: cut",
        "h1: delay 3: a host's wire is always good in lab.yaml",
        "what R41 runs: it does not answer; its configuration is that of the scenario",
    ]
    assert Scenario.load(str(tmp_path / "lab")).lab == scenario.lab


def test_a_folder_with_something_in_it_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "R1.cfg").write_text("hostname R1\n")
    with pytest.raises(UserError, match="not empty"):
        save(Scenario.load("notes-phase3"), {}, status({}), tmp_path)
    assert (tmp_path / "R1.cfg").read_text() == "hostname R1\n"


def test_a_running_lab_describes_its_scenario_to_who_asks() -> None:
    scenario = Scenario.load("ipsec-spoke-behind-nat")
    again = from_description(described(scenario))
    assert (again.name, again.lab, again.configurations) == (scenario.name, scenario.lab, scenario.configurations)
    with pytest.raises(UserError, match="nobody understands"):
        from_description({"name": "x"})
