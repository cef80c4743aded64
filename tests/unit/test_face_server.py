"""The management socket with real sockets: who may come in, what they see, and what is left when they go."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import io
import os
import pty
import select
import signal
import socket
import stat
import subprocess
import sys
import termios
import threading
import time
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.base.events import JobAborted, LinesEntered
from dmvpn.face import client
from dmvpn.face.messages import Done, Execute, Hello, Input, Message, OpenShell, Output, Resize, Signal
from dmvpn.face.protocol import Decoder, encode
from dmvpn.face.server import ManagementServer
from dmvpn.ios import ExecCommand, Feature
from dmvpn.shells import admission
from dmvpn.shells.lab.syscalls import PeerCredentials
from support.fake_router import PATIENCE, FakeRouter, Live
from support.fakes import log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Client:
    """A connection, message by message."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self._decoder = Decoder()
        self.inbox: list[Message] = []

    def send(self, *messages: Message) -> None:
        self.socket.sendall(b"".join(encode(message) for message in messages))

    def receive(self) -> Message | None:
        """The next message; None when the server has hung up."""
        while not self.inbox:
            data = self.socket.recv(1 << 16)
            if not data:
                return None
            self.inbox += self._decoder.feed(data)
        return self.inbox.pop(0)

    def read_until_has(self, part: str) -> None:
        """Wait for something."""
        text = ""
        while part not in text:
            message = self.receive()
            assert isinstance(message, Output), f"{message} after {text!r}"
            text = text[-100:] + message.data.decode()

    def read_until(self, end: str) -> str:
        """Output up to `end`."""
        text = ""
        while not text.endswith(end):
            message = self.receive()
            assert isinstance(message, Output), f"{message} after {text!r}"
            text += message.data.decode()
        return text


@contextlib.contextmanager
def live_router(path: Path, text: str = "hostname R1\n", *, answers: bool = True) -> Iterator[Live]:
    live = Live(path, FakeRouter(text, answers=answers))
    try:
        yield live
    finally:
        live.close()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with live_router(tmp_path / "R1.sock") as made:
        yield made


@pytest.fixture
def shell(live: Live) -> Iterator[Client]:
    """A terminal at the first prompt."""
    connected = Client(live.path)
    with connected.socket:
        assert connected.receive() == Hello("R1")
        connected.send(OpenShell(24, 80))
        assert connected.read_until("#") == "R1#"
        yield connected


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


# ------------------------------------------------------------------------------------------------ lines


def test_a_command_over_the_socket(live: Live) -> None:
    output = io.BytesIO()
    assert client.execute(live.path, ["show privilege"], output) == 0
    assert output.getvalue() == b"Current privilege level is 15\n"


def test_a_refused_command_gives_status_1(live: Live) -> None:
    output = io.BytesIO()
    assert client.execute(live.path, ["show nonsense"], output) == 1
    assert b"% Invalid input detected" in output.getvalue()


