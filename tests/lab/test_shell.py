"""At the prompt: `dmvpn shell R31` on a terminal, in a simulated lab that needs no privileges."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import termios
import time
from fcntl import ioctl
from typing import TYPE_CHECKING, Self

import pytest

from support.command import command, variables
from support.labs import Labs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

# A person at a terminal: types keys into a program on a pseudo-terminal, and reads what it shows.

CTRL_C, CTRL_SHIFT_6, CTRL_Z, CTRL_A, CTRL_E, CTRL_W, TAB, UP = (
    "\x03",
    "\x1e",
    "\x1a",
    "\x01",
    "\x05",
    "\x17",
    "\t",
    "\x1b[A",
)


class Terminal:
    """A program and its terminal of so many rows and columns. screen: all that it showed, without carriage returns."""

    def __init__(
        self, words: Sequence[str], environment: Mapping[str, str], *, rows: int = 24, columns: int = 80
    ) -> None:
        self.screen = ""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execvpe(words[0], list(words), dict(environment))  # noqa: S606 - the test says which
        ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._terminal, keys.encode())

    def until(self, text: str, seconds: float = 60.0) -> str:
        """Read until the program has shown `text`; what it showed since the last call, up to there."""
        end, looked_at = time.monotonic() + seconds, 0
        while text not in self.screen[looked_at:]:
            # Of what is there already only the end may belong to it: a flood is not looked through again and again.
            looked_at = max(0, len(self.screen) - len(text) + 1)
            left = end - time.monotonic()
            assert left > 0, f"no {text!r} in {self.screen!r}"
            if select.select([self._terminal], [], [], left)[0]:
                piece = self._read()
                assert piece, f"it ended, and no {text!r} in {self.screen!r}"
                self.screen += piece
        shown, _, self.screen = self.screen.partition(text)
        return shown + text

    def silence(self, seconds: float = 0.3) -> str:
        """Read until nothing has come for a while; what it showed since the last call."""
        while select.select([self._terminal], [], [], seconds)[0]:
            piece = self._read()
            if not piece:
                break
            self.screen += piece
        shown, self.screen = self.screen, ""
        return shown

    def line(self, typed: str, prompt: str) -> list[str]:
        """Type a line; the lines that it shows before the prompt comes again."""
        self.type(typed + "\r")
        self.until(f"{typed}\n")
        return self.until(prompt).removesuffix(prompt).split("\n")[:-1]

    def ended(self, seconds: float = 30.0) -> int:
        """Wait for the end of the program: its exit code."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._pid = 0
                return os.waitstatus_to_exitcode(status)
            self.silence(0.05)
        raise AssertionError(f"it does not end: {self.screen!r}")

    def close(self) -> None:
        """End the program, whatever it does."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0
        os.close(self._terminal)

    def _read(self) -> str:
        try:
            return os.read(self._terminal, 65536).decode(errors="replace").replace("\r", "")
        except OSError:  # the other end is closed
            return ""


PROMPT = "R31#"


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    """`lab up notes-phase3 --simulated`."""
    with Labs() as labs:
        labs.up("notes-phase3", "--simulated")
        yield labs


@pytest.fixture
def shell(labs: Labs) -> Iterator[Terminal]:
    """`dmvpn shell R31`, at its first prompt."""
    with Terminal(command("shell", "R31"), variables(labs.environment)) as terminal:
        terminal.until(PROMPT)
        yield terminal


def test_the_prompt_is_privileged_and_exit_ends_the_session(shell: Terminal) -> None:
    assert shell.line("show privilege", PROMPT) == ["Current privilege level is 15"]
    shell.type("exit\r")
    assert shell.ended() == 0


def test_keys_edit_the_line_and_bring_earlier_ones_back(shell: Terminal) -> None:
    shell.type("clock nonsense" + CTRL_W + CTRL_A + "show " + "\r")
    assert " UTC " in shell.until(PROMPT)
    shell.type(UP + "\r")
    assert " UTC " in shell.until(PROMPT)


def test_long_output_stops_at_more_and_a_blank_goes_on(shell: Terminal) -> None:
    shell.type("show interfaces\r")
    first = shell.until(" --More-- ")
    assert len(first.split("\n")) == 25  # the line typed, 23 lines, and the word itself
    shell.type(" ")
    second = shell.until(" --More-- ")
    assert second != first
    shell.type("\r")
    assert len(shell.until(" --More-- ").strip("\b ").split("\n")) <= 3
    shell.type("q")
    shell.until(PROMPT)


def test_a_new_hostname_is_in_the_next_prompt(shell: Terminal) -> None:
    shell.line("configure terminal", "R31(config)#")
    shell.line("hostname Branch", "Branch(config)#")
    shell.line("hostname R31", "R31(config)#")
    shell.type(CTRL_Z)
    shell.until(PROMPT)


def test_control_shift_6_breaks_a_ping_off(shell: Terminal) -> None:
    shell.type("ping 10.4.4.1 source 10.3.3.1 repeat 1000000\r")
    shell.until("!!!")
    shell.type(CTRL_SHIFT_6)
    (sent,) = re.findall(r"Success rate is 100 percent \((\d+)/\1\)", shell.until(PROMPT))
    assert int(sent) < 1000000


def test_debug_lines_come_to_who_monitors(labs: Labs, shell: Terminal) -> None:
    shell.line("terminal monitor", PROMPT)
    assert shell.line("debug nhrp", PROMPT) == ["NHRP debugging is on"]
    assert shell.line("debug nhrp packet", PROMPT) == ["NHRP packet debugging is on"]
    labs.on("R31", "clear ip nhrp")
    # Another pair of addresses than elsewhere here: the hub says the same of a pair only every eight seconds.
    labs.on("R31", "ping 10.4.4.100 source 10.3.3.1")
    shown = shell.silence()
    for line in (
        "NHRP: Receive Traffic Indication via Tunnel100 vrf: global(0x0), packet size: ",
        "NHRP: Send Resolution Request via Tunnel100 vrf: global(0x0), packet size: ",
        " (F) afn: AF_IP(1), type: IP(800), hop: 255, ver: 1",
        "      src NBMA: 172.16.31.1",
        "NHRP: Receive Resolution Reply via Tunnel100 vrf: global(0x0), packet size: ",
    ):
        assert line in shown
    stamps = [line[:21] for line in shown.split("\n") if "NHRP:" in line]
    assert all(re.match(r"\*[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\.\d{3}:", stamp) for stamp in stamps)
    assert shell.line("undebug all", PROMPT) == ["All possible debugging has been turned off"]


def test_two_sessions_on_one_router_see_each_others_changes(labs: Labs, shell: Terminal) -> None:
    with Terminal(command("shell", "R31"), variables(labs.environment)) as other:
        other.until(PROMPT)
        other.line("configure terminal", "R31(config)#")
        other.line("interface Loopback5", "R31(config-if)#")
        assert any(line.startswith("Loopback5 ") for line in shell.line("show ip interface brief", PROMPT))
        other.line("no interface Loopback5", "R31(config)#")
        other.type(CTRL_Z)
        other.until(PROMPT)


def test_the_terminal_is_as_before_when_the_session_has_ended(labs: Labs) -> None:
    words = [
        "sh",
        "-c",
        'stty -g > $XDG_RUNTIME_DIR/before; "$@"; stty -g > $XDG_RUNTIME_DIR/after',
        "sh",
        *command("shell", "R31"),
    ]
    with Terminal(words, variables(labs.environment)) as terminal:
        terminal.until(PROMPT)
        terminal.type("exit\r")
        assert terminal.ended() == 0
    assert (labs.folder / "before").read_text() == (labs.folder / "after").read_text()
