"""Wrong usage of the outer commands: one clear line and an exit code, never a traceback."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NoReturn

import pytest

from dmvpn.app.main import main
from dmvpn.app.reloading import HangUp
from dmvpn.base.errors import UserError
from dmvpn.dataplane.problems import HostProblem
from dmvpn.shells.lab import namespaces
from dmvpn.shells.scenario import Scenario

if TYPE_CHECKING:
    from pathlib import Path

ROUTER = "hostname R1\n!\ninterface GigabitEthernet0/1\n ip address 192.0.2.1 255.255.255.0\n!\nend\n"
RECORDED = '{"router":"R1","t":0,"event":"ClockSet","fields":FIELDS}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scenario of one router, and no labs."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "dmvpn").mkdir(mode=0o700)
    scenario = tmp_path / "net"
    scenario.mkdir()
    (scenario / "R1.cfg").write_text(ROUTER)
    return scenario


def _complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("dmvpn: ")
    assert len(complaint.splitlines()) == 1
    return complaint


@pytest.mark.parametrize("words", [("config", "check"), ("replay",), ("run",)])
def test_a_file_that_cannot_be_read_is_named(
    words: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nosuch" in _complaint(capsys, *words, str(folder / "nosuch"))
    assert str(folder) in _complaint(capsys, *words, str(folder))


def test_a_run_that_cannot_begin_leaves_hanging_up_as_it_was(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was started afterwards ignored the end of its terminal, too."""
    monkeypatch.setattr("dmvpn.app.run.hang_up", lambda: HangUp.RELOAD)
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        _complaint(capsys, "run", str(folder / "nosuch"))
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_place_where_no_recording_can_be_written_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nosuch/x" in _complaint(capsys, "simulate", str(folder), "--record", str(folder / "nosuch" / "x"))


@pytest.mark.parametrize(
    "octets",
    [
        b"\xd0\xff\x00\n",
        b"7\n",
        b"null\n",
        b"[" * 100_000 + b"\n",
        RECORDED.replace("FIELDS", "[]").encode(),
        RECORDED.replace("FIELDS", '{"offset":{}}').encode(),
        RECORDED.replace("FIELDS", '{"offset":{"$enum":"Key.__class__"}}').encode(),
        RECORDED.replace("FIELDS", '{"offset":{"$os":{}}}').encode(),
    ],
)
def test_what_is_no_recording_is_not_replayed(octets: bytes, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "life.jsonl").write_bytes(octets)
    assert "not a line of a recording" in _complaint(capsys, "replay", str(folder / "life.jsonl"))


@pytest.mark.parametrize("amount", ["nan", "inf", "-5", "soon"])
def test_an_amount_that_is_none_is_refused(amount: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["simulate", str(folder), f"--seconds={amount}"])
    assert refused.value.code == 2
    assert "--seconds" in capsys.readouterr().err


def test_no_spokes_are_not_the_usual_number_of_spokes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--spokes 0" in _complaint(capsys, "simulate", "phase3", "--spokes", "0")


def test_a_misspelled_scenario_is_recognized(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean notes-phase3" in _complaint(capsys, "lab", "up", "notes-fase3")
    assert "'dmvpn lab list'" in _complaint(capsys, "simulate", "something-else")


def test_who_may_not_make_namespaces_is_told_what_helps_and_what_works_without(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object, **__: object) -> NoReturn:
        raise HostProblem("making namespaces: not permitted", fix="ask the owner")

    monkeypatch.setattr(namespaces, "start", refused)
    complaint = _complaint(capsys, "lab", "up", str(folder))
    assert "ask the owner" in complaint
    assert f"dmvpn lab up {folder} --simulated" in complaint
    assert not list((folder.parent / "dmvpn" / "labs").iterdir()), "the lab's folder is gone again"


def test_hours_of_faults_are_not_ignored_where_there_are_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--faults" in _complaint(capsys, "simulate", str(folder), "--hours", "1")


def test_a_variant_that_is_simulated_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "notes-phase3", "--variant", "protected"]) == 0
    assert capsys.readouterr().out.startswith("notes-phase3+protected: ")


def test_who_gives_no_command_is_shown_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "dmvpn lab up notes-phase3" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["supervisor", "0R", "a b", "x" * 32])
def test_a_router_with_an_impossible_name_is_refused(name: str, folder: Path) -> None:
    (folder / f"{name}.cfg").write_text(ROUTER)
    (folder / "lab.yaml").write_text("{}")  # without it a router is called what its `hostname` says
    with pytest.raises(UserError, match="cannot have this name"):
        Scenario.load(str(folder))


@pytest.mark.parametrize(
    ("yaml", "complaint"),
    [
        ("hosts: {R1: {link: 'R1:Gi0/1', address: 192.0.2.9/24}}", "a router and a host"),
        ("hosts: {H1: {link: 'R9:Gi0/1', address: 192.0.2.9/24}}", "names no router interface"),
        ("hosts: {H1: {link: R1, address: 192.0.2.9/24}}", "names no router interface"),
        ("hosts: {H1: {link: 'R1:Gi0/1', address: 192.0.2.999/24}}", "hosts|host H1"),
        ("links: [{ends: ['R1:Gi0/1', 'R9:Gi0/1']}]", "names no router interface"),
        ("links: [{ends: ['R1:Gi0/1', 'R1:Gi0/1']}]", "is on two links"),
        ("links: {", "lab.yaml"),
        ("title: \udcff", "not text"),
    ],
)
def test_a_lab_file_that_fits_nothing_is_refused(yaml: str, complaint: str, folder: Path) -> None:
    (folder / "lab.yaml").write_bytes(yaml.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=complaint):
        Scenario.load(str(folder))


def test_a_configuration_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "R1.cfg").write_bytes(b"hostname R1\0\xff")
    with pytest.raises(UserError, match="not text"):
        Scenario.load(str(folder))
