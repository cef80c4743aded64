"""SIGHUP of `dmvpn run`: with a terminal the end of it, without one the order to read the configuration file again.

    ignored when we were started (`nohup`)       stays ignored
    /dev/tty can be opened                       the terminal is gone: an orderly end
    it cannot (systemd, setsid, a container)     the file is read again, as daemons do

A file takes effect whole or not at all: if IOS would refuse a line, nothing changes. Lines typed since the last
`write memory` are not in the file and are lost: the log names them, without keys and passwords. The router keeps
running while the file is read and prepared (`base/breath.py`).
"""

from __future__ import annotations

import contextlib
import enum
import logging
import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Final

from dmvpn.app.config import examine
from dmvpn.base.breath import aside, breathing, in_one_go
from dmvpn.base.errors import UserError, fault_text
from dmvpn.features.system import ConfigurationReloaded
from dmvpn.features.system.show import with_version
from dmvpn.labs.intake import refuse_left_out
from dmvpn.router.entered_text import hold
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.certificates import certificates_of
from dmvpn.shells.router_files import read_router
from dmvpn.shells.slices import Slices

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from pathlib import Path

    from dmvpn.app.notify import Manager
    from dmvpn.ios import ConfigTree, Problem
    from dmvpn.shells.runtime.runtime import Runtime

#: Lines that one reading may write into the log.
MOST_NAMED: Final = 50

log = logging.getLogger("dmvpn")


class HangUp(enum.Enum):
    """The meaning of SIGHUP for this process."""

    IGNORED = "ignored"
    END = "end"
    RELOAD = "reload"


def hang_up() -> HangUp:
    """Return the meaning of SIGHUP at the start of the process: later, a terminal that hung up cannot be opened."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return HangUp.IGNORED
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return HangUp.RELOAD
    return HangUp.END


async def reloads(
    asked: asyncio.Event, path: Path, runtime: Runtime, manager: Manager, without: Sequence[str] = ()
) -> None:
    """Read the file again on each request, and report the result to the service manager. It never ends."""
    slices = Slices()
    while True:
        await asked.wait()
        asked.clear()
        manager.reloading()
        try:
            outcome = await slices.run(partial(reload, path, runtime, without))
        except Exception as error:
            outcome = fault_text(error, f"reading {path} again")
            log.exception("%s", outcome)
        manager.ready(outcome)


def reload(path: Path, runtime: Runtime, without: Sequence[str] = ()) -> str:
    """Read the file again and let the router run it, or log why not. Returns the result in one line.

    without: lines that restrict or divert traffic, and that are left out.
    """
    try:
        text = aside(partial(read_router, path))
        result, is_good = examine(path, text, runtime.handle.configurator)
        if not is_good:
            wrong = tuple(_refusal(problem) for problem in result.problems if not problem.is_warning)
            return _tell(runtime, ConfigurationReloaded(str(path), refused=_some(wrong)))
        refuse_left_out(path, result, without)
        certificates = aside(partial(certificates_of, path.parent, runtime.name, text))
        text = hold(result, text).text
    except UserError as error:
        return _tell(runtime, ConfigurationReloaded(str(path), refused=(str(error),)))
    begin = runtime.prepare(text, certificates, by="SIGHUP")
    lost = _lost_now(runtime, result.tree)
    begin()
    return _tell(runtime, ConfigurationReloaded(str(path), lost=_some(lost)))


def _tell(runtime: Runtime, event: ConfigurationReloaded) -> str:
    runtime.handle.post(event)
    if event.refused:
        return f"{event.path} is not taken, nothing was changed: {event.refused[0]}"
    return f"{event.path} was read again"


def _refusal(problem: Problem) -> str:
    """Return the refusal without the line itself, which may hold a mistyped key."""
    said = next((line for line in problem.message_lines if line.startswith("%")), "refused")
    return f"line {problem.line_number}, in {problem.mode} mode: {said}"


def _some(lines: tuple[str, ...]) -> tuple[str, ...]:
    return lines if len(lines) <= MOST_NAMED else (*lines[:MOST_NAMED], f"and {len(lines) - MOST_NAMED} more")


def _lost_now(runtime: Runtime, new: ConfigTree) -> tuple[str, ...]:
    """Return the lines that are lost if the new configuration takes effect before the next breath."""
    running, revision = runtime.router.running, runtime.router.running.revision
    lost = _lost(runtime, new)
    if runtime.router.running is running and running.revision == revision:
        return lost
    return in_one_go(partial(_lost, runtime, new))


def _lost(runtime: Runtime, new: ConfigTree) -> tuple[str, ...]:
    """Return the unsaved changes, new lines and removed ones, that the new file takes back."""
    router = runtime.router
    running, saved = _lines(router.running), _lines(configurator(FEATURES).parse_text(router.startup_text).tree)
    wanted = _lines(new)
    typed = [shown for line, shown in breathing(running.items()) if line not in saved and line not in wanted]
    taken = [f"no {shown}" for line, shown in breathing(saved.items()) if line not in running and line in wanted]
    return (*typed, *taken)


def _lines(tree: ConfigTree) -> dict[tuple[str, ...], str]:
    """Return every line with those of the sections around it; and how it is named where others read it.

    Every result has the head that `write memory` puts above the lines, so that it never counts as a lost line.
    """
    found: dict[tuple[str, ...], str] = {}
    around: list[str] = []
    with contextlib.suppress(ValueError):
        rendered = (with_version(lines) for lines in (tree.render(), tree.render_for_others()))
        for line, shown in breathing(zip(*rendered, strict=True)):
            words = line.strip()
            if words.strip("!"):
                around[len(line) - len(line.lstrip()) :] = [words]
                found[tuple(around)] = ": ".join([*around[:-1], shown.strip()])
    return found
