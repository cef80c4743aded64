"""Log lines on stderr: for people with time and level, for systemd's journal with its priority."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import logging
import os
import re
import resource
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import pytest

import dmvpn
from dmvpn.app.journal import BURST, PER_SECOND, JournalFormatter, JournalHandler, JsonFormatter, Messages, is_journal
from dmvpn.app.run import Manager
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, Effect, PollInterfaces, SetRoute
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, EffectFailed, Event, Tick
from dmvpn.dataplane.contract import EffectError
from dmvpn.shells.descriptors import Shortage, allow_descriptors, is_readable
from dmvpn.shells.lab.sockets import SERVICES
from dmvpn.shells.runtime import runtime as module
from dmvpn.shells.runtime.runtime import Runtime
from support.fakes import log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.dataplane.userspace.plane import MakeEngine
    from dmvpn.router.router import Router

_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d "


def record(text: str, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("dmvpn", level, __file__, 1, "%s", (text,), None)


@pytest.fixture
def printed(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


@pytest.mark.parametrize(("severity", "word"), [(0, "emergency"), (3, "error"), (5, "notice"), (7, "debug")])
def test_a_message_has_the_level_of_its_own_number(printed: pytest.LogCaptureFixture, severity: int, word: str) -> None:
    Messages()(log(f"SYS-{severity}-THING", "it happened"))
    (found,) = printed.records
    assert re.fullmatch(
        rf"{_STAMP}{word}: %SYS-{severity}-THING: it happened", JournalFormatter(journal=False).format(found)
    )
    assert JournalFormatter(journal=True).format(found) == f"<{severity}>%SYS-{severity}-THING: it happened"


def test_a_program_gets_one_object_on_one_line(printed: pytest.LogCaptureFixture) -> None:
    Messages(router="R31")(log("NHRP-3-PAKERROR", 'peer says: "\x1b[2J\u202e"\nnext'))
    line = JsonFormatter().format(printed.records[0])
    assert line.isascii()
    assert "\n" not in line
    found = json.loads(line)
    assert re.fullmatch(_STAMP.rstrip(), found.pop("time"))
    assert found == {
        "severity": 3,
        "level": "error",
        "message": 'peer says: "\x1b[2J\u202e"\nnext',
        "router": "R31",
        "facility": "NHRP",
        "mnemonic": "PAKERROR",
    }
    of_ours = json.loads(JsonFormatter().format(record("%SYS-5-X: not of the router", logging.ERROR)))
    assert (of_ours["level"], of_ours["message"]) == ("error", "%SYS-5-X: not of the router")
    assert "router" not in of_ours


def test_each_line_has_its_priority_in_the_journal() -> None:
    assert JournalFormatter(journal=True).format(record("one\ntwo", logging.ERROR)) == "<3>one\n<3>two"
    assert JournalFormatter(journal=False).format(record("one\ntwo")).endswith("warning: one\ntwo")


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    found = record("internal fault", logging.ERROR)
    try:
        raise ValueError("x")
    except ValueError:
        found.exc_info = sys.exc_info()
    lines = JournalFormatter(journal=True).format(found).splitlines()
    assert lines[:2] == ["<3>internal fault", "<3>Traceback (most recent call last):"]
    assert lines[-1] == "<3>ValueError: x"


def test_words_of_a_peer_steer_no_terminal_and_make_no_priority() -> None:
    text = JournalFormatter(journal=True).format(record("peer \x1b[2J\x07 says\n<0>panic"))
    assert text == "<4>peer ?[2J? says\n<4><0>panic"


def test_who_makes_it_log_without_end_fills_no_disk(printed: pytest.LogCaptureFixture) -> None:
    now = 0.0
    messages = Messages(lambda: now)
    for _ in range(BURST + 50):
        messages(log("SYS-5-THING", "again"))
    assert len(printed.records) == BURST
    now = 1.0
    for _ in range(int(PER_SECOND) + 1):
        messages(log("SYS-5-THING", "later"))
    after = [found.getMessage() for found in printed.records[BURST:]]
    assert after[0].startswith("50 log messages were not printed")
    assert len(after) == 1 + PER_SECOND


def test_only_the_stream_that_systemd_names_is_its_journal(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        found = os.fstat(file.fileno())
        assert is_journal(file.fileno(), {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not is_journal(file.fileno(), {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not is_journal(file.fileno(), {"JOURNAL_STREAM": "rubbish"})
        assert not is_journal(file.fileno(), {})


def fields_of(entry: bytes) -> dict[str, str]:
    """An entry of the journal's own protocol, read as systemd reads it."""
    found: dict[str, str] = {}
    while entry:
        line, _, rest = entry.partition(b"\n")
        name, given, value = line.partition(b"=")
        if not given:
            (length,) = struct.unpack("<Q", rest[:8])
            value, rest = rest[8 : 8 + length], rest[8 + length :].removeprefix(b"\n")
        found[name.decode()], entry = value.decode(), rest
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as taking:
        taking.settimeout(10)
        taking.bind(str(tmp_path / "journal"))
        yield taking


