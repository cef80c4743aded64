"""What `dmvpn_engine.pyi` says is what the engine has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[2] / "engine"


@pytest.mark.lengthy
def test_the_stub_describes_the_installed_engine() -> None:
    pytest.importorskip("dmvpn_engine", reason="dmvpn-engine is not installed: 'make engine' builds it")
    allowlist = str(ENGINE / "stubtest-allowlist.txt")
    run = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "dmvpn_engine", "--allowlist", allowlist],
        env=os.environ | {"MYPYPATH": str(ENGINE)},
        cwd=ENGINE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
