"""The entry point of the container: which router it asks about its health."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "contrib/container/dmvpn-container"


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("hostname R1\n", "R1"),
        ("HOSTNAME  R1 \n", "R1"),
        ("hostname Old\n!\nhostname R1\n", "R1"),
        ("interface Tunnel0\n description hostname X\n", "Router"),
    ],
)
def test_its_health_is_that_of_the_router_of_the_configuration(tmp_path: Path, lines: str, name: str) -> None:
    """A container whose configuration had no host name, or two spaces in front of it, was never healthy."""
    startup, program = tmp_path / "startup.cfg", tmp_path / "dmvpn"
    startup.write_text(lines)
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "DMVPN_STARTUP": str(startup)}
    asked = subprocess.run(["sh", SCRIPT, "health"], check=True, capture_output=True, text=True, env=environment)
    assert asked.stdout == f"-r run-{name}/{name} show clock\n"