def test_a_command_that_computes_ends_without_a_fault(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    lines = ("configure terminal", "username bob secret S3cret99", "end", "show privilege")
    for _ in range(5):
        connected = Client(live.path)
        with connected.socket:
            assert connected.receive() == Hello("R1")
            connected.send(Execute(lines))
            while not isinstance(message := connected.receive(), Done):
                assert isinstance(message, Output)
            assert message.status == 0
            assert connected.receive() is None
    until(lambda: not live.server.connections)
    assert "internal fault" not in caplog.text


def test_a_script_configures_the_router(live: Live) -> None:
    assert client.execute(live.path, ["configure terminal", "interface Tunnel0", "ip mtu 1400"], io.BytesIO()) == 0
    assert " ip mtu 1400" in live.router.running.render()


def test_much_output_arrives_whole(live: Live) -> None:
    output = io.BytesIO()
    assert client.execute(live.path, ["show numbers 9999", "show numbers 9999"], output) == 0
    assert output.getvalue().count(b"\n") == 2 * 9999


def test_a_ping_streams_and_is_broken_off_by_a_signal(tmp_path: Path) -> None:
    with live_router(tmp_path / "s", answers=False) as live:
        connected = Client(live.path)
        with connected.socket:
            assert connected.receive() == Hello("R1")
            connected.send(Execute(("ping 10.4.4.1", "show privilege")))
            assert connected.read_until("timeout is 2 seconds:\n")
            live.call(live.router.pass_time)
            assert connected.read_until(".") == "."
            connected.send(Signal())
            assert connected.read_until(")\n") == "\nSuccess rate is 0 percent (0/1)\n"
            assert connected.receive() == Done(0)


def test_a_client_that_goes_away_takes_its_ping_along(tmp_path: Path) -> None:
    with live_router(tmp_path / "s", answers=False) as live:
        connected = Client(live.path)
        with connected.socket:
            connected.receive()
            connected.send(Execute(("ping 10.4.4.1",)))
            connected.read_until("seconds:\n")
        until(lambda: isinstance(live.router.posted[-1], JobAborted))


# ------------------------------------------------------------------------------------------------ shells


def test_a_shell_echoes_answers_and_ends(shell: Client) -> None:
    shell.send(Input(b"show priv\r"))
    assert shell.read_until("R1#") == "show priv\r\nCurrent privilege level is 15\r\nR1#"
    shell.send(Input(b"exit\r"))
    assert shell.read_until("\n") == "exit\r\n"
    assert shell.receive() == Done()
    assert shell.receive() is None


def test_log_messages_come_by_themselves(live: Live, shell: Client) -> None:
    message = log("SYS-5-TEST", "hello")

    def happen() -> None:
        for effect in live.router.system.handle(message, 0.0):
            live.router.carry_out(effect)

    live.call(happen)
    assert shell.read_until("hello\r\n") == "\r\n*Nov 20 06:00:00.000: %SYS-5-TEST: hello\r\n"


def test_the_router_goes_on_while_the_first_session_has_its_commands_imported(live: Live) -> None:
    class Import:
        def __iter__(self) -> Iterator[ExecCommand]:
            live.call(lambda: None)  # raises TimeoutError if the loop is held up
            return iter(())

    live.router.features = (*live.router.features, Feature("late", commands=Import()))
    assert client.execute(live.path, ["show clock"], io.BytesIO()) == 0


def test_a_resized_window_has_other_pages(shell: Client) -> None:
    shell.send(Resize(6, 80), Input(b"show numbers 20\r"))
    assert shell.read_until("--More-- ").endswith("line 5\r\n --More-- ")


def test_two_people_see_each_other(live: Live, shell: Client) -> None:
    other = Client(live.path)
    with other.socket:
        other.receive()
        other.send(OpenShell(), Input(b"show users | count con 0\r"))
        assert "regexp = 2" in other.read_until("2\r\nR1#")
    shell.send(Input(b"\r"))
    shell.read_until("R1#")
    until(lambda: len(live.server.connections) == 1)


def test_a_command_without_a_terminal_sees_who_is_there(live: Live, shell: Client) -> None:
    """`ssh R1 show users` and `dmvpn -r R1 show ssh` saw themselves alone, whoever was there."""
    shell.send(Input(b"show clock\r"))
    shell.read_until("R1#")
    other = Client(live.path)
    with other.socket:
        other.receive()
        other.send(Execute(("show users | count con 0",)))
        assert "regexp = 2" in other.read_until("\n")


def test_silence_ends_a_session(tmp_path: Path) -> None:
    with live_router(tmp_path / "s", "hostname R1\nline con 0\n exec-timeout 0 1\n") as live:
        connected = Client(live.path)
        with connected.socket:
            connected.receive()
            connected.send(OpenShell())
            connected.read_until("R1#")
            assert connected.receive() == Done(0, "idle for too long")
            assert connected.receive() is None


def test_closing_the_router_hangs_up(tmp_path: Path) -> None:
    with live_router(tmp_path / "s") as live:
        connected = Client(live.path)
        with connected.socket:
            connected.receive()
            connected.send(OpenShell())
            connected.read_until("R1#")
            live.stop_serving()
            while connected.receive() is not None:
                pass
    assert not live.path.exists()


def test_silence_during_a_ping_is_no_silence(tmp_path: Path) -> None:
    with live_router(tmp_path / "s", "hostname R1\nline con 0\n exec-timeout 0 1\n", answers=False) as live:
        connected = Client(live.path)
        with connected.socket:
            connected.receive()
            connected.send(OpenShell(), Input(b"ping 10.4.4.1 repeat 1\r"))
            connected.read_until("2 seconds:\r\n")
            time.sleep(1.3)
            live.call(live.router.pass_time)
            assert connected.read_until("R1#").startswith(".\r\nSuccess rate is 0 percent")


# ------------------------------------------------------------------------------------------------ manners


def test_a_fault_of_ours_ends_the_command_not_the_session(shell: Client, caplog: pytest.LogCaptureFixture) -> None:
    shell.send(Input(b"show fault\rshow priv\r"))
    assert shell.read_until("15\r\nR1#") == (
        "show fault\r\n% Error: internal fault: AssertionError: a fault of ours; "
        "report it with the traceback that the log of this program has\r\n"
        "R1#show priv\r\nCurrent privilege level is 15\r\nR1#"
    )
    assert "a fault of ours" in caplog.text


def test_a_fault_of_ours_in_a_script_gives_status_1(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    output = io.BytesIO()
    assert client.execute(live.path, ["show fault"], output) == 1
    assert output.getvalue().startswith(b"% Error: internal fault: AssertionError: a fault of ours; report it")
    assert "a fault of ours" in caplog.text


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "a line that is no JSON"),
        (encode(Input(b"x")), "Input comes too early"),
        (encode(OpenShell()) + encode(Execute(("x",))), "Execute is nothing for a shell"),
    ],
)
def test_nonsense_is_answered_once_and_cut_off(live: Live, data: bytes, complaint: str) -> None:
    connected = Client(live.path)
    with connected.socket:
        assert connected.receive() == Hello("R1")
        connected.socket.sendall(data)
        last = None
        while (message := connected.receive()) is not None:
            last = message
        assert last == Done(2, complaint)


