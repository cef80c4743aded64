"""What a reset takes away, and how it comes back: for labs of either kind, by orders that they know anyway.

    reset(folder)   keeps configurations, files of routers, wires, translators, dead routers and the lesson
    undo(folder)    brings them back

A router comes back as by `lab kill` and `lab start`, with the configuration that was running, as after `write memory`.
So neighbors see a restart, and the contents of memory alone (caches, counters) are gone.
Everything is in one file of the folder of the lab, for its owner alone: it has keys. It lasts until the lab ends.
"""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import cast

from dmvpn.base.errors import UserError
from dmvpn.labs import orders
from dmvpn.labs.prompts import Prompts
from dmvpn.shells.files import open_private
from dmvpn.shells.lab import control
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.control import Json
from dmvpn.shells.lab.places import BEFORE_RESET, GRADE, LESSON, LabFolder
from dmvpn.shells.storage import STARTUP, FolderStorage

_Object = dict[str, "Json"]


def reset(folder: LabFolder) -> tuple[str, ...]:
    """Begin again as `orders.reset` does, and keep what that takes away. Raises UserError."""
    with contextlib.suppress(UserError, OSError):  # a lab in a bad state must be reset, too
        path = folder.path / BEFORE_RESET
        path.unlink(missing_ok=True)
        wired = cast(
            "_Object", control.order(folder.control, do="wired")
        )  # a lab of an older release has no such order
        alive = orders.status(folder).routers
        running = Prompts(folder).running([name for name, is_alive in alive.items() if is_alive])
        kept: _Object = {
            **wired,
            "routers": dict(alive),
            "running": {**running},
            "files": {name: cast("Json", _files(folder.storage(name))) for name in alive},
            "notes": {
                name: (folder.path / name).read_text() for name in (LESSON, GRADE) if (folder.path / name).exists()
            },
        }
        with open_private(path) as file:
            json.dump(kept, file)
    return orders.reset(folder)


def undo(folder: LabFolder) -> tuple[str, ...]:
    """Bring back what the last reset took away. Returns the sentences of `missing`. Raises UserError."""
    path = folder.path / BEFORE_RESET
    try:
        kept = json.loads(path.read_text())
        routers, running, files = kept["routers"], kept["running"], kept["files"]
        links, gateways, notes = kept["links"], kept["gateways"], kept["notes"]
    except FileNotFoundError:
        raise UserError(f"lab {folder.name} was not reset, or its reset was undone already") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: {error}: the last reset cannot be undone") from error
    for name, is_alive in orders.status(folder).routers.items():
        if name in running and is_alive:
            orders.kill(folder, name)
        storage = folder.storage(name)
        if name in running:
            FolderStorage(storage).clear()
            _write(storage, {**files[name], STARTUP: base64.b64encode(running[name].encode()).decode()})
            orders.start(folder, name)
        elif is_alive and not routers.get(name, True):
            _write(storage, files[name])
            orders.kill(folder, name)
    for link, found in links.items():
        orders.impair(folder, link.split()[0], Badness.read(found), hidden=found["hidden"])
    for name, found in gateways.items():
        orders.rebind(folder, name, public=found["public"], kind=found["sign"])
        if found["kind"] != found["sign"]:
            orders.rebind(folder, name, kind=found["kind"], hidden=True)
    for name in (LESSON, GRADE):
        if name in notes:
            with open_private(folder.path / name) as file:
                file.write(notes[name])
    path.unlink()
    return orders.wait_until_ready(folder)


def _files(storage: Path) -> dict[str, str]:
    """Return the files of a router by their paths, in base64."""
    paths = [path for path in storage.rglob("*") if path.is_file() and not path.is_symlink()]
    return {str(path.relative_to(storage)): base64.b64encode(path.read_bytes()).decode() for path in sorted(paths)}


def _write(storage: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = storage / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        FolderStorage(path.parent).store(path.name, base64.b64decode(text))
