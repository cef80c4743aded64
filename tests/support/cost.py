"""`make cost`: does this tree cost more than the commit that `bench/cost.toml` names?

python -m support.cost           (in the folder tests) prints a table; ends with 1 if a figure is over its limit, or is
                                 gone without a line in that file, and with 2 if it cannot be measured
python -m support.cost --ready   gets the base commits; if it cannot, says why and ends with 1

Each tree is measured by the `bench/cost.py` of its own, with the Python of this one, and figures are compared by name:
so a module or a function may be renamed, and the file that measures it with it. A base that is older than that file is
measured by the tests of a commit that has it: they fit the names of their time, and no later change touches them.
Counts depend on the version of Python, so both trees are always measured, and no number is written down.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT: Final = Path(__file__).parents[2]
_MEASURE: Final = "tests/bench/cost.py"
_MEASURED: Final = ("src", "pyproject.toml")
_MEASURING: Final = ("tests/bench", "tests/support")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


class CostError(Exception):
    """Nothing can be measured; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """An exception. most: times the base; None: the figure may be gone."""

    figure: str
    reason: str
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What `cost.toml` says. base: the commit to compare with; bases: of figures that have one of their own.

    older: the commit whose tests measure a base that has no `bench/cost.py`.
    """

    base: str
    older: str
    limit: float
    bases: Mapping[str, str]
    exceptions: Mapping[str, Allowed]

    @classmethod
    def read(cls, text: str) -> Terms:
        """Raises CostError."""
        try:
            said = tomllib.loads(text)
            exceptions = [Allowed(**one) for one in said.get("exceptions", ())]
            exceptions_of = {one.figure: one for one in exceptions}
            terms = cls(said["base"], said["older"], said["limit"], said.get("bases", {}), exceptions_of)
        except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
            raise CostError(f"cost.toml: {error}") from error
        for commit in (*terms.commits, terms.older):
            if not _COMMIT.fullmatch(commit):
                raise CostError(f"cost.toml: {commit} is no commit with all its 40 digits")
        for one in exceptions:
            if len(one.reason.split()) < 4:
                raise CostError(f"cost.toml: the exception of {one.figure} needs a reason")
        return terms

    @property
    def commits(self) -> list[str]:
        """Those that are compared with."""
        return list(dict.fromkeys((self.base, *self.bases.values())))


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one tree by name. printed: those that nothing is judged by."""

    judged: Mapping[str, float]
    printed: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of the base and of this tree; None: that tree does not have it."""

    figure: str
    base: float | None
    head: float | None
    verdict: str
    is_bad: bool = False

    def __str__(self) -> str:
        numbers = "".join(f"{'-' if one is None else f'{one:,.1f}':>13}" for one in (self.base, self.head))
        ratio = f"{self.head / self.base:8.4f}" if self.base and self.head is not None else " " * 8
        return f"{self.figure:51}{numbers} {ratio}  {self.verdict}".rstrip()


def judge(terms: Terms, bases: Mapping[str, Measured], head: Measured) -> list[Row]:
    """Return a row for each figure, those that are only printed last. bases: by commit."""
    first = bases[terms.base]
    rows = []
    for figure in dict.fromkeys((*first.judged, *terms.bases, *head.judged)):
        before = bases[terms.bases.get(figure, terms.base)].judged.get(figure)
        rows.append(_row(figure, before, head.judged.get(figure), terms.limit, terms.exceptions.get(figure)))
    return rows + [
        Row(figure, first.printed.get(figure), value, "only printed") for figure, value in head.printed.items()
    ]


def _row(figure: str, before: float | None, now: float | None, limit: float, allowed: Allowed | None) -> Row:
    if now is None:
        gone = allowed is not None and allowed.most is None
        return Row(figure, before, now, "gone" if gone else "GONE, without an exception in cost.toml", not gone)
    if before is None:
        return Row(figure, before, now, "new: name a base for it in cost.toml")
    most = allowed.most if allowed is not None and allowed.most is not None else limit
    if now > before * most:
        return Row(figure, before, now, f"MORE than {most} times", is_bad=True)
    if allowed is not None:
        return Row(
            figure, before, now, "the exception can go" if now <= before * limit else f"allowed: {allowed.reason}"
        )
    return Row(figure, before, now, "less: move its base" if now * limit < before else "")


# ------------------------------------------------------------------------------------------------ trees


def _git(*words: str) -> str:
    """Raises CostError."""
    done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CostError(f"git {words[0]}: {(done.stderr.strip() or f'ended with {done.returncode}').splitlines()[-1]}")
    return done.stdout.strip()


def get(commits: Sequence[str]) -> None:
    """Have these commits here, and the way from them to HEAD. Raises CostError."""
    if _git("rev-parse", "--is-shallow-repository") == "true":
        _git("fetch", "--quiet", "--unshallow", "origin")
    for commit in commits:
        try:
            _git("cat-file", "-e", f"{commit}^{{commit}}")
        except CostError:
            _git("fetch", "--quiet", "origin", commit)
        try:
            _git("merge-base", "--is-ancestor", commit, "HEAD")
        except CostError:
            raise CostError(f"cost.toml: {commit} does not lead to HEAD; name the commit as it is on main") from None


def _extract(commit: str, older: str, folder: Path) -> None:
    """Put the tree of a commit into a folder, with tests that measure it. older: see `Terms`. Raises CostError."""
    measuring = commit if _git("ls-tree", commit, _MEASURE) else older
    for source, parts in ((commit, _MEASURED), (measuring, _MEASURING)):
        with subprocess.Popen(["git", "-C", ROOT, "archive", source, *parts], stdout=subprocess.PIPE) as archive:
            subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)


def _measure(tree: Path) -> Measured:
    """Raises CostError."""
    # Where Linux puts things at random, some octets more or less are kept.
    fixed = ["setarch", "-R"] if shutil.which("setarch") else []
    if fixed and subprocess.run([*fixed, "true"], capture_output=True, check=False).returncode:
        fixed = []
    paths = f"{tree}/src{os.pathsep}{tree}/tests"
    done = subprocess.run(
        [*fixed, sys.executable, "-m", "bench.cost"],
        env=os.environ | {"PYTHONPATH": paths, "PYTHONHASHSEED": "0"},
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CostError(f"{tree}: bench.cost ended with {done.returncode}\n{done.stderr.strip()}")
    return Measured(**json.loads(done.stdout))


def main() -> int:
    """Measure both trees at a time, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m support.cost", description="compare what two trees cost")
    parser.add_argument("--ready", action="store_true", help="only get the base commits")
    is_ready_asked = parser.parse_args().ready
    try:
        terms = Terms.read((ROOT / "tests" / "bench" / "cost.toml").read_text())
        get((*terms.commits, terms.older))
        if is_ready_asked:
            return 0
        with tempfile.TemporaryDirectory(prefix="cost-") as name, ThreadPoolExecutor(2) as threads:
            trees = {commit: Path(name, commit[:8]) for commit in terms.commits}
            for commit, tree in trees.items():
                tree.mkdir()
                _extract(commit, terms.older, tree)
            head, *bases = threads.map(_measure, (ROOT, *trees.values()))
    except CostError as error:
        print(f"cost: {error}")
        return 1 if is_ready_asked else 2
    rows = judge(terms, dict(zip(trees, bases, strict=True)), head)
    print(f"{'figure':51}{terms.base[:8]:>13}{'this tree':>13} {'ratio':>8}")
    print("\n".join(map(str, rows)))
    bad = sum(row.is_bad for row in rows)
    print(
        f"cost: {bad} of {len(rows)} figures are over their limit or gone"
        if bad
        else "cost: no figure is over its limit"
    )
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
