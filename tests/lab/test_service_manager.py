"""`dmvpn run` under a service manager: a real process, and a NOTIFY_SOCKET that the test listens at."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from support.labs import eventually
from support.services import CONFIGURATION, PATIENCE, Service, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
        assert status.startswith(f"STATUS={router.file} is not taken, nothing was changed: line 5")


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
