"""The room `labs`: what a page or a command gets of labs, without anything printed."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

import dmvpn
from dmvpn.app.main import main
from dmvpn.app.web import token_file
from dmvpn.base.addresses import Prefix
from dmvpn.base.barriers import Gap, RouteEnd
from dmvpn.base.errors import UserError
from dmvpn.face.archive_shows import Copies, render_archive
from dmvpn.labs import catalog, copied, orders, prompts, waiting
from dmvpn.labs.bringing_up import Wanted, bring_up
from dmvpn.labs.intake import Note
from dmvpn.labs.orders import LabStatus
from dmvpn.labs.proofs.networks import drawn
from dmvpn.shells.lab import control
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.places import LabFolder
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.web.roles import Role
from support.diagnoses import PLAIN
from support.services import short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.barriers import Barrier
    from dmvpn.shells.lab.control import Json

#: What `dmvpn lab down` and the like must not wait for: features, the simulator, models of facts, sessions.
_HEAVY = re.compile(r"pydantic|yaml|cryptography|dmvpn\.(features|router|ios|face|tools|judge|shells\.simulator)\b")


def test_quick_orders_import_little() -> None:
    program = "import sys, dmvpn.app.lab, dmvpn.labs.orders, dmvpn.labs.captures; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert [name for name in loaded.split() if _HEAVY.match(name)] == []


def test_labs_print_nothing() -> None:
    """They print only in a lab's own process, whose output is its log."""
    labs = Path(dmvpn.__file__).parent / "labs"
    printing = {path.name for path in labs.glob("*.py") if re.search(r"\bprint\(|sys\.std(out|err)", path.read_text())}
    assert printing == {"bringing_up.py"}
    assert all(
        "print(error)" in line for line in (labs / "bringing_up.py").read_text().splitlines() if "print(" in line
    )


def test_a_status_is_what_the_lab_answered() -> None:
    answer: dict[str, Json] = {
        "scenario": "notes-phase3",
        "simulated": True,
        "since": 12.5,
        "engine": "simulated",
        "routers": {"R31": True, "R41": False},
        "providers": ["ISP"],
        "hosts": {"H3": "10.4.3.100/24"},
        "gateways": {},
        "links": ["R31:GigabitEthernet0/1--ISP:GigabitEthernet0/1"],
        "impaired": {
            "R31:GigabitEthernet0/1--ISP:GigabitEthernet0/1": {"delay": 0.0, "loss": 5.0, "rate": 0.0, "cut": 0.0}
        },
    }
    status = LabStatus.read(answer)
    assert [*status.impaired.values()] == [Badness(loss=5.0)]
    assert [*status.plain.items()] == [*answer.items()]


def test_a_status_without_parts_has_them_empty() -> None:
    status = LabStatus.read({"scenario": "old", "routers": ["R31"], "links": None})
    assert (status.scenario, status.routers, status.links, status.simulated) == ("old", {}, (), False)


def test_an_answer_that_is_no_status_is_refused() -> None:
    with pytest.raises(UserError, match="the lab has no status"):
        LabStatus.read(["R31"])


def test_the_catalog_names_every_scenario_with_its_topic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    entries = {entry.name: entry for entry in catalog.scenarios()}
    assert (entries["notes-phase3"].topic, entries["notes-phase3"].is_up) == ("phases", False)
    assert entries["ipv6-phase3"].simulated_only
    assert next(each.name for each in catalog.exercises()) == "exercise-01"
    assert catalog.others().own == ()


def test_a_lab_that_cannot_come_up_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(UserError, match="needs IPv6"):
        list(bring_up(Wanted(scenario="ipv6-phase3")))


def test_lines_that_are_left_out_are_notes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "R1.cfg").write_text(
        "hostname R1\nfly to the moon\ninterface Gi0/1\n ip address 10.0.0.1 255.255.255.0\nend\n"
    )
    steps = bring_up(Wanted(scenario=str(tmp_path), simulated=True))
    first = next(steps)
    assert isinstance(first, Note)
    steps.close()


