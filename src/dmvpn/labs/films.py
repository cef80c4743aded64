"""Films: a network, and all that its routers remember of what happened, as the page of `dmvpn web` plays it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.face.protocol import message_to_plain
from dmvpn.face.watcher import Watcher
from dmvpn.face.watching import Watching
from dmvpn.labs import orders
from dmvpn.labs.pictures import lab_picture, recording_picture
from dmvpn.labs.replayed import frozen_handle
from dmvpn.router.features import FEATURES
from dmvpn.shells.lab import control
from dmvpn.tools.explain.in_messages import in_messages
from dmvpn.tools.picture import as_stage
from dmvpn.tools.replaying import lives_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dmvpn.face.handle import RouterHandle
    from dmvpn.face.protocol import News
    from dmvpn.shells.lab.places import LabFolder

Film = dict[str, object]
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
    news: list[object] = [{"router": name, "now": time.time(), "gone": True} for name in alive if name not in silent]
    begun = time.monotonic()
    with Watcher(dict(silent), control.end_of(folder.control)) as watcher:
        while heard := watcher.wait(_QUIET if not silent else max(0.0, begun + _PATIENCE - time.monotonic())):
            if time.monotonic() > begun + _LONGEST:
                break
            for each in heard:
                silent.pop(each.router, None)
                if each.news is not None:
                    news.append(_plain(each.router, each.news))
    if silent:
        raise UserError(f"{', '.join(silent)}: no answer")
    return {"stage": as_stage(picture), "news": news, "meanings": in_messages(FEATURES)}


def recording_film(path: Path) -> Film:
    """Return the film of a recording: what its routers remember at its end. Raises UserError, OSError."""
    lives = lives_of(path)
    return {
        "stage": as_stage(recording_picture(path, lives)),
        "news": [
            _plain(name, news)
            for name, life in lives.items()
            if life.router is not None
            for news in _remembered(frozen_handle(life.router, life.last))
        ],
        "meanings": in_messages(FEATURES),
    }


def _remembered(handle: RouterHandle) -> Iterator[News]:
    """Yield all that a router remembers."""
    watching = Watching(handle)
    while (news := watching.news()) is not None:
        yield news


def _plain(router: str, news: News) -> dict[str, object]:
    return {"router": router, **message_to_plain(news)}
