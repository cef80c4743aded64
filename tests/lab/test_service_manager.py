"""`dmvpn run` as a process: signals, a service manager."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.command import command, variables
from support.labs import eventually
from support.services import APART, CONFIGURATION, PATIENCE, Service, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# `dmvpn run` under a service manager: a real process, and a NOTIFY_SOCKET that the test listens at.

pytestmark = pytest.mark.lab


class Managed(Service):
    """A service that tells its manager, and what it tells. watchdog: microseconds."""

    def __init__(
        self, folder: Path, configuration: str, listener: socket.socket, watchdog: int, *, journal: bool
    ) -> None:
        self._listener = listener
        #: What it prints goes into a pipe that the test need not read.
        self.printed, self.pipe = os.pipe()
        stream = os.fstat(self.pipe)
        environment = {
            "NOTIFY_SOCKET": str(folder / "notify"),
            **({"WATCHDOG_USEC": str(watchdog)} if watchdog else {}),
            **({"JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino}"} if journal else {}),
        }
        super().__init__(folder, configuration, environment=environment, output=self.pipe)

    def hears(self, *, signs: bool = False) -> list[str]:
        """The lines of the next message. signs: of life, too; else they are passed over."""
        while True:
            lines = self._listener.recv(4096).decode().split("\n")
            if signs or lines != ["WATCHDOG=1"]:
                return lines

    def hears_nothing_for(self, seconds: float) -> bool:
        """Whether there is a silence of so many seconds, before the patience is over."""

        def silent() -> bool:
            self._listener.settimeout(seconds)
            with contextlib.suppress(TimeoutError):
                self._listener.recv(4096)
                return False
            return True

        try:
            return eventually(silent, PATIENCE)
        finally:
            self._listener.settimeout(PATIENCE)

    def close(self) -> None:
        self.process.kill()
        super().close()
        for descriptor in (self.printed, self.pipe):
            os.close(descriptor)


@contextlib.contextmanager
def service(*, watchdog: int = 0, journal: bool = False, configuration: str = CONFIGURATION) -> Iterator[Managed]:
    with short_folder() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(folder / "notify"))
        listener.settimeout(PATIENCE)
        made = Managed(folder, configuration, listener, watchdog, journal=journal)
        try:
            yield made
        finally:
            made.close()


def test_it_is_ready_when_the_prompt_answers_and_says_when_it_goes() -> None:
    with service() as router:
        assert router.hears() == ["READY=1", "STATUS=BRANCH runs; its prompt: dmvpn shell run-BRANCH/BRANCH"]
        assert "description as written\n" in router.description()
        router.process.send_signal(signal.SIGTERM)
        assert router.hears()[0] == "STOPPING=1"
        assert router.process.wait(timeout=PATIENCE) == 0


def test_a_reload_begins_and_ends_and_the_status_says_what_came_of_it() -> None:
    with service() as router:
        router.hears()
        router.file.write_text(CONFIGURATION.replace("as written", "changed"))
        router.process.send_signal(signal.SIGHUP)
        assert router.hears()[0] == "RELOADING=1"
        assert router.hears() == ["READY=1", f"STATUS={router.file} was read again"]
        assert "description changed\n" in router.description()
        router.file.write_text(CONFIGURATION + " descripton of the port\n")
        router.process.send_signal(signal.SIGHUP)
        assert router.hears()[0] == "RELOADING=1"
        ready, status = router.hears()
        assert ready == "READY=1"
        assert status.startswith(f"STATUS={router.file} was refused, nothing was changed: line 5")


def test_what_cannot_start_says_why() -> None:
    with service(configuration=CONFIGURATION + " descripton of the port\n") as router:
        (status,) = router.hears()
        assert status.startswith("STATUS="), status
        assert str(router.file) in status
        assert router.process.wait(timeout=PATIENCE) == 1


def test_a_router_that_hangs_gives_no_sign_of_life() -> None:
    with service(watchdog=200_000) as router:
        assert router.hears(signs=True)[0] == "READY=1"
        assert router.hears(signs=True) == ["WATCHDOG=1"]
        assert router.hears(signs=True) == ["WATCHDOG=1"]
        # Nobody takes what it prints any more: the next line that it logs does not end.
        os.set_blocking(router.pipe, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(router.pipe, bytes(1 << 12))
        os.set_blocking(router.pipe, True)
        router.process.send_signal(signal.SIGHUP)
        assert router.hears_nothing_for(1.0)
        os.read(router.printed, 1 << 16)
        assert router.hears(signs=True)[0] in ("READY=1", "WATCHDOG=1")


def test_the_journal_gets_every_message_with_its_priority_whatever_the_terminals_get() -> None:
    quiet = "no logging on\nno logging console\nno logging monitor\n"
    with service(journal=True, configuration=quiet + CONFIGURATION) as router:
        router.hears()
        router.process.send_signal(signal.SIGTERM)
        assert router.process.wait(timeout=PATIENCE) == 0
        lines = os.read(router.printed, 1 << 16).decode().splitlines()
    assert "<5>%SYS-5-RESTART: System restarted --" in lines
    assert all(line.startswith(("<", "BRANCH runs; ")) for line in lines), lines


def test_what_cannot_start_is_an_error_in_the_journal() -> None:
    with service(journal=True, configuration=CONFIGURATION + " descripton of the port\n") as router:
        (status,) = router.hears()
        assert router.process.wait(timeout=PATIENCE) == 1
        lines = os.read(router.printed, 1 << 16).decode().splitlines()
    errors = [line for line in lines if line.startswith("<3>")]
    assert errors == [f"<3>{status.removeprefix('STATUS=')}"], lines


def test_a_file_gets_every_message_with_time_and_level() -> None:
    with service() as router:
        router.hears()
        printed = os.read(router.printed, 1 << 16).decode()
    assert re.search(r"(?m)^20\S+T\S+[+-]\d\d:\d\d notice: %SYS-5-RESTART: System restarted --$", printed), printed


# SIGHUP and SIGTERM of `dmvpn run`, with real processes: with a terminal, without one, and ignored.


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