def test_no_lab_is_called_as_a_service() -> None:
    with pytest.raises(UserError, match="run-HUB: a name that begins with run- is that of a service"):
        next(bring_up(Wanted(scenario="notes-gre", simulated=True, name="run-HUB")))


def test_a_lab_that_hangs_keeps_no_doctor_that_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took three Ctrl-C, because threads waited for the answers of routers."""
    hangs = threading.Event()
    monkeypatch.setattr(prompts, "answer", lambda management, line: str(hangs.wait() or line))
    bench = prompts.Prompts(LabFolder(tmp_path))
    monkeypatch.setattr(prompts.Prompts, "is_simulated", True)

    def interrupt(_: LabFolder, seconds: float, *, simulated: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(orders, "let_pass", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bench.ask([("R1", "show clock")])
    hangs.set()


def test_answers_come_in_the_order_of_the_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = threading.Event()

    def answer(management: Path, line: str) -> str:
        if management.stem == "R1":
            first.wait()
        else:
            first.set()
        return f"{management.stem} {line}"

    monkeypatch.setattr(prompts, "answer", answer)
    bench = prompts.Prompts(LabFolder(tmp_path))
    assert bench.ask([("R1", "show clock"), ("R2", "show version")]) == ["R1 show clock", "R2 show version"]


def test_copies_of_archives_may_have_been_good_the_newest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two routers have an archive, of two copies and of one; the third one has none."""
    given = Scenario.load("notes-gre")
    names = {"R11": ("flash:CFG-Jan-01-00-00-01.000-0", "flash:CFG-Jan-02-00-00-01.000-1"), "R31": ("flash:A-B-0",)}

    def answer(management: Path, line: str) -> str:
        router = management.name.partition(".")[0]
        if line == "show archive":
            return "\n".join(render_archive(Copies("CFG", 10, names[router], 2) if router in names else Copies("")))
        return "" if line.startswith("show startup") else f"version 17.9\nhostname {line.rpartition(':')[2]}\n"

    monkeypatch.setattr(prompts, "answer", answer)
    monkeypatch.setattr(prompts.Prompts, "is_simulated", False)
    monkeypatch.setattr(orders, "scenario", lambda _: given)
    nothing, newest, oldest, first = prompts.Prompts(LabFolder(tmp_path)).earlier()
    assert nothing == {}
    assert "hostname CFG-Jan-02-00-00-01.000-1\n" in newest["R11"]
    assert "hostname CFG-Jan-01-00-00-01.000-0\n" in oldest["R11"]
    assert newest["R31"] == oldest["R31"]
    assert first == given.configurations


