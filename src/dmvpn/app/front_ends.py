"""SSH beside `dmvpn run`: a process for each address, which is watched, started again, and ends with the router's.

    --ssh ADDRESS[:PORT]            from the operator of this machine, which has an sshd of its own, as a rule
    ip ssh port 2222 rotary 1       from the configuration, with `rotary 1` below a `line vty` that accepts SSH

Nothing else makes the machine listen. An address that is not available is logged, and the router keeps running.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.shells.flash import FLASH

log = logging.getLogger("dmvpn")

#: Seconds between two checks of the wanted addresses and of dead processes.
_ROUND: Final = 1.0
#: Seconds before the next try with an address that cannot be had, or a process that does not live.
_SHORTEST, _LONGEST = 1.0, 60.0
#: Seconds for which a process may take leave; and between two looks whether it is gone.
_PATIENCE, _MOMENT = 5.0, 0.02
#: The port without one.
_PORT: Final = 22


def needs_asyncssh() -> None:
    """Raise UserError without it."""
    if importlib.util.find_spec("asyncssh") is None:
        raise UserError("SSH needs asyncssh: pip install asyncssh, or make setup in a clone")


def address_of(text: str) -> str:
    """Return ADDRESS:PORT of what `--ssh` was given. Raises UserError."""
    address, colon, port = text.rpartition(":")
    if not colon or (address.count(":") and not address.endswith("]")):
        address, port = text, str(_PORT)
    bare = address.removeprefix("[").removesuffix("]")
    if not bare or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise UserError(f"--ssh {text}: it takes ADDRESS[:PORT], as in --ssh 192.0.2.1:2222 or --ssh [2001:db8::1]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


class FrontEnds:
    """The processes. wanted: the addresses, at this moment."""

    def __init__(self, socket: Path, storage: Path, wanted: Callable[[], Collection[str]]) -> None:
        self._socket = socket
        self._keys = storage / "ssh"
        self._flash = storage / FLASH
        self._wanted = wanted
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._pauses: dict[str, tuple[float, float]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def processes(self) -> tuple[asyncio.subprocess.Process, ...]:
        """The processes that were alive at the last check."""
        return tuple(self._running.values())

    def start(self) -> None:
        """Begin to look after them."""
        self._task = asyncio.create_task(self._look_after())

    async def stop(self) -> None:
        """End them all."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await asyncio.gather(*(self._end(address) for address in tuple(self._running)))

    async def _look_after(self) -> None:
        while True:
            wanted = tuple(self._wanted())
            for address, process in tuple(self._running.items()):
                if address not in wanted:
                    await self._end(address)
                elif process.returncode is not None:
                    self._bury(address, process.returncode)
            for address in wanted:
                if address not in self._running and asyncio.get_running_loop().time() >= self._next(address):
                    await self._begin(address)
            await asyncio.sleep(_ROUND)

    def _next(self, address: str) -> float:
        return self._pauses.get(address, (0.0, 0.0))[0]

    def _bury(self, address: str, status: int) -> None:
        del self._running[address]
        pause = min(max(self._pauses.get(address, (0.0, 0.0))[1] * 2, _SHORTEST), _LONGEST)
        self._pauses[address] = asyncio.get_running_loop().time() + pause, pause
        log.error("SSH at %s ended with status %s; it is started again in %.0f s", address, status, pause)

    async def _begin(self, address: str) -> None:
        try:
            needs_asyncssh()
            self._keys.mkdir(mode=0o700, exist_ok=True)
            self._running[address] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "dmvpn.face.ssh", "--socket", os.fspath(self._socket)),
                *("--listen", address, "--keys", os.fspath(self._keys), "--flash", os.fspath(self._flash)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
            )
        except (OSError, UserError) as error:
            self._pauses[address] = asyncio.get_running_loop().time() + _LONGEST, _LONGEST
            log.error("SSH at %s: %s", address, error)

    async def _end(self, address: str) -> None:
        process = self._running.pop(address)
        if process.stdin is not None:
            process.stdin.close()
        # Not `process.wait()`: it may wait for the pipe, too, that is closed already.
        loop = asyncio.get_running_loop()
        end = loop.time() + _PATIENCE
        while process.returncode is None:
            if loop.time() >= end:
                process.kill()
            await asyncio.sleep(_MOMENT)
