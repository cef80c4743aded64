"""The outer command line, `dmvpn`, in a process of its own or in the one of the test."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from dmvpn.app.main import argument_parser, main

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Where the package is: the process that runs it may not have it installed.
SOURCE = Path(__file__).parents[2] / "src"
#: Seconds that a command may take.
LIMIT = 60


def dmvpn(
    *words: str | Path,
    environment: Mapping[str, str] | None = None,
    typed: str | None = None,
    program: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `dmvpn WORDS` to its end.

    environment: variables besides our own.
    typed: for its standard input.
    program: what carries the words out, if not a new Python.
    """
    return subprocess.run(
        command(*words) if program is None else [program, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
        input=typed,
        stdin=subprocess.DEVNULL if typed is None else None,
        env=variables(environment),
    )


def dmvpn_here(
    *words: str | Path,
    environment: Mapping[str, str] | None = None,
    typed: str | None = None,
    begin: Callable[[list[str]], int] = main,
) -> subprocess.CompletedProcess[str]:
    """Do the same in this process, for commands that ask and print: most of their time is that of a start of Python.

    begin: the function that a start script calls.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.dict(os.environ, variables(environment), clear=True),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO((typed or "").encode()), encoding="utf-8")),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            status = begin([str(word) for word in words])
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
    printed, said = (text.buffer.getvalue().decode() for text in (out, err))
    return subprocess.CompletedProcess(command(*words), status, printed, said)


def command(*words: str | Path) -> list[str]:
    """Return the words of the process, for callers that start it in another way."""
    return [sys.executable, "-m", "dmvpn", *map(str, words)]


def variables(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of such a process."""
    return {**inherited(), "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1", **(environment or {})}


def inherited() -> dict[str, str]:
    """Return our own environment, without what pytest-xdist says of the width of a window that nobody has."""
    return {name: value for name, value in os.environ.items() if name != "COLUMNS"}


def _choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return {**next(found).choices}


def lab_verbs() -> dict[str, argparse.ArgumentParser]:
    """The verbs of `dmvpn lab`."""
    return _choices(_choices(argument_parser())["lab"])
