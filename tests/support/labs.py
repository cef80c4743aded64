"""Labs of a test's own: a private folder for their sockets, the real command line, and nothing left at the end."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from dmvpn.shells.lab.syscalls import peer_credentials
from support.command import command, dmvpn, dmvpn_here, variables
from support.warm import warm

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


#: Commands, and verbs of `lab`, that ask a lab that is up, and print what it answers.
_ASKING: Final = frozenset(("-r", "doctor", "walk"))
_ASKING_LABS: Final = frozenset(
    ("break", "clock", "down", "grade", "hint", "impair", "kill", "list", "phase", "reset", "save", "start", "status")
)

#: Sends echo requests at an even rate. Prints a line when it begins; at the end how many went out, how many were
#: answered, and the longest run that was not. Arguments: address, number, seconds, octets of data in each.
_STREAM = """
import os, select, socket, struct, sys, time
address, count, seconds, data = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), bytes(int(sys.argv[4]))
own = os.getpid() & 0xFFFF
sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
sock.setblocking(False)
print("begin", flush=True)
answered, sent, begin = set(), 0, time.monotonic()
while time.monotonic() < begin + seconds + 2 and len(answered) < count:
    while sent < count and time.monotonic() >= begin + sent * seconds / count:
        head = struct.pack("!BBHHH", 8, 0, 0, own, sent)
        total = sum(struct.unpack("!4H", head))
        total = (total & 0xFFFF) + (total >> 16)
        total = ~(total + (total >> 16)) & 0xFFFF
        try:
            sock.sendto(struct.pack("!BBHHH", 8, 0, total, own, sent) + data, (address, 0))
        except OSError:  # an answer "unreachable" to an earlier one
            pass
        sent += 1
    try:
        while True:
            packet = sock.recv(2048)
            kind, identifier, sequence = packet[20], *struct.unpack("!HH", packet[24:28])
            if kind == 0 and identifier == own:
                answered.add(sequence)
    except OSError:
        due = begin + (sent * seconds / count if sent < count else seconds + 2)
        select.select([sock], [], [], max(0, due - time.monotonic()))
run = longest = 0
for sequence in range(sent):
    run = 0 if sequence in answered else run + 1
    longest = max(longest, run)
print(sent, len(answered), longest)
"""


@dataclass(frozen=True, slots=True)
class Echoes:
    """What became of a stream of echo requests. gap: seconds of the longest run of unanswered ones."""

    sent: int
    answered: int
    gap: float


class Labs:
    """Where a test brings its labs up. folder: of their sockets; short, because the path of a socket must be."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dmvpn-test-"))
        self.environment = {"XDG_RUNTIME_DIR": str(self.folder)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, *words: str | Path, typed: str | None = None) -> subprocess.CompletedProcess[str]:
        """`dmvpn WORDS`. What starts no process and no thread runs in the process of the test.

        The others are forks of a process that has imported all, where they can be: else that would be most of the work.
        """
        if words[0] in _ASKING or (words[0] == "lab" and words[1] in _ASKING_LABS):
            return dmvpn_here(*words, environment=self.environment, typed=typed)
        return dmvpn(*words, environment=self.environment, typed=typed, program=warm().program)

    def say(self, *words: str | Path, typed: str | None = None) -> str:
        """Return what `dmvpn WORDS` prints; it must succeed."""
        result = self.run(*words, typed=typed)
        assert result.returncode == 0, (words, result.stdout, result.stderr)
        return result.stdout

    def up(self, *words: str | Path) -> str:
        """`dmvpn lab up WORDS`."""
        return self.say("lab", "up", *words)

    def up_of(self, folder: Path, configurations: dict[str, str], lab: object) -> str:
        """Bring up a folder of these configurations, by router, and with this `lab.yaml`."""
        folder.mkdir(exist_ok=True)
        for name, text in configurations.items():
            (folder / f"{name}.cfg").write_text(text)
        (folder / "lab.yaml").write_text(json.dumps(lab))
        return self.up(folder)

    def on(self, router: str, line: str) -> str:
        """Return what a router answers to a line."""
        return self.say("-r", router, *line.split())

    def typed(self, router: str, *lines: str) -> str:
        """Return what a router answers to lines that come through a pipe."""
        return self.run("-r", router, "-", typed="\n".join(lines) + "\n").stdout

    def configure(self, router: str, *lines: str) -> str:
        """Lines in configuration mode."""
        return self.typed(router, "configure terminal", *lines, "end")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """`dmvpn WORDS` in the background."""
        return subprocess.Popen(
            command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=variables(self.environment),
        )

    def stream(self, host: str, address: str, *, count: int, seconds: float, size: int = 0) -> Echoes:
        """Echo requests from a host at an even rate. size: octets of data in each."""
        return self.echoes(self.start_stream(host, address, count=count, seconds=seconds, size=size), count, seconds)

    def start_stream(
        self, host: str, address: str, *, count: int, seconds: float, size: int = 0
    ) -> subprocess.Popen[str]:
        """Return the same in the background, from the moment this returns; `echoes` waits for its end."""
        arguments = (address, str(count), str(seconds), str(size))
        stream = self.start("lab", "exec", host, sys.executable, "-c", _STREAM, *arguments)
        assert stream.stdout is not None
        assert stream.stdout.readline() == "begin\n"
        return stream

    def echoes(self, stream: subprocess.Popen[str], count: int, seconds: float) -> Echoes:
        """Return what a stream that was started has found."""
        printed, _ = stream.communicate(timeout=seconds + 30)
        assert stream.returncode == 0, printed
        sent, answered, longest = map(int, printed.split())
        return Echoes(sent, answered, longest * seconds / count)

    def supervisor(self, lab: str) -> int:
        """Return the process of a lab that all its others belong to."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.folder / "dmvpn" / "labs" / lab / "supervisor.sock"))
            return peer_credentials(client).pid

    def running(self) -> list[str]:
        """Return the names of the labs that have a folder."""
        return sorted(path.name for path in (self.folder / "dmvpn" / "labs").glob("*"))

    def processes(self) -> list[int]:
        """Every process whose environment names our folder: all of a lab's are forks of the command that raised it."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if str(self.folder).encode() in (process / "environ").read_bytes() and int(process.name) != os.getpid():
                    found.append(int(process.name))
        return sorted(found)

    def close(self) -> None:
        """End what still runs."""
        for lab in self.running():
            self.run("lab", "down", lab)
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


def hops(printed: str) -> list[str]:
    """Return the addresses that a traceroute printed."""
    return [line.split()[1] for line in printed.splitlines()[3:] if line]


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait until a condition holds; False if it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
