"""SIGHUP and SIGTERM of `dmvpn run`, with real processes: with a terminal, without one, and ignored."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.command import command, variables
from support.labs import eventually
from support.services import APART, CONFIGURATION, PATIENCE, Service, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.lab


@contextlib.contextmanager
def branch(*, before: str = "") -> Iterator[Service]:
    """before: what a shell does first."""
    with short_folder() as folder:
        made = Service(folder, around=(*APART, "sh", "-c", f'{before}exec "$@"', "sh"))
        try:
            assert made.runs(), made.log.read_text()
            yield made
        finally:
            made.close()


def test_without_a_terminal_the_file_is_read_again_and_unsaved_lines_are_named() -> None:
    with branch() as router:
        router.says("-", typed="configure terminal\ninterface Loopback0\n bandwidth 77\n end\n")
        assert "bandwidth 77" in router.description()
        router.file.write_text(CONFIGURATION.replace("as written", "as written again"))
        router.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: "as written again" in router.description()), router.log.read_text()
        assert "bandwidth 77" not in router.description()
        logged = router.says("show", "logging")
        assert f"%SYS-5-CONFIG_RELOAD: Configured from {router.file} by SIGHUP" in logged
        assert f"Not in {router.file}, gone: interface Loopback0: bandwidth 77" in logged
        assert "gone: interface Loopback0: bandwidth 77" in router.log.read_text()
        assert "as written again" in router.says("show", "startup-config")
        router.process.send_signal(signal.SIGTERM)
        assert router.process.wait(timeout=PATIENCE) == 0


def test_a_file_with_an_error_changes_nothing_and_the_log_has_the_words_of_ios() -> None:
    with branch() as router:
        router.file.write_text(CONFIGURATION.replace("as written", "half taken") + " descripton of the port\n")
        router.process.send_signal(signal.SIGHUP)
        refused = "nothing was changed: line 5, in interface mode: % Invalid input detected at '^' marker."
        assert eventually(lambda: refused in router.says("show", "logging")), router.says("show", "logging")
        assert " descripton of the port" in router.log.read_text(), "where who runs it reads, with the caret"
        assert "description as written\n" in router.description()
        router.file.unlink()
        router.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: "No such file" in router.says("show", "logging"))
        assert router.process.poll() is None
        router.file.write_text(CONFIGURATION.replace("as written", "right again"))
        router.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: "right again" in router.description())


def test_what_is_ignored_stays_ignored() -> None:
    with branch(before="trap '' HUP; ") as router:
        router.file.write_text(CONFIGURATION.replace("as written", "not read"))
        router.process.send_signal(signal.SIGHUP)
        assert "description as written\n" in router.description()
        assert "SIGHUP" not in router.says("show", "logging")
        router.process.send_signal(signal.SIGTERM)
        assert router.process.wait(timeout=PATIENCE) == 0


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


def test_with_a_terminal_it_is_an_orderly_end() -> None:
    with short_folder() as folder:
        file = folder / "branch.cfg"
        file.write_text(CONFIGURATION)
        around = subprocess.Popen(
            [sys.executable, "-c", _WITH_A_TERMINAL, *APART, *command("run", file)],
            stdout=subprocess.PIPE,
            env=variables({"XDG_RUNTIME_DIR": str(folder), "XDG_STATE_HOME": str(folder / "state")}),
            text=True,
        )
        assert around.stdout is not None
        pid = int(around.stdout.readline())
        assert any("runs; its prompt" in line for line in around.stdout)
        os.kill(pid, signal.SIGHUP)
        rest, _ = around.communicate(timeout=PATIENCE)
        assert "ended 0" in rest
        assert not (folder / "dmvpn" / "labs" / "run-BRANCH").exists()
