"""What a service manager hears, and what is made of the words with which it asks."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.notify import Manager

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder() -> Iterator[Path]:
    """The path of a socket must be short."""
    made = Path(tempfile.mkdtemp(prefix="dmvpn-test-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(params=("path", "abstract"))
def listening(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[str, socket.socket]]:
    """What the manager says of itself, and its socket."""
    address = f"@dmvpn-test-{os.getpid()}-{folder.name}" if request.param == "abstract" else str(folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(address.replace("@", "\0", 1) if request.param == "abstract" else address)
        made.settimeout(10)
        yield address, made


def heard(listener: socket.socket) -> list[str]:
    return listener.recv(4096).decode().split("\n")


def test_the_manager_hears_each_step(listening: tuple[str, socket.socket]) -> None:
    address, listener = listening
    manager = Manager.of({"NOTIFY_SOCKET": address})
    manager.ready("R1 runs")
    manager.reloading()
    manager.stopping("goes")
    assert heard(listener) == ["READY=1", "STATUS=R1 runs"]
    reloading, monotonic = heard(listener)
    assert (reloading, monotonic.partition("=")[0]) == ("RELOADING=1", "MONOTONIC_USEC")
    assert monotonic.partition("=")[2].isdecimal()
    assert heard(listener) == ["STOPPING=1", "STATUS=goes"]
    manager.close()


def test_a_status_is_one_line_whatever_is_in_it(listening: tuple[str, socket.socket]) -> None:
    address, listener = listening
    manager = Manager.of({"NOTIFY_SOCKET": address})
    manager.status("no file a\nREADY=1\udc80 " + "ä" * 4000)
    (line,) = heard(listener)
    assert line.startswith("STATUS=no file a READY=1? ä")
    assert len(line.encode()) < 1100
    manager.close()


def test_signs_of_life_come_from_the_loop_and_end_with_it(listening: tuple[str, socket.socket]) -> None:
    address, listener = listening
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "40000", "WATCHDOG_PID": str(os.getpid())}
    manager = Manager.of(environment)

    async def live() -> None:
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        manager.watch(loop)
        for _ in range(3):
            assert await loop.sock_recv(listener, 4096) == b"WATCHDOG=1"
        manager.close()
        await asyncio.sleep(0)

    asyncio.run(live())
    with pytest.raises(BlockingIOError):
        listener.recv(4096)


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}],
    ids=["nobody asks", "another process is asked", "no number", "nought"],
)
def test_nobody_who_does_not_ask_gets_signs_of_life(
    listening: tuple[str, socket.socket], environment: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    address, listener = listening
    manager = Manager.of({"NOTIFY_SOCKET": address, **environment})
    listener.setblocking(False)

    async def live() -> None:
        manager.watch(asyncio.get_running_loop())

    asyncio.run(live())
    with pytest.raises(BlockingIOError):
        listener.recv(4096)
    said = "is no number of microseconds" in caplog.text
    assert said == (environment.get("WATCHDOG_USEC") in ("soon", "0"))
    manager.close()


def test_a_manager_that_is_not_there_costs_a_line_in_the_log(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    manager = Manager.of({"NOTIFY_SOCKET": str(folder / "nobody")})
    manager.ready("R1 runs")
    assert "was not told READY=1: No such file or directory" in caplog.text
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as late:
        late.bind(str(folder / "nobody"))
        manager.status("still here")
        assert heard(late) == ["STATUS=still here"]
    manager.close()


def test_who_starts_us_by_hand_is_told_nothing(caplog: pytest.LogCaptureFixture) -> None:
    manager = Manager.of({})
    manager.ready("R1 runs")
    manager.stopping("goes")
    manager.close()
    assert not caplog.text


def test_the_unit_reloads_where_there_is_no_program_called_kill(tmp_path: Path) -> None:
    """`systemctl reload` failed on a minimal Debian, which has no /bin/kill."""
    unit = (Path(__file__).parents[2] / "contrib" / "systemd" / "dmvpn@.service").read_text()
    (command,) = (line.partition("=")[2] for line in unit.splitlines() if line.startswith("ExecReload="))
    words = [word.replace("$$", "$") for word in shlex.split(command)]  # as systemd passes them on, systemd.service(5)
    assert Path(words[0]).name == "sh"
    waiting = subprocess.Popen(["sleep", "60"])
    subprocess.run(words, env={"MAINPID": str(waiting.pid), "PATH": str(tmp_path)}, check=True)
    assert waiting.wait(30) == -signal.SIGHUP
