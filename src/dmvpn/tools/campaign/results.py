"""A file with one result a line, as JSON, in the order in which they came.

The same campaign, begun again with the file, does what the file lacks. A line that was cut off when the program died
has no end of line: it is dropped, and its run is done again. Any other line that is not a result of this campaign, or
of another version of the program, is an error that names the line, and the file stays as it is.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.errors import UserError
from dmvpn.judge.work import Result, Task
from dmvpn.shells.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: Octets of the longest line: the faults of some hundred thousand virtual hours.
_LONGEST: Final = 64 << 20
#: How every line begins.
_BEGIN: Final = b'{"task": {"network": "'


class ResultFile:
    """A file that one command at a time writes, for use in a `with` statement."""

    def __init__(self, path: Path) -> None:
        """Open it; a new one is empty. Raises UserError."""
        self.path = path
        try:
            try:
                descriptor = open_regular(path, os.O_RDWR)
            except FileNotFoundError:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from error
        self._file = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise UserError(f"{path}: another campaign writes to it") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield the results that the file has; they are of these tasks, each once. Raises UserError.

        Read all of them before `add`.
        """
        wanted, seen, end = set(tasks), dict[Task, int](), 0
        self._file.seek(0)
        number = 0
        while line := self._file.readline(_LONGEST):
            number += 1
            if not line.endswith(b"\n"):
                self._check_cut_off(line, number)
                break
            result = self._result(line, number, tasks)
            if result.task not in wanted:
                raise self._error(number, f"{_said(result.task)} is not part of this campaign: use another file")
            if result.task in seen:
                raise self._error(number, f"{_said(result.task)} is in line {seen[result.task]}, too")
            seen[result.task] = number
            end += len(line)
            yield result
        self._file.seek(end)
        self._file.truncate()

    def add(self, result: Result) -> None:
        """Write one more. Raises UserError if there is no space for it."""
        try:
            self._file.write(result.to_json().encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise UserError(f"{self.path}: {error.strerror}") from error

    def _result(self, line: bytes, number: int, tasks: Sequence[Task]) -> Result:
        try:
            result = Result.from_json(line.decode())
        except UnicodeDecodeError as error:
            raise self._error(number, "not a result of a campaign: no UTF-8") from error
        except UserError as error:
            raise self._error(number, str(error)) from error
        ours = tasks[0].version if tasks else result.task.version
        if result.task.version != ours:
            raise self._error(
                number, f"this result is of dmvpn {result.task.version}, and this program is {ours}: use another file"
            )
        return result

    def _check_cut_off(self, line: bytes, number: int) -> None:
        """Refuse a last line that is no beginning of ours: it is of another program, which may want it."""
        if len(line) == _LONGEST or line[: len(_BEGIN)] != _BEGIN[: len(line)]:
            raise self._error(number, "not a result of a campaign")

    def _error(self, number: int, text: str) -> UserError:
        return UserError(f"{self.path}:{number}: {text}")


def _said(task: Task) -> str:
    return f"{task.name} seed {task.seed} of {task.hours:g} h"