def test_a_copy_in_which_routes_are_asked_about_has_few_routers_of_many_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lab of 200 was copied as a whole, however long that took."""
    built: list[list[str]] = []
    scenario = drawn(replace(PLAIN, spokes=60))
    facts = Simulator.of(scenario, 1).facts(scenario)

    class Copy:
        def __init__(self, scenario: Scenario) -> None:
            built.append(list(scenario.configurations))
            self.simulator = SimpleNamespace(routers=scenario.configurations)

        def why(self, gap: Gap) -> Barrier | None:
            return None

    monkeypatch.setattr(copied, "brought_up", Copy)
    monkeypatch.setattr(prompts.Prompts, "scenario", lambda _: scenario)
    monkeypatch.setattr(prompts.Prompts, "facts", lambda _: facts)
    bench = prompts.Prompts(LabFolder(tmp_path))
    nobody = ip_address("0.0.0.0")

    def ask(sender: str, receiver: str) -> None:
        ends = [RouteEnd(name, "", nobody) for name in (sender, receiver)]
        assert bench.why(Gap(Prefix.parse("10.20.13.0/24"), *ends)) is None

    ask("S9", "HUB1")
    ask("HUB1", "S9")
    assert len(built) == 1
    assert {"S9", "HUB1", "S3"} <= {*built[0]}
    assert len(built[0]) < 10
    monkeypatch.setattr(prompts, "LONGEST", 0.0)
    ask("S7", "HUB1")
    assert len(built) == 1


class SlowLab:
    """A simulated lab whose OSPF waits for 42 s of its own time, on a machine that stands still."""

    def __init__(self) -> None:
        self.age = 0.0
        self.silent = 2  # times

    def clock(self, _: LabFolder, seconds: float, *, within: float) -> float:
        if self.silent:
            self.silent -= 1
            raise control.SilentError("the lab does not answer: timed out")
        self.age += min(seconds, within)
        return self.age

    def missing(self, _: LabFolder) -> tuple[str, ...]:
        return () if self.age >= 42.0 else (f"a neighbor after {self.age:g} s",)


@pytest.mark.parametrize(("longest", "ready"), [(61.0, True), (30.0, False)])
def test_a_simulated_lab_is_waited_for_in_its_own_time(
    longest: float, ready: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took 42 s of the machine's time, and a lab of two hundred was given up while it made progress."""
    lab, folder = SlowLab(), LabFolder(tmp_path)
    folder.control.touch()
    monkeypatch.setattr(orders, "clock", lab.clock)
    monkeypatch.setattr(orders, "missing", lab.missing)
    monkeypatch.setattr(waiting, "patience", lambda scenario: longest)
    never, _ = os.pipe()
    exercise = Scenario.load("exercise-01")
    steps = [*waiting.wait(exercise, folder, never, simulated=True)]
    assert ["it does not answer yet"] in steps
    assert len(steps) < 60
    assert (steps[-1] == []) == ready
    assert (lab.age >= 42.0) == ready


@pytest.fixture
def sockets() -> Iterator[Path]:
    """Return a folder for sockets."""
    with short_folder() as folder:
        yield folder


def test_the_end_of_a_class_revokes_every_token_first_and_goes_on_behind_a_lab_that_does_not_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sockets: Path
) -> None:
    """A lab that did not answer stopped it before that pupil's token was revoked."""
    for variable in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(sockets))
    tokens = token_file()
    for pupil in ("anna", "ben"):
        tokens.create(pupil, Role.CONFIGURE, 7, f"{pupil}-*")
    ended: list[str] = []

    def end(folder: LabFolder) -> None:
        assert tokens.tokens() == ()
        ended.append(folder.name)
        if folder.name == "anna-deaf":
            raise UserError("lab anna-deaf does not end")

    monkeypatch.setattr(orders, "end", end)
    with contextlib.ExitStack() as held:
        for name in ("anna-deaf", "ben-one", "carla-one"):
            LabFolder.of(name).path.mkdir()
            held.enter_context(control.listen(LabFolder.of(name).control))
        assert main(["class", "end"]) == 1
        assert ended == ["anna-deaf", "ben-one"]
        assert "anna-deaf does not end" in capsys.readouterr().err
        assert main(["class", "end", "anna", "carla"]) == 1, "her lab is found without her token"
        assert ended[2:] == ["anna-deaf", "carla-one"]
        assert main(["class", "end", "dora"]) == 1
        assert "no pupil dora" in capsys.readouterr().err


def test_a_lab_that_hangs_does_not_hold_up_the_list_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them held up who asked for the scenarios for half a minute."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(catalog, "PATIENCE", 0.01)
    lab = LabFolder.of("hung")
    lab.make(["R1"])
    with socket.socket(socket.AF_UNIX) as supervisor:
        supervisor.bind(str(lab.control))
        supervisor.listen()
        began = time.monotonic()
        assert catalog.running_scenarios() == {"hung": "hung"}
        assert time.monotonic() - began < control.PATIENCE / 2
