"""Files and folders that somebody else made: nothing is read outside of a folder, without an end, or for long."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.ios.transcript import LONGEST_LINE
from dmvpn.router.intake import take_in
from dmvpn.shells.scenario import BUILT_IN, Scenario
from dmvpn.tools import replaying

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = (
    "hostname SECRET\nusername bob secret 0 Parrot\ninterface Loopback0\n ip address 10.9.9.9 255.255.255.255\nend\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two routers, and links to what is beside the folder."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "S.cfg").write_text(SECRET)
    folder = tmp_path / "given"
    folder.mkdir()
    for name in ("R11", "R31"):
        (folder / f"{name}.cfg").write_bytes((BUILT_IN / "notes-phase3" / f"{name}.cfg").read_bytes())
    (folder / "inside.cfg").symlink_to("R31.cfg")
    (folder / "file.cfg").symlink_to(tmp_path / "secret" / "S.cfg")
    (folder / "relative.txt").symlink_to("../secret/S.cfg")
    (folder / "sub").symlink_to(tmp_path / "secret")
    return folder


def test_import_takes_nothing_that_a_link_has_outside_of_the_folder(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`dmvpn import FOLDER --to` printed and copied files of the machine that links in the folder led to."""
    (folder / "inside.cfg").unlink()
    main(["import", str(folder), "--to", str(tmp_path / "taken")])
    said = capsys.readouterr()
    assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == ["R11.cfg", "R31.cfg"]
    assert "SECRET" not in said.out + said.err
    assert "file.cfg is left out: it is a link out of the folder" in said.out
    assert "relative.txt is left out" in said.out


def test_lint_does_not_follow_links_out_of_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["lint", str(folder)])
    said = capsys.readouterr()
    assert "file.cfg:" not in said.out
    assert "file.cfg is left out: it is a link out of the folder" in said.err


def test_a_lab_has_no_router_that_a_link_has_outside_of_its_folder(folder: Path) -> None:
    (folder / "inside.cfg").unlink()
    scenario = Scenario.load(str(folder))
    assert {"R11", "R31"} <= set(scenario.configurations)
    assert not {"SECRET", "S", "file"} & set(scenario.configurations)
    assert any(note.startswith("file.cfg is left out") for note in scenario.notes)


def test_a_folder_of_links_has_no_configuration(folder: Path) -> None:
    for name in ("R11", "R31"):
        (folder / f"{name}.cfg").unlink()
    with pytest.raises(UserError, match="no router configuration"):
        Scenario.load(str(folder))


def test_a_described_lab_reads_nothing_outside_of_its_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "lab.yaml").write_text("routers: {}\n")
    assert "file" not in Scenario.load(str(folder)).configurations
    (tmp_path / "secret" / "lab.yaml").write_text("password: Parrot\n")
    (folder / "lab.yaml").unlink()
    (folder / "lab.yaml").symlink_to(tmp_path / "secret" / "lab.yaml")
    with pytest.raises(UserError, match="it is a link out of the folder") as error:
        Scenario.load(str(folder))
    assert "Parrot" not in str(error.value)


def test_a_link_within_a_folder_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "R11.cfg").unlink()
    main(["import", str(folder / "inside.cfg")])
    assert "inside.cfg: R31" in capsys.readouterr().out
    main(["lint", str(folder)])
    assert "inside.cfg is left out" not in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ render

TABLE = """\
name: branches
phase: 3
protection: none
tunnel: {network: 10.255.0.0/24}
pools: {lan: {network: 10.1.0.0/16, length: 24}}
hubs: {HUB1: {nbma: 203.0.113.1/30, gateway: 203.0.113.2}}
spokes: {PARIS: {nbma: 198.51.100.1/30, gateway: 198.51.100.2}}
"""


@pytest.fixture
def sites(folder: Path) -> Path:
    """A table in the folder, beside a template that includes what `part.j2` has."""
    for path in folder.glob("*.cfg"):
        path.unlink()
    (folder / "sites.yaml").write_text(TABLE)
    (folder / "mine.j2").write_text("hostname X\n{% include 'part.j2' %}\n")
    return folder / "sites.yaml"


