"""Every property with new examples, in rounds until the time is over: `make test-fresh`.

    python -m support.fresh --minutes 15 --seed 7 --jobs 2     (in the folder tests)

Each round draws the examples of the profile `fresh` from a seed of its own; the first round always ends. A property
that failed is left out of later rounds. What failed is printed with its seed and its example; the example is kept in
`tests/kept_examples.json` or `tests/fuzz/kept`, to be committed with the repair.

With --report new examples alone are no failure: they search for faults that are older than the change at hand.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fuzz.kept import keep_told
from support import kept

if TYPE_CHECKING:
    import pytest

_REPORTS: Final = "FRESH_REPORTS"
_BLOB: Final = re.compile(r"@reproduce_failure\('[0-9.]+', b'([^']+)'\)")
#: Seconds for one property: to make an example small takes hypothesis five minutes at most.
_PATIENCE: Final = 900
#: What pytest ends with: all passed, some failed.
_ENDED: Final = (0, 1)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write down what failed: this module is a plugin of the rounds."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        said = "\n".join((report.longreprtext, *(text for _, text in report.sections)))
        with open(os.environ[_REPORTS], "a", encoding="utf-8") as file:
            file.write(json.dumps([report.nodeid, said]) + "\n")


def properties() -> list[str]:
    """Return the files that have properties, below the root."""
    files = sorted(kept.TESTS.rglob("test_*.py"))
    return [str(path.relative_to(kept.TESTS.parent)) for path in files if "hypothesis" in path.read_text()]


def play_round(seed: int, jobs: int, failed: dict[str, str]) -> None:
    """Run all properties but those that failed, once, and add those that fail now, with what they said."""
    with tempfile.TemporaryDirectory(prefix="dmvpn-fresh-") as folder:
        reports = Path(folder, "reports")
        reports.touch()
        options = ["-q", "-n", str(jobs), "-m", "hypothesis", f"--hypothesis-seed={seed}", f"--timeout={_PATIENCE}"]
        options += ["-p", "support.fresh", *(f"--deselect={name}" for name in failed)]
        environment = {"PYTHONPATH": str(kept.TESTS), "HYPOTHESIS_PROFILE": "fresh", _REPORTS: str(reports)}
        command = [sys.executable, "-m", "pytest", *options, *properties()]
        ended = subprocess.run(command, cwd=kept.TESTS.parent, env=os.environ | environment, check=False).returncode
        if ended not in _ENDED:
            raise SystemExit(f"fresh: pytest ended with {ended}")
        failed |= dict(json.loads(line) for line in reports.read_text().splitlines())


def keep(name: str, said: str) -> list[str]:
    """Keep the examples of a failure. Returns where they are."""
    files = [str(path.relative_to(kept.TESTS.parent)) for path in keep_told(said)]
    blobs = [] if files else [blob for blob in dict.fromkeys(_BLOB.findall(said)) if kept.keep(name, blob)]
    return [*files, *(f"tests/{kept.FILE.name} ({blob})" for blob in blobs)]


def main() -> None:
    """Run. The exit code says whether a property failed."""
    parser = argparse.ArgumentParser(prog="python -m support.fresh")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="end with 0 whatever the new examples find")
    given = parser.parse_args()
    end, number, failed = time.monotonic() + 60 * given.minutes, 0, dict[str, str]()
    while number == 0 or time.monotonic() < end:
        print(f"fresh: round {number + 1}, --hypothesis-seed={given.seed + number}", flush=True)
        play_round(given.seed + number, given.jobs, failed)
        number += 1
    print(f"fresh: {number} rounds from seed {given.seed}, {len(failed)} properties failed")
    for name, said in failed.items():
        print(f"\nfresh: {name} failed:\n{said}")
        places = keep(name, said) or ["nowhere: write a test for it by hand"]
        print(f"fresh: {name}: its example is kept; commit it with the repair: {', '.join(places)}")
    raise SystemExit(bool(failed) and not given.report)


if __name__ == "__main__":
    main()
