"""Runs a function in a child process and returns its answer: a process that enters namespaces must not be the
caller.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

#: Seconds in which a process that shall end does so in its own order.
ORDERLY: Final = 1.0
#: The nice value of labs and jobs of students.
NICE: Final = 10
#: New objects between two collections while modules are imported.
_NEW: Final = 2000
#: Types in an answer.
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class ChildFailed(Exception):
    """The function raised in the child, or the child died; the text is its traceback, or how it ended."""


@contextmanager
def importing() -> Iterator[None]:
    """Limit the garbage collector to new objects, for imports before a fork: the modules stay.

    Each class with slots is a second one, and the first is garbage: 6 MB, which each child would have, too. Full
    collections would take an eighth of the time of the imports.
    """
    before = gc.get_threshold()
    gc.set_threshold(_NEW, 1 << 30)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def interrupts_put_off() -> Iterator[None]:
    """Put Ctrl-C off to the end of the block: what the block makes can be undone only when it is complete."""
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    for number in came[:1]:
        signal.raise_signal(number)


def run_forked(function: Callable[[], Json]) -> Json:
    """Call `function` in a forked child and return its result. Raises ChildFailed.

    The child never returns into the caller's code and runs none of its exit handlers.
    """
    reader, writer = os.pipe()
    child = fork()
    if child == 0:
        os.close(reader)
        end_with(lambda: answer(function, writer))
    os.close(writer)
    try:
        return read_answer(reader)
    except BaseException:
        os.kill(child, signal.SIGKILL)  # we may have been interrupted: do not wait for an answer any more
        raise
    finally:
        os.waitpid(child, 0)


def fork() -> int:
    """Fork with empty output buffers: otherwise both would print their contents."""
    sys.stdout.flush()
    sys.stderr.flush()
    return os.fork()


def leave(number: int, frame: object) -> NoReturn:
    """End the process, as the handler of a signal: `finally` closes its files on the way."""
    raise SystemExit(0)


def end_by_signal(end: Callable[[], object]) -> None:
    """Let SIGTERM and SIGINT call `end`; whatever still computes a second later is left by SystemExit.

    A handler of `signal.signal` runs between two instructions; one of `loop.add_signal_handler` waits for the loop.
    """

    def begin(number: int, frame: object) -> None:
        end()
        signal.setitimer(signal.ITIMER_REAL, ORDERLY, ORDERLY)

    signal.signal(signal.SIGALRM, leave)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, begin)


@contextmanager
def left_by_signal() -> Iterator[None]:
    """Leave the block when `end_by_signal` does; from then on no signal of these interrupts the caller."""
    try:
        yield
    except SystemExit:
        pass
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)


def end_with(function: Callable[[], int | None]) -> NoReturn:
    """End in a forked child: forget the caller's signal handling, call `function`, and end with its result as exit
    code.

    An exception is printed and ends with 1; SystemExit ends with its code.
    """
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        code = function() or 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def answer(function: Callable[[], Json], writer: int) -> None:
    """Answer in the child: call `function`, and write its result or exception into this pipe, as one line."""
    reply: dict[str, Json]
    try:
        reply = {"result": function()}
    except BaseException:
        reply = {"failure": traceback.format_exc()}
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(json.dumps(reply).encode() + b"\n")


def read_answer(reader: int) -> Json:
    """Read in the parent the answer from the pipe, which is closed. Raises ChildFailed.

    It waits for the line, not for the end of the pipe: processes that the child left behind may hold that open.
    """
    with os.fdopen(reader, "rb") as pipe:
        octets = pipe.readline()
    if not octets:
        raise ChildFailed("the child ended without an answer")
    reply = json.loads(octets)
    if "failure" in reply:
        raise ChildFailed(reply["failure"])
    result: Json = reply["result"]
    return result


def give_way(process: int) -> None:
    """Let other programs have priority over a process that leads a session, and over its later children.

    Where the kernel groups processes by session, sched(7), the nice value of the session counts as well.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process, NICE)
    with suppress(OSError):
        Path(f"/proc/{process}/autogroup").write_text(str(NICE))


def bound_memory(process: int, octets: int) -> None:
    """Limit the data of a process, and of its later children (RLIMIT_DATA, getrlimit(2)), to no more than it may have.

    Raises OSError.
    """
    import resource

    _, hard = resource.prlimit(process, resource.RLIMIT_DATA)
    most = octets if hard == resource.RLIM_INFINITY else min(octets, hard)
    resource.prlimit(process, resource.RLIMIT_DATA, (most, most))


def gives_way() -> bool:
    """Return whether other programs have priority over this process."""
    return hasattr(os, "nice") and os.nice(0) >= NICE
