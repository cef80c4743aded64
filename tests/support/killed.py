"""A router that is killed at each step of what it does to its files; run as a program, because it forks.

    python -m support.killed FOLDER COMMAND    a row of JSON for each step: what a router that starts then finds

Each step is a call that changes a folder or waits for the disk: the process gets SIGKILL before the first one, then
before the second one, and so on, until it gets to the end.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, ConfigurationEntered, Event
from dmvpn.face.interpreter import OneShot
from dmvpn.router.router import Router
from dmvpn.shells.flash import FolderFlash
from dmvpn.shells.handle import Handle
from dmvpn.shells.storage import STARTUP, FolderStorage

if TYPE_CHECKING:
    from collections.abc import Callable

OLD: Final = (
    "hostname OLD\nfile prompt quiet\narchive\n path flash:bak\n maximum 2\n write-memory\nenable secret 9 "
    "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6\n"
)
NEW: Final = OLD.replace("hostname OLD", "hostname NEW")
_STEPS: Final = ("open", "fsync", "rename", "replace", "unlink", "mkdir")


def _router(folder: Path) -> Handle:
    """A router as it starts from its folder, with what it runs changed since."""
    router, storage = Router(SeededEntropy(1)), FolderStorage(folder)

    def post(event: Event) -> None:
        router.handle(event, 0.0)

    post(ClockSet(1_800_000_000.0))
    post(ConfigurationEntered((folder / STARTUP).read_text(), by="startup", saved=True))
    return Handle(lambda: router, lambda: 0.0, post, storage.store, FolderFlash(folder / "flash"))


def _type(handle: Handle, *lines: str) -> None:
    shot = OneShot(handle, 1, lines)
    while not shot.done:
        shot.step()


def _dies_before(step: int) -> None:
    """Let this process die before it takes so many steps more."""
    left = itertools.count(step, -1)

    def watched(call: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*given: object, **named: object) -> object:
            if next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*given, **named)

        return wrapped

    for name in _STEPS:
        setattr(os, name, watched(getattr(os, name)))


def _prepare(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / STARTUP).write_text(OLD)
    handle = _router(folder)
    handle.flash.write("new.cfg", NEW.encode())
    for _ in range(2):
        _type(handle, "archive config")


def _found(folder: Path) -> dict[str, object]:
    """What the next life finds, and whether it can go on."""
    handle = _router(folder)
    names = [one.name for one in handle.flash.files()]
    copies = [handle.flash.read_file(name).decode() for name in names if name.startswith("bak-")]
    start = handle.context(1).hostname
    _type(handle, "write memory")
    return {
        "starts": start,
        "copies": [copy.endswith("\nend\n") and copy.count("hostname ") == 1 for copy in copies],
        "saves": (folder / STARTUP).read_text().endswith("\nend\n"),
        "kept": len([one for one in handle.flash.files() if one.name.startswith("bak-")]),
    }


def main() -> None:
    """Kill it at each step."""
    folder, command = Path(sys.argv[1]), sys.argv[2]
    for step in itertools.count():
        _prepare(folder)
        child = os.fork()
        if not child:
            _dies_before(step)
            handle = _router(folder)
            _type(handle, "configure terminal", "hostname NEW", "end")
            _type(handle, command)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"killed": os.WIFSIGNALED(status), "status": status, **_found(folder)}))
        if not os.WIFSIGNALED(status):
            return


if __name__ == "__main__":
    main()
