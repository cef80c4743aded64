"""Labs of a test's own: a private folder for their sockets, the real command line, and nothing left at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dmvpn.shells.lab.syscalls import peer_credentials
from support.command import command, dmvpn, variables

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


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
        """`dmvpn WORDS`."""
        return dmvpn(*words, environment=self.environment, typed=typed)

    def say(self, *words: str | Path, typed: str | None = None) -> str:
        """What `dmvpn WORDS` prints; it must succeed."""
        result = self.run(*words, typed=typed)
        assert result.returncode == 0, (words, result.stdout, result.stderr)
        return result.stdout

    def up(self, *words: str | Path) -> str:
        """`dmvpn lab up WORDS`."""
        return self.say("lab", "up", *words)

    def on(self, router: str, line: str) -> str:
        """What a router answers to a line."""
        return self.say("-r", router, *line.split())

    def typed(self, router: str, *lines: str) -> str:
        """What a router answers to lines that come through a pipe."""
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

    def supervisor(self, lab: str) -> int:
        """The process of a lab that all its others belong to."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.folder / "dmvpn" / "labs" / lab / "supervisor.sock"))
            return peer_credentials(client).pid

    def running(self) -> list[str]:
        """The names of the labs that have a folder."""
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


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait until a condition holds; False if it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