def test_only_the_owner_may_connect(live: Live) -> None:
    assert stat.S_IMODE(live.path.stat().st_mode) == 0o600


def test_another_user_is_sent_away_even_if_the_mode_lets_him_in(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "peer_credentials", lambda connected: PeerCredentials(1, 4711, 4711))
    with pytest.raises(UserError, match="may not use the router's prompt"):
        client.execute(live.path, ["show privilege"])


def test_credentials_are_those_of_the_kernel() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert admission.OWNER_ALONE.admits(ours)


@pytest.mark.parametrize(
    ("primary", "others", "admitted"), [(4711, (), False), (30, (), True), (4711, (7, 30), True), (4711, (7,), False)]
)
def test_a_member_of_the_named_group_is_let_in(
    monkeypatch: pytest.MonkeyPatch, primary: int, others: tuple[int, ...], *, admitted: bool
) -> None:
    monkeypatch.setattr(admission, "peer_credentials", lambda connected: PeerCredentials(1, 4711, primary))
    monkeypatch.setattr(admission, "peer_groups", lambda connected: others)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert admission.Admission(30).admits(ours) is admitted
        assert not admission.OWNER_ALONE.admits(ours)


def test_a_second_router_does_not_take_the_socket_of_a_living_one(live: Live) -> None:
    with pytest.raises(UserError, match="another router listens here already"):
        asyncio.run(ManagementServer(FakeRouter(), live.path).start())
    assert client.execute(live.path, ["show privilege"], io.BytesIO()) == 0


def test_the_socket_of_a_killed_router_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s"
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    dead.bind(str(path))
    dead.close()
    with live_router(path) as live:
        assert client.execute(live.path, ["show privilege"], io.BytesIO()) == 0


def test_a_path_too_long_for_a_socket_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="too long for a socket"):
        asyncio.run(ManagementServer(FakeRouter(), tmp_path / ("x" * 120)).start())


def test_where_nobody_listens_the_client_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no router is running there"):
        client.execute(tmp_path / "nobody", ["show privilege"])


def test_more_lines_than_fit_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="too much at once"):
        client.execute(tmp_path / "s", ["x" * 2_000_000])


@pytest.mark.lengthy
def test_who_does_not_read_a_long_show_waits_in_the_middle_of_it_and_others_go_on(live: Live) -> None:
    slow = Client(live.path)
    with slow.socket:
        slow.receive()
        slow.send(OpenShell(24, 80), Input(b"terminal length 0\rshow numbers 200000\r"))
        assert client.execute(live.path, ["show privilege"], io.BytesIO()) == 0
        assert slow.read_until("line 200000\r\nR1#").count("line ") == 200_000


