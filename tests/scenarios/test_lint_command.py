"""`dmvpn lint`: what it takes, what it prints in which form, and what CI learns from its exit code."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.findings import Severity
from dmvpn.shells.exercises import BUILT_IN, built_in_names
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.lint import lint, sites_of
from support.lint_cases import CLEAR, below, edited

if TYPE_CHECKING:
    from pathlib import Path

Command = Callable[..., "Result"]
_WRONG_KEY = edited(CLEAR, SPOKE1=[("tunnel key 100", "tunnel key 7")])
_ADVICE = edited(CLEAR, SPOKE1=[(" bandwidth 10000\n", "")])
_WARNING = edited(CLEAR, SPOKE1=[below(" ip mtu 1400", " keepalive 5 3")])


@dataclass(frozen=True)
class Result:
    """What a command answered."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def dmvpn(capsys: pytest.CaptureFixture[str]) -> Command:
    """The outer command line, in this process."""

    def run(*words: object) -> Result:
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return run


def written(folder: Path, network: dict[str, str]) -> list[Path]:
    paths = [folder / f"{name}.cfg" for name in network]
    for path, text in zip(paths, network.values(), strict=True):
        path.write_text(text)
    return paths


@pytest.mark.parametrize("name", built_in_names())
def test_a_built_in_scenario_has_no_error_and_no_warning(name: str) -> None:
    scenario = Scenario.load(name)
    findings = lint(scenario.configurations, sites_of(scenario))
    assert [(one.file, one.line, one.rule) for one in findings if one.severity is not Severity.ADVICE] == []


def test_files_that_are_named_together_are_one_network(dmvpn: Command, tmp_path: Path) -> None:
    paths = written(tmp_path, _WRONG_KEY)
    result = dmvpn("lint", *paths)
    assert result.returncode == 1
    first, *rest = result.stdout.splitlines()
    line = _WRONG_KEY["SPOKE1"].split("\n").index(" tunnel key 7") + 1
    assert first.startswith(f"{tmp_path}/SPOKE1.cfg:{line}: error tunnel-key-differs: Tunnel0 has tunnel key 7")
    assert rest[1:] == ["  fix:", "    interface Tunnel0", "     tunnel key 100", "1 error"]


def test_a_folder_is_a_network_and_its_neighbor_another(dmvpn: Command, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        written(tmp_path / name, CLEAR)
    result = dmvpn("lint", tmp_path / "one", tmp_path / "two")
    assert (result.returncode, result.stdout) == (0, "nothing found\n")


def test_a_scenario_tells_who_is_behind_nat(dmvpn: Command) -> None:
    result = dmvpn("lint", "ipsec-symmetric-nat", "--rule", "nat-before-both-spokes")
    assert result.returncode == 0
    assert "R31 and R41 are both behind NAT (symmetric, symmetric)" in result.stdout


def test_a_folder_with_a_lab_file_tells_so_too(dmvpn: Command) -> None:
    folder = BUILT_IN / "ipsec-symmetric-nat"
    result = dmvpn("lint", folder, "--rule", "nat-before-both-spokes")
    assert result.stdout.startswith(f"{folder}/R41.cfg:")


@pytest.mark.parametrize(
    ("network", "options", "code", "last"),
    [
        (CLEAR, (), 0, "nothing found"),
        (_ADVICE, (), 0, "1 advice"),
        (_ADVICE, ("--severity", "advice"), 1, "1 advice"),
        (_WARNING, (), 1, "1 warning"),
        (_WARNING, ("--severity", "error"), 0, "nothing found"),
        (_WRONG_KEY, ("--severity", "error"), 1, "1 error"),
        (_WRONG_KEY, ("--rule", "tunnel-keepalive"), 0, "nothing found"),
    ],
)
def test_the_exit_code_says_whether_something_is_as_bad_as_asked(
    dmvpn: Command, tmp_path: Path, network: dict[str, str], options: tuple[str, ...], code: int, last: str
) -> None:
    result = dmvpn("lint", *options, *written(tmp_path, network))
    assert (result.returncode, result.stdout.splitlines()[-1]) == (code, last)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "needs a file"),
        (("no-such.cfg",), "no-such.cfg: No such file"),
        (("no-such-scenario",), "no scenario 'no-such-scenario'"),
        (("--explain", "tunnel-key-difers"), "did you mean tunnel-key-differs"),
        (("--rule", "nonsense", "notes-phase3"), "no rule nonsense"),
    ],
)
def test_a_wrong_question_is_answered_in_one_line_with_exit_code_2(
    dmvpn: Command, words: tuple[str, ...], complaint: str
) -> None:
    result = dmvpn("lint", *words)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert complaint in line


