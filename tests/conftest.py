"""What all tests share: how many examples hypothesis tries, and that signals reach what tests start.

`few` (5 examples) is for `make check`, `dev` (10) for every day, `ci` (500) for `make test-all`, `fresh` (100) for each
round of `make test-fresh`; HYPOTHESIS_PROFILE chooses. Examples that failed once are tried before all others
(`support/kept.py`). No deadline for a single example: the machine may be busy.

Python writes bytecode, even where the environment says that it must not: thousands of processes start in a run, and
without it each compiles for itself what it imports, which is a third of the time of most commands.

The garbage collector comes more rarely, from the first import on, and leaves what was collected in peace, eleven
thousand tests and what they import: else every eighth second is its own.

What runs in real time, beside everything else on the machine, is tried a second time when it fails. pytest says RERUN
of it, which is a fault to look for, in the test or in the router; what fails twice fails.

With TEST_MINUTES no test begins when that time is over, and none whose own timeout is longer than what is left. With
TEST_SEED the files come in an order of that seed: CI has time for a share of the slow tests, each time for another one.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from support.kept import try_kept
from support.namespaces import lacking
from support.slow_tests import measured, slow_tests

if TYPE_CHECKING:
    from collections.abc import Generator

# Assertions in these say what they compared, as those of tests do.
pytest.register_assert_rewrite("support.dual_hub", "support.texts")

# Every day the same examples, so that a change is judged by what it changes; `make test-all` and `make test-fresh` draw
# new ones.
settings.register_profile("few", max_examples=5, deadline=None, derandomize=True)
settings.register_profile("dev", max_examples=10, deadline=None, derandomize=True)
settings.register_profile("ci", max_examples=500, deadline=None, print_blob=True)
settings.register_profile("fresh", max_examples=100, deadline=None, print_blob=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

gc.set_threshold(100_000, 10, 10)

_BEGUN = time.monotonic()
_MINUTES = float(os.environ.get("TEST_MINUTES", "inf"))

# `nohup make test` and shells without job control ignore these for us, and what is ignored stays ignored in every
# command that a test starts. A handler that does nothing protects the tests as well, and ends with `exec`.
for _number in (signal.SIGHUP, signal.SIGINT):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda _number, _frame: None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that were measured as slow, and give tests in real time their second try."""
    slow = slow_tests()
    for item in items:
        if item.nodeid in slow:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.listed)
        if item.path.parent.name == "lab" or any(item.get_closest_marker(name) for name in ("lab", "interop")):
            item.add_marker(pytest.mark.flaky(reruns=1))
    if "TEST_SEED" in os.environ:
        files = [*dict.fromkeys(item.path for item in items)]
        random.Random(os.environ["TEST_SEED"]).shuffle(files)
        places = {path: place for place, path in enumerate(files)}
        items.sort(key=lambda item: places[item.path])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what would begin, or could end, too late, and what needs namespaces or devices that are not there."""
    limit = item.get_closest_marker("timeout")
    seconds = limit.args[0] if limit is not None else 0
    if time.monotonic() - _BEGUN + seconds > 60 * _MINUTES:
        pytest.skip(f"it does not fit into the {_MINUTES:g} minutes of TEST_MINUTES")
    if item.get_closest_marker("lab") and lacking():
        pytest.skip(lacking())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Try a property first with the examples that are kept of it."""
    try_kept(item)
    with measured(item.nodeid):
        return (yield)


def pytest_collection_finish() -> None:
    """Let the garbage collector see only what the tests make."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what went wrong at the first try of a test that passed, or failed, at the second."""
    for report in terminalreporter.stats.get("rerun", ()):
        terminalreporter.section(f"first try of {report.nodeid}")
        terminalreporter.line(report.longreprtext)
