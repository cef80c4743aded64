"""Fuzz one target with atheris, which looks for octets that reach code that no others reach.

    python -m fuzz TARGET --seconds 60 --seed 1     (from the folder tests; atheris is in requirements/fuzz.txt)

The corpus is made again from captures. A finding is printed and written to tests/fuzz/findings; the exit code says so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Run."""
    atheris = import_module("atheris")  # in requirements/fuzz.txt, which only `make fuzz` installs
    with atheris.instrument_imports(include=["dmvpn.features", "dmvpn.dataplane", "dmvpn.ios"]):
        from fuzz.targets import TARGETS

    from fuzz.kept import kept

    targets = {target.name: target for target in TARGETS}
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("target", choices=targets)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="what is drawn first; 0 draws other octets each time")
    given = parser.parse_args()
    target, findings = targets[given.target], Path(__file__).parent / "findings"
    findings.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dmvpn-fuzz-") as folder:
        for number, octets in enumerate((*kept(target.name), *target.corpus())):
            Path(folder, f"{number:04}").write_bytes(octets)
        limits = (
            f"-seed={given.seed}",
            f"-max_total_time={given.seconds}",
            "-max_len=4096",
            "-timeout=5",
            "-verbosity=0",
        )
        atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={findings}/{target.name}-", folder], target.run)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