@pytest.mark.parametrize(
    ("name", "leads", "to"),
    [
        ("part.j2", "../secret/S.cfg", "mine.j2"),
        ("deeper", "../secret", "deeper.j2"),
        ("mine.j2", "../secret/S.cfg", "mine.j2"),
        ("branches", "../secret", ""),
        ("sites.lock.yaml", "../secret/S.cfg", ""),
        ("branches/.made-by-render.yaml", "../../secret/S.cfg", ""),
        ("branches/PARIS.cfg", "../../secret/S.cfg", ""),
    ],
)
def test_render_reads_and_writes_nothing_that_a_link_has_elsewhere(
    name: str, leads: str, to: str, sites: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A template of a folder that somebody sent included a link, and `dmvpn render` printed a file of this machine."""
    (sites.parent / "deeper.j2").write_text("hostname X\n{% include 'deeper/S.cfg' %}\n")
    link = sites.parent / name
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(leads)
    words = ["--template", str(sites.parent / to)] if to else []
    for more in ((), ("--check",)):
        assert main(["render", str(sites), *words, *more]) == 2
        said = capsys.readouterr()
        assert "it is a link out of the folder, or to nothing" in said.err
        assert "SECRET" not in said.out + said.err
    assert [path.name for path in (tmp_path / "secret").iterdir()] == ["S.cfg"]
    assert (tmp_path / "secret" / "S.cfg").read_text() == SECRET


def test_a_template_that_includes_a_pipe_is_refused_at_once(sites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It never ended: a limit of processor time does not end a process that waits."""
    os.mkfifo(sites.parent / "part.j2")
    assert main(["render", str(sites), "--template", str(sites.parent / "mine.j2")]) == 2
    assert "no regular file" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ without an end


def _pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize(
    "words", [("import",), ("config", "check"), ("lint",), ("replay",), ("render",), ("lab", "up", "--simulated")]
)
@pytest.mark.parametrize("made", [lambda _: "/dev/zero", _pipe])
def test_a_file_without_an_end_is_refused_unread(
    words: tuple[str, ...], made: Callable[[Path], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`dmvpn replay /dev/zero` never ended, and took all memory."""
    path = made(tmp_path)
    assert main([*words, str(path)]) != 0
    said = capsys.readouterr().err
    assert "no regular file" in said or "no scenario" in said


def test_a_line_that_nobody_recorded_ends_a_replay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "LONGEST_LINE", 1 << 20)
    file = tmp_path / "life.jsonl"
    with file.open("wb") as holes:
        holes.truncate(1 << 40)  # it has no blocks, and no end of line in a terabyte
    assert main(["replay", str(file)]) != 0
    assert "life.jsonl:1: longer than 1 MiB, so it is no line of a recording" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("import",), ("config", "check"), ("lint",)])
def test_a_line_that_nobody_wrote_is_an_error_with_its_number(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "R1.cfg"
    file.write_text(f"hostname R1\ninterface Loopback0\n description {'x' * LONGEST_LINE}\nend\n")
    main([*words, str(file)])
    said = capsys.readouterr().err
    assert f"R1.cfg: line 3 has {LONGEST_LINE + 13} characters, and at most {LONGEST_LINE} are read of a line" in said
    file.write_text(f"hostname R1\ninterface Loopback0\n description {'x' * (LONGEST_LINE - 13)}\nend\n")
    main([*words, str(file)])
    assert "are read of a line" not in capsys.readouterr().err


@pytest.mark.lengthy
def test_an_address_is_compared_with_near_ones_alone_and_all_overlaps_are_found() -> None:
    """A file with 30,000 interfaces took half a minute, most of it for the question which subnets overlap."""
    lines = [
        line
        for n in range(400)
        for line in (f"interface Loopback{n}", f" ip address 10.{n // 200}.{n % 200}.1 255.255.255.0")
    ]
    text = "\n".join(lines)

    def said(address: str, mask: str) -> str:
        result = take_in(f"{text}\ninterface Loopback999\n ip address {address} {mask}\n").result
        return " ".join(line for problem in result.problems for line in problem.message_lines)

    assert "overlaps with Loopback7" in said("10.0.7.9", "255.255.255.255")
    assert "overlaps with Loopback200" in said("10.1.0.9", "255.255.0.0")
    assert "overlaps with Loopback0" in said("10.9.9.9", "255.0.0.0")
    assert said("10.2.0.1", "255.255.255.0") == ""
