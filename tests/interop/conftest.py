"""The two boots of user-mode Linux that the smoke tests look at, side by side and once for all tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interop.evidence import Run

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent
_BED = _HERE / "uml"
_OUT = _BED / "out"
#: Seconds; a boot takes about one minute.
_PATIENCE = 200
_NODES = {"smoke-spoke": "spoke1", "smoke-hub": "hub"}
_NEEDED = {"linux.uml": "user-mode Linux", "/usr/lib/frr/nhrpd": "FRR"}


@pytest.fixture(scope="session")
def _boots() -> dict[str, Run]:
    for program, what in _NEEDED.items():
        if shutil.which(program) is None:
            pytest.skip(f"{what} is not installed. Run: scripts/debian-packages interop")
    settings = {
        "OURS_DIR": str(_ROOT),
        "OURS_PYTHON": sys.executable,
        "REFLAB_OUT": str(_OUT),
        "REFLAB_TIMEOUT": str(_PATIENCE),
    }
    boots = {scenario: _boot(scenario, {**os.environ, **settings}) for scenario in _NODES}
    try:
        for scenario, boot in boots.items():
            printed, _ = boot.communicate(timeout=_PATIENCE + 20)
            print(printed, end="")
            if boot.returncode != 0 or "rc=0" not in printed:
                pytest.fail(f"{scenario} did not end well: {printed.strip()}; see {_OUT / scenario}", pytrace=False)
    finally:
        for boot in boots.values():
            if boot.poll() is None:
                os.killpg(boot.pid, signal.SIGTERM)
    return {scenario: Run(_OUT / scenario, node) for scenario, node in _NODES.items()}


def _boot(scenario: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Begin a boot; all its processes are one group."""
    return subprocess.Popen(
        [str(_BED / "reflab.sh"), scenario],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="session")
def spoke(_boots: dict[str, Run]) -> Run:
    """Our router is spoke1; hub and spoke2 are FRR."""
    return _boots["smoke-spoke"]


@pytest.fixture(scope="session")
def hub(_boots: dict[str, Run]) -> Run:
    """Our router is the hub; both spokes are FRR."""
    return _boots["smoke-hub"]
