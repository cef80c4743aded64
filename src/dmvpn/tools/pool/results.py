"""A file with one result a line, as JSON, in the order in which they came.

The same command, begun again with the file, does what the file lacks. A line that was cut off when the program died
has no end of line: it is dropped, and its task is done again. Any other line that is not a result of this command, or
of another version of the program, is an error that names the line, and the file stays as it is.

    Form         how the results of one kind of command are lines, and what to call them
    ResultFile   the file
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Generic, Self, TypeVar

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.shells.files import open_regular

T = TypeVar("T")
R = TypeVar("R")

#: Octets of the longest line: the faults of some hundred thousand virtual hours.
_LONGEST: Final = 64 << 20


class Form(Value, Generic[T, R], kw_only=True):
    """How results are lines. what: "a result of a campaign". begin: the octets with which every line begins.

    read: of a line, without its end; raises UserError, with `what` in its text. task_of: what a result belongs to;
    tasks that are equal are one. version_of: the version of the program that a task is for. said: a task, in words.
    foreign: what to say of a result that belongs to no task of this command.
    """

    what: str
    begin: bytes
    read: Callable[[str], R]
    write: Callable[[R], str]
    task_of: Callable[[R], T]
    version_of: Callable[[T], str]
    said: Callable[[T], str]
    foreign: Callable[[T], str]


class ResultFile(Generic[T, R]):
    """A file that one command at a time writes, for use in a `with` statement."""

    def __init__(self, path: Path, form: Form[T, R]) -> None:
        """Open it; a new one is empty. Raises UserError."""
        self.path = path
        self._form = form
        try:
            try:
                descriptor = open_regular(path, os.O_RDWR)
            except FileNotFoundError:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; --results wants a file, which may be new") from error
        self._file = os.fdopen(descriptor, "rb")
        self._end = 0
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise UserError(f"{path}: another command writes to it; use another file") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read_results(self, tasks: Sequence[T]) -> Iterator[R]:
        """Yield the results that the file has; they are of these tasks, each once. Raises UserError.

        Read all of them before `add`.
        """
        form, wanted, seen, number = self._form, set(tasks), dict[T, int](), 0
        self._file.seek(0)
        self._end = 0
        while line := self._file.readline(_LONGEST):
            number += 1
            if not line.endswith(b"\n"):
                # A last line that is no beginning of ours is of another program, which may want it.
                if len(line) == _LONGEST or line[: len(form.begin)] != form.begin[: len(line)]:
                    raise self._error(number, f"not {form.what}")
                break
            result = self._result(line, number, tasks)
            task = form.task_of(result)
            if task not in wanted:
                raise self._error(number, f"{form.foreign(task)}: use another file")
            if task in seen:
                raise self._error(number, f"{form.said(task)} is in line {seen[task]}, too")
            seen[task] = number
            self._end += len(line)
            yield result
        os.ftruncate(self._file.fileno(), self._end)

    def add(self, result: R) -> None:
        """Write one more. Raises UserError if there is no space for it; the file keeps its whole lines."""
        descriptor, line = self._file.fileno(), self._form.write(result).encode() + b"\n"
        try:
            written = 0
            while written < len(line):
                written += os.pwrite(descriptor, line[written:], self._end + written)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(descriptor, self._end)
            text = f"{self.path}: {error.strerror}; it keeps what came so far, and the same command goes on there"
            raise UserError(text) from error
        self._end += len(line)

    def _result(self, line: bytes, number: int, tasks: Sequence[T]) -> R:
        form = self._form
        try:
            result = form.read(line.decode())
        except UnicodeDecodeError as error:
            raise self._error(number, f"not {form.what}: no UTF-8") from error
        except UserError as error:
            raise self._error(number, str(error)) from error
        theirs = form.version_of(form.task_of(result))
        ours = form.version_of(tasks[0]) if tasks else theirs
        if theirs != ours:
            raise self._error(number, f"this result is of dmvpn {theirs}, and this program is {ours}: use another file")
        return result

    def _error(self, number: int, text: str) -> UserError:
        return UserError(f"{self.path}:{number}: {text}")
