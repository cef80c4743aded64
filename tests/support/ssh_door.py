"""A router with SSH in front of it, and OpenSSH at the door."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

from support.fake_router import FakeRouter, Live
from support.warm import Started, warm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: hashcat's published example of type 9; the password is `hashcat`.
TYPE_9 = "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6"
CONFIGURATION = f"""hostname R1
username admin privilege 15 secret 9 {TYPE_9}
username low secret 9 {TYPE_9}
username plain privilege 15 password cisco
enable secret 9 {TYPE_9}
login on-success log
login on-failure log
line vty 0 4
 login local
 transport input ssh
"""
#: Seconds until something must have happened, on a machine that is busy with other things.
PATIENCE = 30.0


class Door:
    """A router with SSH in front of it."""

    def __init__(self, folder: Path, text: str, address: str = "127.0.0.1") -> None:
        self.folder = folder
        self.address = address
        self.router = FakeRouter(text)
        self.live = Live(folder / "R1.sock", self.router)
        self._front: Started | None = None
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start the front end."""
        self._front = warm().start(
            [
                *("-m", "dmvpn.face.ssh.__main__", "--socket", str(self.live.path)),
                *(
                    "--listen",
                    f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}",
                ),
                *("--keys", str(self.folder), "--flash", str(self.folder / "flash")),
            ],
            typed=True,
        )
        self.port = int(self._front.stdout.readline().rsplit(None, 1)[-1])

    def kill(self) -> None:
        """End the front end as a fault would."""
        assert self._front is not None
        self._front.kill()
        self._front.communicate()

    def close(self) -> None:
        self.kill()
        self.live.close()

    def ssh(
        self,
        *words: str,
        user: str = "admin",
        password: str = "hashcat",
        typed: str = "",
        options: tuple[str, ...] = (),
    ) -> str:
        """Return what OpenSSH shows; `typed` goes to its standard input."""
        words = ("ssh", "-p", str(self.port), *options, f"{user}@{self.address}", *words)
        return self._asked(*words, password=password, typed=typed.encode())[1].decode()

    @property
    def kept(self) -> dict[str, bytes]:
        """Return the files in flash."""
        folder = self.folder / "flash"
        return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}

    def copied(self, program: str, *words: str, user: str = "admin", typed: bytes = b"") -> tuple[int, bytes]:
        """Return status and words of OpenSSH's scp or sftp; ROUTER in `words` is the door."""
        named = (word.replace("ROUTER", f"{user}@127.0.0.1") for word in words)
        return self._asked(program, "-o", "BatchMode=no", "-P", str(self.port), *named, typed=typed)

    def _asked(self, program: str, *words: str, password: str = "hashcat", typed: bytes = b"") -> tuple[int, bytes]:
        """Return status and words of one of OpenSSH's programs, which is told the password."""
        ask = self.folder / "password"
        ask.write_text(f"#!/bin/sh\necho '{password}'\n")
        ask.chmod(0o700)
        known = f"UserKnownHostsFile={self.folder}/known"
        options = ("StrictHostKeyChecking=no", known, "LogLevel=ERROR", "NumberOfPasswordPrompts=1")
        done = subprocess.run(
            [program, "-F", "none", *(word for option in options for word in ("-o", option)), *words],
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": "none"},
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout

    def log(self) -> str:
        """Return the log of the router."""
        return "\n".join(self.router.system.syslog.lines)

    def wait_for(self, condition: Callable[[], bool]) -> bool:
        end = time.monotonic() + PATIENCE
        while not condition() and time.monotonic() < end:
            time.sleep(0.02)
        return condition()