def test_the_journal_gets_the_parts_of_a_message_as_fields(
    printed: pytest.LogCaptureFixture, journal: socket.socket
) -> None:
    """`journalctl DMVPN_MNEMONIC=CONFIG_I` found nothing: the journal had lines of text alone."""
    Messages(router="R31")(log("SYS-5-CONFIG_I", "Configured from console by lab\nand another line"))
    handler = JournalHandler(journal.getsockname())
    handler.emit(printed.records[0])
    handler.close()
    assert fields_of(journal.recv(65536)) == {
        "MESSAGE": "%SYS-5-CONFIG_I: Configured from console by lab\nand another line",
        "PRIORITY": "5",
        "SYSLOG_IDENTIFIER": "dmvpn",
        "DMVPN_FACILITY": "SYS",
        "DMVPN_MNEMONIC": "CONFIG_I",
        "DMVPN_ROUTER": "R31",
    }


def test_words_of_a_peer_make_no_field(printed: pytest.LogCaptureFixture, journal: socket.socket) -> None:
    Messages()(log("SYS-5-THING", "peer says\nPRIORITY=0\n<0>\x1b[2J"))
    handler = JournalHandler(journal.getsockname())
    handler.emit(printed.records[0])
    handler.close()
    found = fields_of(journal.recv(65536))
    assert found["MESSAGE"] == "%SYS-5-THING: peer says\nPRIORITY=0\n<0>?[2J"
    assert found["PRIORITY"] == "5"


@pytest.mark.lengthy
@pytest.mark.parametrize("text", ["it happened", "x" * 4_000_000])
def test_a_message_that_the_journal_does_not_take_is_a_line(tmp_path: Path, text: str, journal: socket.socket) -> None:
    where = str(tmp_path / "nobody") if len(text) < 100 else journal.getsockname()
    with (tmp_path / "stderr").open("w") as stream:
        handler = JournalHandler(where, stream)
        handler.setFormatter(JournalFormatter(journal=True))
        handler.emit(record(text))
        handler.close()
    assert (tmp_path / "stderr").read_text() == f"<4>{text}\n"


# What a service manager hears, and what is made of the words with which it asks.


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
    said = "is not a number of microseconds" in caplog.text
    assert said == (environment.get("WATCHDOG_USEC") in ("soon", "0"))
    manager.close()


