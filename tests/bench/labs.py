"""Labs for benchmarks: up and down by the command line, asked by the management socket, looked at in /proc."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import Json, Skipped
from dmvpn.face import client
from dmvpn.shells.lab import control
from dmvpn.shells.lab.check import check
from dmvpn.shells.lab.places import LabFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What each command starts with.
DMVPN = (sys.executable, "-m", "dmvpn")
_PATIENCE = 60.0


def need_namespaces() -> None:
    """Raises Skipped with the reason and the remedy where no lab can run."""
    lacks = [f"{finding.what}: {finding.evidence} ({finding.fix})" for finding in check() if not finding.ok]
    if lacks:
        raise Skipped("no lab can run here: " + "; ".join(lacks))


@dataclass(frozen=True, slots=True)
class Lab:
    """A running lab. began: when its command was started, returned: when it said that the lab is up; wall time."""

    folder: LabFolder
    began: float
    returned: float

    def ask(self, router: str, line: str) -> dict[str, Json]:
        """What a show command knows, as data."""
        output = io.BytesIO()
        client.execute(self.folder.management(router), [f"{line} | json"], output)
        answer = json.loads(output.getvalue())
        assert isinstance(answer, dict), answer
        return answer

    def do(self, router: str, line: str) -> None:
        """Carry out a command."""
        output = io.BytesIO()
        status = client.execute(self.folder.management(router), [line], output)
        assert status == 0, output.getvalue().decode()

    def status(self) -> dict[str, Json]:
        """What the supervisor says."""
        answer = control.order(self.folder.control, do="status")
        assert isinstance(answer, dict), answer
        return answer

    def is_ready(self) -> bool:
        """Registered and converged?"""
        return control.order(self.folder.control, do="missing") == []

    def pids(self) -> tuple[int, list[int]]:
        """The supervisor, and its router processes."""
        descriptor, supervisor = control.borrow_namespace(self.folder.control, "R31")
        os.close(descriptor)
        wanted = f"PPid:\t{supervisor}\n"
        processes = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
        children: list[int] = []
        for path in processes:
            with contextlib.suppress(OSError):  # it ended while we looked
                if wanted in (path / "status").read_text():
                    children.append(int(path.name))
        return supervisor, children


@contextlib.contextmanager
def lab(scenario: str, *options: str) -> Iterator[Lab]:
    """Bring a scenario up (a name, or a folder), and down again whatever happens."""
    began = time.time()
    run = subprocess.run(
        [*DMVPN, "lab", "up", scenario, *options], capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    returned = time.time()
    try:
        if run.returncode:
            raise RuntimeError(f"lab up {scenario}: {run.stdout}{run.stderr}")
        yield Lab(LabFolder.of(Path(scenario).name), began, returned)
    finally:
        subprocess.run(
            [*DMVPN, "lab", "down", Path(scenario).name], capture_output=True, timeout=_PATIENCE, check=False
        )
