"""Films: a network, and what happened there, as the page of `dmvpn web` plays it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.face.protocol import message_to_plain
from dmvpn.face.watcher import Watcher
from dmvpn.labs import orders
from dmvpn.labs.pictures import lab_picture, recording_picture
from dmvpn.labs.reel import WHOLE, Part, Reel
from dmvpn.router.features import FEATURES
from dmvpn.shells.lab import control
from dmvpn.tools.explain.lookup import in_messages
from dmvpn.tools.picture import as_stage
from dmvpn.tools.replaying import moments_of

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.face.messages import News
    from dmvpn.shells.lab.places import LabFolder
    from dmvpn.tools.replaying import Life

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


def recording_film(path: Path, part: Part = WHOLE) -> Film:
    """Return the film of a recording: all that its routers reported. Raises UserError, OSError."""
    if part.until is not None and part.until <= part.since:
        raise UserError(f"--until {part.until:g} is not after --from {part.since:g}: nothing is between them")
    reel = Reel(part)
    lives: dict[str, Life] = {}
    for life in moments_of(path):
        lives[life.name] = life
        reel.take(life)
        if reel.is_over:
            break
    reel.finish()
    if part.since > reel.last:
        raise UserError(f"{path} ends after {reel.last:.0f} seconds: --from {part.since:g} is behind its end")
    return {
        "stage": as_stage(recording_picture(path, lives)),
        **({"begins": reel.begins} if reel.begins is not None else {}),
        **({"notes": reel.notes} if reel.notes else {}),
        "news": reel.news,
        "meanings": in_messages(FEATURES),
    }


def _plain(router: str, news: News) -> dict[str, object]:
    return {"router": router, **message_to_plain(news)}