def test_a_folder_without_configurations_is_said_to_be_one(dmvpn: Command, tmp_path: Path) -> None:
    result = dmvpn("lint", tmp_path)
    assert result.returncode == 2
    assert "no router configuration" in result.stderr


def test_json_and_sarif_are_read_by_programs(dmvpn: Command, tmp_path: Path) -> None:
    paths = written(tmp_path, _WRONG_KEY)
    as_json = dmvpn("lint", "--format", "json", *paths)
    assert as_json.returncode == 1
    said = json.loads(as_json.stdout)
    assert said["counts"] == {"error": 1, "warning": 0, "advice": 0}
    (finding,) = said["findings"]
    assert (finding["rule"], finding["router"], finding["severity"]) == ("tunnel-key-differs", "SPOKE1", "error")
    (related,) = finding["related"]
    assert related["file"] == str(paths[0])
    sarif = json.loads(dmvpn("lint", "--format", "sarif", *paths).stdout)
    assert [one["ruleId"] for one in sarif["runs"][0]["results"]] == ["tunnel-key-differs"]


def test_rules_are_listed_and_explained(dmvpn: Command) -> None:
    listed = dmvpn("lint", "--rules").stdout
    assert "tunnel-key-differs " in listed
    explained = dmvpn("lint", "--explain", "tunnel-key-differs").stdout
    assert explained.startswith("tunnel-key-differs (error)\n")
    assert "RFC 2890" in explained
    assert "  tunnel key 100" in explained


@pytest.mark.parametrize(
    ("octets", "router"),
    [
        (b"\xef\xbb\xbfhostname R1\r\ninterface Tunnel0\r\n keepalive 5 3\r\n", "R1"),
        ("hostname R1\ninterface Tunnel0\n description Köln\n keepalive 5 3\n".encode("latin-1"), "R1"),
        (b"interface Tunnel0\r keepalive 5 3\r", "spoke"),
    ],
)
def test_a_file_may_have_a_mark_of_its_encoding_and_any_ends_of_lines(
    dmvpn: Command, tmp_path: Path, octets: bytes, router: str
) -> None:
    path = tmp_path / "spoke.cfg"
    path.write_bytes(octets)
    result = dmvpn("lint", "--format", "json", path)
    (finding,) = json.loads(result.stdout)["findings"]
    assert (finding["rule"], finding["router"]) == ("tunnel-source-missing", router)


def test_a_file_that_is_no_text_is_said_to_be_none(dmvpn: Command, tmp_path: Path) -> None:
    path = tmp_path / "image.cfg"
    path.write_bytes(b"\x7fELF\0\0")
    result = dmvpn("lint", path)
    assert (result.returncode, result.stdout) == (2, "")
    assert "not text" in result.stderr


def test_a_configuration_may_come_through_a_pipe(
    dmvpn: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`lint -` was a scenario that does not exist."""
    hub, *others = written(tmp_path, _WRONG_KEY)
    spoke = _WRONG_KEY["SPOKE1"].encode()
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(spoke)))
    result = dmvpn("lint", hub, others[1], "-", "-")
    assert result.returncode == 1
    assert result.stdout.startswith("stdin:")
    assert "error tunnel-key-differs" in result.stdout


def test_what_comes_through_a_pipe_is_text(dmvpn: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"\x7fELF\0\0")))
    result = dmvpn("lint", "-")
    assert (result.returncode, result.stderr) == (2, "dmvpn: stdin: not text but a program\n")


def test_a_pipe_with_a_name_is_refused_and_not_waited_for(dmvpn: Command, tmp_path: Path) -> None:
    pipe = tmp_path / "spoke.cfg"
    os.mkfifo(pipe)
    result = dmvpn("lint", pipe)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"dmvpn: {pipe}: no regular file; `-` reads standard input\n"


def test_a_file_that_is_named_twice_is_one_router(dmvpn: Command, tmp_path: Path) -> None:
    paths = written(tmp_path, CLEAR)
    again = tmp_path / "link.cfg"
    again.symlink_to(paths[0])
    assert dmvpn("lint", *paths, *paths, again).stdout == "nothing found\n"


def test_files_below_the_current_folder_have_relative_uris_in_sarif(
    dmvpn: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code review tools show nothing at other places."""
    (tmp_path / "sites").mkdir()
    paths = written(tmp_path / "sites", _WRONG_KEY)
    for folder, names in ((tmp_path, paths), (tmp_path / "sites", [f"./{path.name}" for path in paths])):
        monkeypatch.chdir(folder)
        (result,) = json.loads(dmvpn("lint", "--format", "sarif", *names).stdout)["runs"][0]["results"]
        place = result["locations"][0]["physicalLocation"]
        assert folder / place["artifactLocation"]["uri"] == tmp_path / "sites" / "SPOKE1.cfg"
        assert not place["artifactLocation"]["uri"].startswith((".", "/", "file:"))
