"""Collects the licenses of all shipped code but our own; refuses code under the GPL alone.

    third-party.py LIBRARY OUTPUT [--engine]

LIBRARY: a folder with Python distributions. OUTPUT gets a folder for each of them, and with --engine for each crate in
the engine, and `index.txt` with a line for each.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_OURS = ("dmvpn", "dmvpn-engine")
_LICENSES = re.compile(r"(?i)(licen[cs]e|copying|notice|copyright)")


def main(library: Path, output: Path, *, engine: bool) -> int:
    """Collect; returns 1 if something may not be shipped."""
    found: dict[str, str] = {}
    for one in distributions(path=[str(library)]):
        if one.name not in _OURS:
            found[f"{one.name} {one.version}"] = _license(one)
            _copy((one.locate_file(file) for file in one.files or ()), output / f"{one.name}-{one.version}")
    for crate in _crates() if engine else ():
        if crate["name"] not in _OURS:
            found[f"{crate['name']} {crate['version']} (Rust)"] = crate["license"] or ""
            _copy(Path(crate["manifest_path"]).parent.iterdir(), output / f"{crate['name']}-{crate['version']}")
    (output / "index.txt").write_text("".join(f"{name}: {terms}\n" for name, terms in sorted(found.items())))
    refused = [f"{name}: {terms or 'no license'}" for name, terms in found.items() if not _may_be_shipped(terms)]
    print("\n".join(f"may not be shipped: {line}" for line in refused), end="", file=sys.stderr)
    return int(bool(refused))


def _may_be_shipped(terms: str) -> bool:
    """Whether one of the alternatives is not a GPL."""
    return any(one and "GPL" not in one.upper() for one in re.split(r"(?i)\s+or\s+|/", terms))


def _license(one: Distribution) -> str:
    given = one.metadata
    lines = given.get_all("Classifier", ())
    classifiers = [line.rpartition(" :: ")[2] for line in lines if line.startswith("License :: OSI Approved :: ")]
    expression, license_ = ("".join(given.get_all(name, ())) for name in ("License-Expression", "License"))
    return expression or ", ".join(classifiers) or license_


def _crates() -> list[dict[str, Any]]:
    """Return the crates in the engine: dependencies of dependencies, but none of tests or of the build alone."""
    command = ["cargo", "metadata", "--format-version=1", "--manifest-path=engine/Cargo.toml", "--features=python"]
    known = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)  # noqa: S603
    nodes = {node["id"]: node for node in known["resolve"]["nodes"]}
    waiting, wanted = [known["resolve"]["root"]], set()
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += [one["pkg"] for one in nodes[name]["deps"] if any(k["kind"] is None for k in one["dep_kinds"])]
    return [package for package in known["packages"] if package["id"] in wanted]


def _copy(files: Iterable[object], to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for file in (Path(str(file)) for file in files):
        if file.is_file() and _LICENSES.match(file.name):
            shutil.copyfile(file, to / file.name)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), engine="--engine" in sys.argv))
