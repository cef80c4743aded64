"""What Tab offers in a Unix shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.completion import candidates
from dmvpn.app.main import argument_parser
from dmvpn.shells.lab import control, sockets
from dmvpn.shells.lab.places import LabFolder
from support.command import dmvpn, variables
from support.services import short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which nothing is up. Paths of sockets must be short."""
    with short_folder() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        monkeypatch.setattr(sockets, "SERVICES", str(folder / "services"))
        yield


@pytest.fixture
def lab() -> Iterator[None]:
    """A lab that is up, as far as can be seen from outside."""
    folder = LabFolder.of("one")
    folder.make(["R1"])
    folder.management("R1").touch()
    with control.listen(folder.control):
        yield


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("clea", ["cleanup"]),
        ("lab u", ["up"]),
        ("lab up intro-ph", ["intro-phase3"]),
        ("lab up --eng", ["--engine"]),
        ("lab up --engine ", ["auto", "python", "rust"]),
        ("lab up --engine rust notes-phase1", ["notes-phase1"]),
        ("lab up --strict notes-phase1", ["notes-phase1"]),
        ("run --ma", ["--manage", "--map"]),
        ("run --map ", []),
        ("run bran", []),
        ("no-such-command ", []),
        ("-r R1 sh", []),
        ("completion ", ["bash", "fish", "zsh"]),
    ],
)
def test_what_may_be_at_the_cursor_is_offered_and_nothing_where_files_are_meant(line: str, offered: list[str]) -> None:
    assert candidates(argument_parser(), line.split(" ")) == offered


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("line", ["shell ", "-r ", "check ", "lab kill "])
def test_routers_that_are_up_are_offered(line: str) -> None:
    assert candidates(argument_parser(), line.split(" ")) == ["R1", "one/R1"]


@pytest.mark.usefixtures("lab")
def test_labs_that_are_up_are_offered() -> None:
    assert candidates(argument_parser(), ["lab", "down", ""]) == ["one"]


@pytest.mark.lengthy
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes(tmp_path: Path) -> None:
    script = tmp_path / "dmvpn"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m dmvpn "$@"\n')
    script.chmod(0o755)
    words = (
        'eval "$(dmvpn completion bash)"; COMP_WORDS=(dmvpn lab up int); COMP_CWORD=3; _dmvpn; echo "${COMPREPLY[@]}"'
    )
    environment = {**variables(), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    said = subprocess.run(
        ["bash", "-c", words], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert "intro-phase3" in said.stdout.split()


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_zsh_completes_at_the_first_tab_where_a_package_brought_the_function(tmp_path: Path) -> None:
    (tmp_path / "_dmvpn").write_text(dmvpn("completion", "zsh").stdout)
    program = tmp_path / "dmvpn"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m dmvpn "$@"\n')
    program.chmod(0o755)
    words = (
        "compdef() { }; compadd() { print -l -- $argv; }; "
        f"fpath=({tmp_path}); autoload -Uz _dmvpn; words=(dmvpn lab up int); CURRENT=4; _dmvpn"
    )
    environment = {**variables(), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    said = subprocess.run(
        ["zsh", "-fc", words], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert "intro-phase3" in said.stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_a_shell_is_to_read_is_good_for_it(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    printed = dmvpn("completion", shell).stdout
    assert printed
    subprocess.run([shell, "-n"], input=printed, text=True, check=True, timeout=60)