def test_control_c_ends_a_long_show_and_what_is_typed_behind_it_is_read(live: Live) -> None:
    slow = Client(live.path)
    with slow.socket:
        slow.receive()
        slow.send(OpenShell(24, 80), Input(b"terminal length 0\rshow numbers 9999999\r"))
        slow.read_until_has("line 1000\r\n")
        slow.send(Input(b"show clock\r\x03show privilege\r"))
        assert slow.read_until("level is 15\r\nR1#").count("UTC") == 0


@pytest.mark.parametrize("when", ["with the lines", "in the middle", "while nobody reads"])
def test_a_signal_ends_a_long_show_of_a_script(live: Live, when: str) -> None:
    """A signal that came in one piece with the lines was lost: ten million numbers were shown, twice."""
    slow = Client(live.path)
    lines = Execute(("show numbers 9999999", "show numbers 9999999"))
    with slow.socket:
        slow.receive()
        if when == "with the lines":
            slow.send(lines, Signal())
        else:
            slow.send(lines)
            if when == "in the middle":
                slow.read_until_has("line 1000\n")
            else:
                until(lambda: has_stopped(slow.socket))
            slow.send(Signal())
        shown = 0
        while isinstance(said := slow.receive(), Output):
            shown += said.data.count(b"\n")
        assert isinstance(said, Done)
        assert shown < 9999999


def test_who_goes_away_in_the_middle_of_a_long_show_leaves_nothing(live: Live) -> None:
    before = {*threading.enumerate()}
    slow = Client(live.path)
    with slow.socket:
        slow.receive()
        slow.send(OpenShell(24, 80), Input(b"terminal length 0\rshow numbers 9999999\r"))
        slow.read_until_has("line 1000\r\n")
    until(lambda: not live.server.connections)
    until(lambda: not any(thread.name == "slices" for thread in {*threading.enumerate()} - before))


def test_who_does_not_read_for_longer_than_the_line_allows_is_cut_off(tmp_path: Path) -> None:
    with live_router(tmp_path / "R1.sock", "hostname R1\nline con 0\n exec-timeout 0 1\n") as live:
        slow = Client(live.path)
        with slow.socket:
            slow.receive()
            slow.send(OpenShell(24, 80), Input(b"terminal length 0\rshow numbers 9999999\r"))
            until(lambda: bool(live.server.connections))
            until(lambda: not live.server.connections)
        assert client.execute(live.path, ["show privilege"], io.BytesIO()) == 0


def has_stopped(receiving: socket.socket) -> bool:
    """Has the server nothing more to send, because as much as fits waits to be read?"""
    before = _waiting(receiving)
    time.sleep(0.05)
    return 0 < before == _waiting(receiving)