def test_a_manager_that_is_not_there_costs_a_line_in_the_log(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    manager = Manager.of({"NOTIFY_SOCKET": str(folder / "nobody")})
    manager.ready("R1 runs")
    assert "did not get READY=1: No such file or directory" in caplog.text
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


# The runtime: an effect that fails comes back to the router, and a fault of ours does not end it.

ORDER = ClearRoute(Prefix.parse("10.0.0.0/8"))


class RefusingPlane:
    """A plane that can do nothing."""

    def __init__(self, *arguments: object, **settings: object) -> None:
        pass

    def execute(self, effect: Effect) -> None:
        raise EffectError(effect, 1, "not permitted")

    def together(self) -> nullcontext[None]:
        return nullcontext()

    def execute_routes(self, orders: list[SetRoute | ClearRoute]) -> list[EffectError]:
        return [EffectError(order, 1, "not permitted") for order in orders]

    def close(self) -> None:
        pass


class Life:
    """A router that does as the test says, and remembers what it was told."""

    def __init__(self, course: Callable[[Event], list[Effect]]) -> None:
        self.course = course
        self.told: list[Event] = []

    def handle(self, event: Event, now: float) -> list[Effect]:
        self.told.append(event)
        return self.course(event)

    def next_deadline(self) -> float | None:
        return None


def live(
    monkeypatch: pytest.MonkeyPatch, folder: Path, course: Callable[[Event], list[Effect]], *events: Event
) -> list[Event]:
    """What a router of this course is told when these events are posted."""
    monkeypatch.setattr(module, "UserspacePlane", RefusingPlane)
    life = Life(course)

    async def run() -> None:
        runtime = Runtime(
            "R1",
            SeededEntropy(1),
            cast("MakeEngine", None),
            interfaces={},
            manage=True,
            storage=folder,
            recording=folder / "life.jsonl",
        )
        runtime.router = cast("Router", life)
        for event in events:
            runtime.post(event)
        runtime.close()

    asyncio.run(run())
    return life.told


def test_a_recording_whose_router_was_killed_goes_on_with_the_next_life(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The half line of the dead router and the first line of the next one were one line, which no reader understood."""
    recording = tmp_path / "life.jsonl"
    live(monkeypatch, tmp_path, lambda _: [], ClockSet(0.0))
    whole = recording.read_text()
    recording.write_text(whole + '{"router": "R')
    live(monkeypatch, tmp_path, lambda _: [], ClockSet(0.0))
    lines = recording.read_text().splitlines()
    assert len(lines) == 2 * len(whole.splitlines())
    assert all(json.loads(line) for line in lines)


def test_an_effect_that_fails_comes_back_with_its_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def course(event: Event) -> list[Effect]:
        return [ORDER] if isinstance(event, ClockSet) else []

    assert live(monkeypatch, tmp_path, course, ClockSet(0.0)) == [
        ClockSet(0.0),
        EffectFailed(ORDER, 1, "not permitted"),
    ]


def test_after_a_fault_of_ours_the_router_goes_on_and_the_record_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def course(event: Event) -> list[Effect]:
        if isinstance(event, ClockSet):
            raise RuntimeError("our own")
        return []

    assert live(monkeypatch, tmp_path, course, ClockSet(0.0), Tick()) == [ClockSet(0.0), Tick()]
    event = "ClockSet(offset=0.0, authoritative=False)"
    assert f"internal fault while handling {event}: RuntimeError: our own; report it" in caplog.text
    lines = [json.loads(line) for line in (tmp_path / "life.jsonl").read_text().splitlines()]
    assert [line.get("did", line.get("event")) for line in lines][1:4] == ["ClockSet", "fault", "Tick"]


# The systemd unit as systemd itself judges it, without a systemd that runs.

_ROOT: Final = Path(__file__).parents[2]
_UNIT: Final = _ROOT / "contrib/systemd/dmvpn@.service"
_PAGE: Final = _ROOT / "docs/how-to/install.md"
_INSTALLED: Final = "/opt/dmvpn/bin/dmvpn"

analyzed = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze (Debian: systemd)"
)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """As an instance of it would be, with a program that is there."""
    made = tmp_path / "dmvpn@BRANCH.service"
    made.write_text(_UNIT.read_text().replace(_INSTALLED, sys.executable))
    return made


def _analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )


@analyzed
def test_systemd_finds_nothing_wrong(unit: Path) -> None:
    judged = _analyze("verify", "--man=no", unit)
    # It names what is wrong with units of the machine, too.
    complaints = [line for line in (judged.stdout + judged.stderr).splitlines() if unit.name in line]
    assert (judged.returncode, complaints) == (0, [])


@analyzed
def test_it_exposes_less_than_three_of_ten(unit: Path) -> None:
    judged = _analyze("security", "--offline=true", "--threshold=29", "--no-pager", unit)
    if "unrecognized option" in judged.stderr:
        pytest.skip("systemd-analyze is older than 250")
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", judged.stdout)
    assert exposure is not None, judged.stderr
    assert float(exposure[1]) < 3
    assert judged.returncode == 0


def test_the_pages_install_what_the_unit_starts() -> None:
    assert _INSTALLED in _UNIT.read_text()
    page = _PAGE.read_text()
    for named in (_INSTALLED, "contrib/systemd/dmvpn@.service", "/etc/dmvpn", "/run/dmvpn", "/var/lib/dmvpn"):
        assert named in page, named


def test_the_folder_and_the_group_are_those_that_the_program_looks_for() -> None:
    unit = _UNIT.read_text()
    assert "Environment=XDG_RUNTIME_DIR=/run/dmvpn\n" in unit
    assert SERVICES == "/run/dmvpn/dmvpn/labs"
    assert "RuntimeDirectoryMode=0710\n" in unit, "the group passes, and reads nothing"
    (user,) = re.findall(r"(?m)^u (\S+)", (_UNIT.parent / "dmvpn.sysusers").read_text())
    assert f"User={user}\nGroup={user}\n" in unit
    assert f"d /etc/dmvpn 0700 {user} {user}\n" in (_UNIT.parent / "dmvpn.tmpfiles").read_text()
    assert "ConfigurationDirectoryMode=0700\n" in unit


@pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None or shutil.which("systemd-tmpfiles") is None or os.geteuid() != 0,
    reason="systemd-sysusers and systemd-tmpfiles are needed (Debian: systemd), and root",
)
def test_systemd_makes_the_user_and_the_folder(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    root = f"--root={tmp_path}"
    subprocess.run(["systemd-sysusers", root, _UNIT.parent / "dmvpn.sysusers"], check=True, timeout=60)
    subprocess.run(["systemd-tmpfiles", root, "--create", _UNIT.parent / "dmvpn.tmpfiles"], check=True, timeout=60)
    (user,) = re.findall(
        r"(?m)^dmvpn:x:(\d+):(\d+):.*:/var/lib/dmvpn:/usr/sbin/nologin$", (tmp_path / "etc/passwd").read_text()
    )
    made = (tmp_path / "etc/dmvpn").stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o7777) == (int(user[0]), int(user[1]), 0o700)


# Descriptors: as many as the host allows, of any number, and one line in the log when none is free.

FEW = 256
#: The first number that select(2) cannot wait for.
BEHIND_SELECT = 1024


@pytest.fixture
def few() -> Iterator[None]:
    """A soft limit like that of a login, below the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard <= BEHIND_SELECT:
        pytest.skip(f"this process may have {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few")
def test_a_router_may_have_as_many_descriptors_as_the_host_allows_and_waits_for_each() -> None:
    """A router with 70 VRFs came to the end of `ulimit -n 1024`."""
    allow_descriptors()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == min(hard, 1 << 20)
    out, into = os.pipe()
    high = fcntl.fcntl(out, fcntl.F_DUPFD, BEHIND_SELECT)
    try:
        assert not is_readable(high, 0)
        os.write(into, b"x")
        assert is_readable(high)
    finally:
        for descriptor in (out, into, high):
            os.close(descriptor)


def test_nothing_waits_by_select_which_knows_descriptors_below_1024_alone() -> None:
    sources = Path(dmvpn.__file__).parent
    assert [path.name for path in sources.rglob("*.py") if "select.select(" in path.read_text()] == []


def test_the_end_of_descriptors_is_logged_once_whoever_met_it(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing was logged that named the cause."""

    def refused() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async def work() -> None:
        loop = asyncio.get_running_loop()
        shortage = Shortage(loop)
        for _ in range(3):
            loop.call_soon(refused)
        await asyncio.sleep(0)
        wrapped = EffectError(PollInterfaces(), 0, "the tun driver refuses")
        wrapped.__cause__ = OSError(errno.ENFILE, "Too many open files in system")
        assert shortage.is_met(wrapped)
        assert not shortage.is_met(EffectError(PollInterfaces(), 0, "no such interface"))

    asyncio.run(work())
    (said,) = caplog.messages
    assert "descriptors, and none is free" in said
    assert "ulimit -Hn" in said
