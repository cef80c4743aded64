"""`dmvpn lab watch`: the ladder diagram of a lab in the terminal as events happen, and as a story in a file."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.app.interruption import Interruption
from dmvpn.app.watch_screen import Paper, Rows, Screen, width, zone
from dmvpn.base.errors import UserError
from dmvpn.base.moments import read_span
from dmvpn.face.watcher import Watcher
from dmvpn.labs import orders
from dmvpn.labs.pictures import lab_picture
from dmvpn.labs.watching import Ear, StoryRecord, follow, network_of
from dmvpn.shells.lab import control
from dmvpn.shells.lab.places import find_lab
from dmvpn.tools.picture import as_moving
from dmvpn.tools.watch import story
from dmvpn.tools.watch.ladder import room_for

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from dmvpn.app.told import Told
    from dmvpn.labs.orders import LabStatus
    from dmvpn.tools.picture import Picture
    from dmvpn.tools.watch import Step

#: Up to this many routers of a lab, all are heard even if few are chosen: then the far end of an arrow has a name.
_LARGEST_CIRCLE: Final = 64


def watch(arguments: argparse.Namespace, told: Told) -> int:
    """Show events until Ctrl-C or the end of the lab. Raises UserError."""
    folder = find_lab(arguments.lab, "dmvpn lab watch {}".format)
    since = 0 if arguments.since is None else read_span(arguments.since)
    if since is None:
        raise UserError(f"{arguments.since}: since when? 30s, 5m, 1h")
    status = orders.status(folder)
    network = network_of(folder.name, status)
    heard = network.routers
    network = replace(
        network, routers=_chosen(arguments.only, network.routers, status, width() if not told.for_programs else None)
    )
    if len(heard) > _LARGEST_CIRCLE:
        heard = network.routers
    picture: Picture | None = None
    if arguments.save is not None:
        _check(arguments.save)
        picture = lab_picture(folder) if arguments.save.suffix == ".svg" else None
    ear, record = Ear(since, routes=arguments.routes), StoryRecord()
    sockets = {router: folder.management(router) for router in (*network.routers, *heard)}
    end = None if arguments.seconds is None else time.monotonic() + arguments.seconds
    with Interruption() as interruption:
        paper = Paper(interruption, needed=arguments.save is None)
        kind = Rows if told.for_programs else Screen
        screen = kind(network.routers, paper, ascii_only=arguments.ascii)
        try:
            screen.begin()
            with Watcher(sockets, control.end_of(folder.control), interruption.descriptor) as watcher:
                for fresh in follow(watcher, ear, end):
                    _show(fresh, screen, record)
            _show(ear.ripe(float("inf")), screen, record)
            if told.for_programs:
                pass
            elif interruption.asked:
                paper.say("")
            elif not watcher.lives:
                paper.say(f"lab {folder.name} has ended")
            if ear.missed and not told.for_programs:
                paper.say(f"{ear.missed} lines were missed: more happened than could be shown")
        finally:  # however this ended: a user who asked for a story gets the steps until then
            record.add([step for step, _ in screen.lines(ear.ripe(float("inf")))])
            if arguments.save is not None:
                if picture is None:
                    text = story(network, record.steps, zone(), ear.missed, record.omitted)
                else:
                    with suppress(UserError):  # of a lab that has ended there is the picture of the beginning
                        picture = lab_picture(folder)
                    text = as_moving(picture, record.steps)
                _save(arguments.save, text, record, None if told.for_programs else paper)
    return 0


def _show(fresh: Sequence[Step], screen: Screen, record: StoryRecord) -> None:
    """Record steps, then show them: if showing them fails, they are recorded."""
    shown = screen.lines(fresh)
    record.add([step for step, _ in shown])
    for _, line in shown:
        screen.show(line)


def _save(path: Path, text: str, record: StoryRecord, paper: Paper | None) -> None:
    path.write_text(text, encoding="utf-8")
    if paper is None:
        return
    if record.omitted:
        paper.report(f"{record.omitted} steps are not in the story: it has the first {len(record.steps)}")
    paper.report(f"the story is in {path}")


def _chosen(only: str | None, speakers: tuple[str, ...], status: LabStatus, columns: int | None) -> tuple[str, ...]:
    """Return the routers that get a column. Raises UserError if one is unknown, or there are too many."""
    names = list(status.routers)
    chosen = speakers
    if only is not None:
        chosen = tuple(dict.fromkeys(name.strip() for name in only.split(",") if name.strip()))
        unknown = [name for name in chosen if name not in names]
        if unknown or not chosen:
            raise UserError(f"there is no {', '.join(unknown) or 'router'} in this lab; it has {', '.join(names)}")
    if columns is None:
        return chosen
    room = room_for(columns, max(map(len, chosen), default=1))
    if not room:
        raise UserError(f"{columns} columns are too few for a ladder: make the terminal wider")
    if len(chosen) > room:
        raise UserError(
            f"{len(chosen)} routers do not fit into {columns} columns, {room} would: choose with "
            f"--only {','.join(chosen[:room])}, or make the terminal wider"
        )
    return chosen


def _check(path: Path) -> None:
    """Check that the file can be written, before the user watches for an hour. Raises OSError."""
    with path.open("a"):
        pass