def _waiting(receiving: socket.socket) -> int:
    return int.from_bytes(fcntl.ioctl(receiving, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_a_line_is_cleared_though_its_user_does_not_read(tmp_path: Path) -> None:
    """`clear line` did nothing while a long show waited for its reader."""
    with live_router(tmp_path / "R1.sock", "hostname R1\nline vty 0 4\n exec-timeout 0 0\n") as live:
        slow = Client(live.path)
        with slow.socket:
            slow.receive()
            slow.send(OpenShell(24, 80, vty=True), Input(b"terminal length 0\rshow numbers 9999999\r"))
            until(lambda: bool(live.server.connections) and has_stopped(slow.socket))
            live.call(lambda: live.server.clear(0))
            until(lambda: not live.server.connections)


def test_a_command_is_cleared_though_nobody_reads_what_it_says(live: Live) -> None:
    slow = Client(live.path)
    with slow.socket:
        slow.receive()
        slow.send(Execute(("show numbers 9999999",), vty=True))
        until(lambda: bool(live.server.connections) and has_stopped(slow.socket))
        live.call(lambda: live.server.clear(0))
        until(lambda: not live.server.connections)


@pytest.mark.lengthy
def test_lines_of_two_people_are_carried_out_by_turns_each_in_its_order(live: Live) -> None:
    first, second = Client(live.path), Client(live.path)
    with first.socket, second.socket:
        for one, start in ((first, 0), (second, 200)):
            one.receive()
            lines = b"".join(b"interface Loopback%d\rip mtu 1400\r" % number for number in range(start, start + 200))
            one.send(OpenShell(24, 80), Input(b"configure terminal\r" + lines + b"end\rshow privilege\r"))
        for one in (first, second):
            one.read_until_has("level is 15")
    entered = [line for event in live.router.posted if isinstance(event, LinesEntered) for line in event.lines]
    numbers = [int(line.within[0].removeprefix("interface Loopback")) for line in entered if line.text == "ip mtu 1400"]
    assert [number for number in numbers if number < 200] == list(range(200))
    assert [number for number in numbers if number >= 200] == list(range(200, 400))


# ------------------------------------------------------------------------------------------------ a real terminal


def read_terminal(descriptor: int, end: bytes) -> bytes:
    """What the terminal shows, up to `end`."""
    shown = b""
    deadline = time.monotonic() + PATIENCE
    while end not in shown:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, shown
        shown += os.read(descriptor, 4096)
    return shown


@contextlib.contextmanager
def sitting_at(live: Live, prepare: str = "") -> Iterator[tuple[int, int, subprocess.Popen[bytes]]]:
    """`dmvpn shell` in a process of its own, after `prepare`, on a pseudo-terminal: (our end, its end, the process)."""
    ours, theirs = pty.openpty()
    code = f"""{prepare}
import pathlib, sys
from dmvpn.face.client import shell
sys.exit(shell(pathlib.Path({str(live.path)!r})))"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    try:
        yield ours, theirs, program
        assert program.wait(PATIENCE) == 0
    finally:
        program.kill()
        program.wait()
        os.close(ours)
        os.close(theirs)


def test_a_person_at_a_terminal(live: Live) -> None:
    with sitting_at(live) as (ours, theirs, _):
        before = termios.tcgetattr(theirs)
        assert read_terminal(ours, b"R1#").endswith(b"R1#")
        assert not termios.tcgetattr(theirs)[3] & termios.ECHO
        os.write(ours, b"show priv\r")
        assert read_terminal(ours, b"15\r\nR1#") == b"show priv\r\nCurrent privilege level is 15\r\nR1#"
        os.write(ours, b"exit\r")
        read_terminal(ours, b"exit\r\n")
        until(lambda: termios.tcgetattr(theirs)[3] == before[3])


def test_control_bracket_leaves_at_any_time(live: Live) -> None:
    with sitting_at(live) as (ours, _, __):
        read_terminal(ours, b"R1#")
        os.write(ours, b"configure terminal\r")
        read_terminal(ours, b"R1(config)#")
        os.write(ours, b"\x1d")
        assert b"[left; the router goes on]" in read_terminal(ours, b"]")
    until(lambda: not live.server.connections)


def test_a_window_that_changes_before_its_signal_is_caught_is_noticed(live: Live) -> None:
    smaller_then_raw = """
import termios, tty
set_raw = tty.setraw
tty.setraw = lambda descriptor: (termios.tcsetwinsize(descriptor, (7, 80)), set_raw(descriptor))
"""
    with sitting_at(live, smaller_then_raw) as (ours, _, __):
        read_terminal(ours, b"R1#")
        until(lambda: any(c.session and c.session.screen.rows == 7 for c in live.server.connections))
        os.write(ours, b"exit\r")


def test_a_window_that_changes_is_noticed(live: Live) -> None:
    with sitting_at(live) as (ours, theirs, program):
        read_terminal(ours, b"R1#")
        termios.tcsetwinsize(theirs, (7, 80))
        program.send_signal(signal.SIGWINCH)
        until(lambda: any(c.session and c.session.screen.rows == 7 for c in live.server.connections))
        os.write(ours, b"show numbers 20\r")
        assert b"line 6\r\n --More-- " in read_terminal(ours, b"--More-- ")
        os.write(ours, b"qexit\r")


def test_a_pipe_instead_of_a_terminal_is_a_script(
    live: Live, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("show privilege\nshow nonsense\n"))
    assert client.shell(live.path) == 1
    assert capsysbinary.readouterr().out.startswith(b"Current privilege level is 15\nshow nonsense\n")
