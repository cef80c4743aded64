"""SIGHUP and SIGTERM of `dmvpn run`, with real processes: with a terminal, without one, and ignored."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.command import command
from support.labs import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.lab

_BASE = "hostname BRANCH\ninterface Loopback0\n ip address 10.9.0.1 255.255.255.0\n description as written\n"
#: A network of its own: nothing of the machine's is changed.
_APART = ("unshare", "-Urn")


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Sockets lie in it, and the path of a socket must be short."""
    folder = Path(tempfile.mkdtemp(prefix="dmvpn-test-"))
    yield folder
    shutil.rmtree(folder)


def environment_in(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_RUNTIME_DIR": str(folder), "XDG_STATE_HOME": str(folder / "state")}


class Branch:
    """`dmvpn run` of a file, in a session of its own: without a terminal. before: what a shell does first."""

    def __init__(self, folder: Path, before: str) -> None:
        self.file = folder / "branch.cfg"
        self.file.write_text(_BASE)
        self.log = folder / "log"
        self._environment = environment_in(folder)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*_APART, "sh", "-c", f'{before}exec "$@"', "sh", *command("run", self.file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        assert eventually(lambda: "runs; its prompt" in self.log.read_text(), 20), self.log.read_text()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def says(self, *words: str, typed: str | None = None) -> str:
        found = subprocess.run(
            command("-r", "run-BRANCH/BRANCH", *words),
            env=self._environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return found.stdout

    def description(self) -> str:
        return self.says("show", "running-config", "interface", "Loopback0")

    def ends(self) -> int:
        return self.process.wait(timeout=10)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def branch(folder: Path, *, before: str = "") -> Iterator[Branch]:
    made = Branch(folder, before)
    try:
        yield made
    finally:
        made.close()


def test_without_a_terminal_the_file_is_read_again_and_unsaved_lines_are_named(short_folder: Path) -> None:
    with branch(short_folder) as router:
        router.says("-", typed="configure terminal\ninterface Loopback0\n bandwidth 77\n end\n")
        assert "bandwidth 77" in router.description()
        router.file.write_text(_BASE.replace("as written", "as written again"))
        router.signal(signal.SIGHUP)
        assert eventually(lambda: "as written again" in router.description()), router.log.read_text()
        assert "bandwidth 77" not in router.description()
        logged = router.says("show", "logging")
        assert f"%SYS-5-CONFIG_RELOAD: Configured from {router.file} by SIGHUP" in logged
        assert f"Not in {router.file}, gone: interface Loopback0: bandwidth 77" in logged
        assert "gone: interface Loopback0: bandwidth 77" in router.log.read_text()
        assert "as written again" in router.says("show", "startup-config")
        router.signal(signal.SIGTERM)
        assert router.ends() == 0


def test_a_file_with_an_error_changes_nothing_and_the_log_has_the_words_of_ios(short_folder: Path) -> None:
    with branch(short_folder) as router:
        router.file.write_text(_BASE.replace("as written", "half taken") + " descripton of the port\n")
        router.signal(signal.SIGHUP)
        refused = "nothing was changed: line 5, in interface mode: % Invalid input detected at '^' marker."
        assert eventually(lambda: refused in router.says("show", "logging")), router.says("show", "logging")
        assert " descripton of the port" in router.log.read_text(), "where who runs it reads, with the caret"
        assert "description as written\n" in router.description()
        router.file.unlink()
        router.signal(signal.SIGHUP)
        assert eventually(lambda: "No such file" in router.says("show", "logging"))
        assert router.process.poll() is None
        router.file.write_text(_BASE.replace("as written", "right again"))
        router.signal(signal.SIGHUP)
        assert eventually(lambda: "right again" in router.description())


def test_what_is_ignored_stays_ignored(short_folder: Path) -> None:
    with branch(short_folder, before="trap '' HUP; ") as router:
        router.file.write_text(_BASE.replace("as written", "not read"))
        router.signal(signal.SIGHUP)
        assert "description as written\n" in router.description()
        assert "SIGHUP" not in router.says("show", "logging")
        router.signal(signal.SIGTERM)
        assert router.ends() == 0


_WITH_A_TERMINAL = """
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
print(pid, flush=True)
while True:
    try:
        octets = os.read(terminal, 4096)
    except OSError:
        break
    os.write(1, octets)
print("ended", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


def test_with_a_terminal_it_is_an_orderly_end(short_folder: Path) -> None:
    file = short_folder / "branch.cfg"
    file.write_text(_BASE)
    around = subprocess.Popen(
        [sys.executable, "-c", _WITH_A_TERMINAL, *_APART, *command("run", file)],
        stdout=subprocess.PIPE,
        env=environment_in(short_folder),
        text=True,
    )
    assert around.stdout is not None
    pid = int(around.stdout.readline())
    assert any("runs; its prompt" in line for line in around.stdout)
    os.kill(pid, signal.SIGHUP)
    rest, _ = around.communicate(timeout=20)
    assert "ended 0" in rest
    assert not (short_folder / "dmvpn" / "labs" / "run-BRANCH").exists()
