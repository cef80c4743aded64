"""What several commands have in common: numbers, an engine, progress, workers and their results, a table of text, and a
network that a command compares or tries lines in.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dmvpn.shells.scenario import Scenario


def from_zero(what: str) -> Callable[[str], float]:
    """Return a parser of finite numbers from 0 on; it raises ArgumentTypeError for any other text."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text}: {what} from 0 on")
        return value

    return read


#: Seconds, milliseconds or the like.
amount: Final = from_zero("a number")


def whole(first: int, last: int, what: str) -> Callable[[str], int]:
    """Return a parser of whole numbers from `first` to `last`; it raises ArgumentTypeError for any other text."""

    def read(text: str) -> int:
        if not text.isdecimal() or not first <= int(text) <= last:
            raise argparse.ArgumentTypeError(f"{text}: {what} from {first} to {last}")
        return int(text)

    return read


def add_engine(command: argparse.ArgumentParser) -> None:
    """Declare `--engine`."""
    command.add_argument(
        "--engine", choices=("auto", "rust", "python"), default="auto", help="the engine that moves the packets"
    )


def add_memory(command: argparse.ArgumentParser) -> None:
    """Declare `--memory`."""
    command.add_argument(
        "--memory",
        type=whole(64, 1 << 20, "a number of MiB"),
        default=0,
        metavar="MIB",
        help="memory limit for the data of each process of a lab; without it: none",
    )


def add_progress(command: argparse.ArgumentParser) -> None:
    """Declare `--progress`."""
    command.add_argument("--progress", action="store_true", help="show progress even without a terminal")


def add_pool(add: Callable[..., object], what: str) -> None:
    """Declare `--results`, `--jobs`, `--on` and the files of TLS. add: `add_argument`. what: the tasks, in words."""
    text = f"results of {what}, one a line; with an existing file, resume"
    add("--results", type=Path, metavar="FILE", help=text)
    add("--jobs", type=int, default=None, metavar="J", help=f"parallel processes for {what} (1)")
    add("--on", metavar="ADDRESS", help=f"a Dask cluster for {what}: tcp://127.0.0.1:8786, or tls://HOST:8786")
    for name, text in (("ca", "of its authority"), ("cert", "of this command"), ("key", "to that")):
        kind = "the key" if name == "key" else "the certificate"
        add(f"--tls-{name}", type=Path, metavar="FILE", help=f"for --on tls://: {kind} {text}, PEM")


def table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table, its columns aligned to the left; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def load_network(name: str) -> Scenario:
    """Return a scenario of which every line reads. Raises UserError that names the file and the line."""
    from dmvpn.network.lines import check
    from dmvpn.shells.scenario import Scenario

    scenario = Scenario.load(name)
    where = Path(name) if Path(name).is_dir() else Path(scenario.name)
    for router, text in scenario.configurations.items():
        check(text, f"{where / router}.cfg")
    if scenario.lacks:
        raise UserError(f"{name} needs {' and '.join(scenario.lacks)}, which this release does not have")
    return scenario
