"""Examples with which properties failed once. They are kept, and tried every day before the others.

    python -m support.kept TEST BLOB     keeps one (in the folder tests): the name that pytest prints, and the text that
                                         hypothesis prints as the second argument of @reproduce_failure

A blob is the choices that hypothesis made, so an example would mean something else after a change of its strategy.
Therefore the file also has what was drawn, and a test fails where that is not drawn any more. Octets of a target of
`make fuzz` are files in `tests/fuzz/kept` instead.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import hypothesis
from hypothesis.errors import DidNotReproduce
from hypothesis.reporting import with_reporter

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

TESTS: Final = Path(__file__).parents[1]
FILE: Final = TESTS / "kept_examples.json"
#: Set while an example is being kept: what it draws is written down, and not compared.
_KEEPING: Final = "KEEPING_AN_EXAMPLE"
#: Where hypothesis keeps what @reproduce_failure says.
_REPRODUCED: Final = "_hypothesis_internal_use_reproduce_failure"
_ADVICE: Final = (
    "write its values as an @example or as a test of their own, and take the entry out of kept_examples.json"
)


class Outdated(AssertionError):
    """A kept example means something else by now."""


def read() -> list[dict[str, str]]:
    """Return the entries: test, blob, drawn."""
    found: list[dict[str, str]] = json.loads(FILE.read_text())
    return found


def write(entries: list[dict[str, str]]) -> None:
    """Write the entries, in an order that does not depend on who found which first."""
    ordered = sorted(entries, key=lambda entry: (entry["test"], entry["blob"]))
    FILE.write_text(json.dumps(ordered, indent=1) + "\n")


def keep(test: str, blob: str) -> bool:
    """Keep an example of a test. Returns whether the test could be run with it."""
    entries = read()
    if not any((entry["test"], entry["blob"]) == (test, blob) for entry in entries):
        write([*entries, {"test": test, "blob": blob, "drawn": ""}])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    subprocess.run(command, cwd=TESTS.parent, env=os.environ | {_KEEPING: "1"}, capture_output=True, check=False)
    entries = read()
    done = any((entry["test"], entry["blob"]) == (test, blob) and entry["drawn"] for entry in entries)
    if not done:
        write([entry for entry in entries if (entry["test"], entry["blob"]) != (test, blob)])
    return done


def try_kept(item: pytest.Item) -> None:
    """Run a property with the examples that are kept of it. Raises what it raises, and Outdated."""
    for entry in KEPT.get(item.nodeid, ()):
        drawn: list[object] = []
        try:
            _run(item, entry["blob"], drawn.append)
        except BaseException as error:
            if not os.environ.get(_KEEPING):
                error.add_note(f"with a kept example of {FILE.name}: {entry['blob']}")
                raise
        text = "\n".join(map(str, drawn))
        if os.environ.get(_KEEPING):
            entry["drawn"] = entry["drawn"] or text
            write(_ENTRIES)
        elif text != entry["drawn"]:
            raise Outdated(f"the kept example {entry['blob']} draws\n{text}\nand drew\n{entry['drawn']}\n{_ADVICE}")


def _run(item: pytest.Item, blob: str, report: Callable[[object], None]) -> None:
    """Run the property once, with the choices of a blob, and report what was drawn."""
    test = item.obj  # type: ignore[attr-defined]
    hypothesis.reproduce_failure(hypothesis.__version__, blob.encode())(test)
    try:
        # It is raised where the property holds, as it should. Choices that do not fit any more draw something else.
        with with_reporter(report), contextlib.suppress(DidNotReproduce):
            item.runtest()
    finally:
        setattr(test, _REPRODUCED, None)


_ENTRIES: Final = read()
KEPT: dict[str, list[dict[str, str]]] = {}
for _entry in _ENTRIES:
    KEPT.setdefault(_entry["test"], []).append(_entry)


if __name__ == "__main__":
    if not keep(*sys.argv[1:]):
        raise SystemExit("that test cannot be run with that example: is the name as pytest prints it?")
