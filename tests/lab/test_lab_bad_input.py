"""What a machine refuses `lab` commands: named in one line, and nothing is left half done."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.command import command, variables
from support.services import APART, needs_tools, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs"), needs_tools]


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short path: sockets are in it."""
    with short_folder() as made:
        yield made


def said(folder: Path, before: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in mounts of its own, which a shell has changed first; `$X` is its runtime folder, of a small disk."""
    environment = {**variables(), "XDG_RUNTIME_DIR": str(folder / "x"), "X": str(folder / "x")}
    (folder / "x").mkdir(mode=0o700, exist_ok=True)
    down = f"{shlex.join(command('lab', 'down'))} >/dev/null 2>&1"  # what came up in part stays up for people to look
    script = f'cd {folder}; {before} && {{ "$@"; code=$?; {down}; exit $code; }}'
    return subprocess.run(
        [*APART, "-m", "sh", "-c", script, "sh", *command(*words)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def one_line(answer: subprocess.CompletedProcess[str]) -> str:
    """The complaint of a command that did nothing."""
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr.startswith("dmvpn: ")
    assert answer.stderr.count("\n") == 1, answer.stderr
    return answer.stderr


SMALL = 'mount -t tmpfs -o mode=700,size=64k,nr_inodes={} none "$X"'


@pytest.mark.parametrize("kind", [[], ["--simulated"]], ids=["real packets", "simulated"])
def test_a_full_disk_for_the_folder_of_a_lab(folder: Path, kind: list[str]) -> None:
    answer = said(folder, SMALL.format(3), "lab", "up", "notes-phase3", *kind)
    assert "labs/notes-phase3: No space left on device" in one_line(answer)


def test_a_disk_that_is_full_before_all_sockets_are_there_ends_a_simulated_lab_with_one_line(folder: Path) -> None:
    """Seen: twelve lines of a traceback."""
    answer = said(folder, SMALL.format(12), "lab", "up", "notes-phase3", "--simulated")
    line = one_line(answer)
    assert "lab notes-phase3 ended while it was starting: " in line
    assert "No space left on device" in line


def test_a_router_that_cannot_begin_says_why_where_lab_up_lists_what_is_missing(folder: Path) -> None:
    """Seen: "its process has ended; see" the log, which had a traceback."""
    answer = said(folder, SMALL.format(10), "lab", "up", "notes-gre")
    assert answer.returncode == 1
    named = [line for line in answer.stderr.splitlines() if "its process has ended: " in line]
    assert named, answer.stderr
    assert all("No space left on device" in line for line in named)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv (Debian: util-linux)")
def test_cleanup_without_privileges_says_how_to_get_them(folder: Path) -> None:
    """Seen: "0 routes of ours removed", and it had looked for none."""
    answer = said(folder, 'exec setpriv --bounding-set=-all --inh-caps=-all "$@"', "cleanup")
    assert one_line(answer) == (
        "dmvpn: the capability NET_ADMIN is missing: nothing was looked for (try: sudo dmvpn cleanup)\n"
    )
