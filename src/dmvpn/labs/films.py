"""Films: a network, and all that its routers remember of what happened, as the page of `dmvpn web` plays it."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Final

from dmvpn.base.chronicle import line_to_plain
from dmvpn.base.errors import UserError
from dmvpn.face.protocol import encode
from dmvpn.face.watcher import Watcher
from dmvpn.features.chronicle import ChronicleMachine
from dmvpn.labs import orders
from dmvpn.labs.pictures import lab_picture, recording_picture
from dmvpn.shells.lab import control
from dmvpn.tools.picture import as_stage
from dmvpn.tools.replaying import lives_of

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.face.protocol import News
    from dmvpn.ios.filters import Plain
    from dmvpn.shells.lab.places import LabFolder
    from dmvpn.tools.replaying import Life

Film = dict[str, "Plain"]
#: Seconds without news after which routers have said everything; within which each one must say something; and after
#: which a film of a busy lab ends.
_QUIET: Final = 0.5
_PATIENCE: Final = 10.0
_LONGEST: Final = 30.0


def lab_film(folder: LabFolder) -> Film:
    """Return the film of a lab that runs. Raises UserError."""
    picture = lab_picture(folder)
    alive = orders.status(folder).routers
    silent = {name: folder.management(name) for name, lives in alive.items() if lives}
    news: list[Plain] = [{"router": name, "now": time.time(), "gone": True} for name in alive if name not in silent]
    begun = time.monotonic()
    stop, never = os.pipe()
    try:
        with Watcher(dict(silent), control.end_of(folder.control), stop) as watcher:
            while heard := watcher.wait(_QUIET if not silent else max(0.0, begun + _PATIENCE - time.monotonic())):
                if time.monotonic() > begun + _LONGEST:
                    break
                for each in heard:
                    silent.pop(each.router, None)
                    if each.news is not None:
                        news.append(_plain(each.router, each.news))
    finally:
        os.close(stop)
        os.close(never)
    if silent:
        raise UserError(f"{', '.join(silent)}: no answer")
    return {"stage": as_stage(picture), "news": news}


def recording_film(path: Path) -> Film:
    """Return the film of a recording: what its routers remember at its end. Raises UserError, OSError."""
    lives = lives_of(path)
    return {
        "stage": as_stage(recording_picture(path, lives)),
        "news": [_remembered(name, life) for name, life in lives.items()],
    }


def _plain(router: str, news: News) -> Plain:
    plain: Plain = {"router": router, **json.loads(encode(news))}
    return plain


def _remembered(name: str, life: Life) -> Plain:
    if life.router is None:
        raise UserError(f"{name}: the recording does not begin at the beginning")
    context = life.router.context(life.last)
    wall = context.ports.clock.wall
    lines = context.machine(ChronicleMachine).after(0, settled=True)
    interfaces = context.ports.interfaces.all()
    return {
        "router": name,
        "lines": [{**line_to_plain(line), "time": wall(line.time).timestamp()} for line in lines],
        "addresses": [str(address) for state in interfaces for address, _ in state.addresses],
        "now": wall(life.last).timestamp(),
        "begins": True,
        "missed": 0,
    }
