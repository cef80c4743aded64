"""OpenSSH at a lab: five hundred lines that somebody pastes are all there, each echoed once."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from support.tool_lab import PATIENCE, tool_lab

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.tools, pytest.mark.slow]
_LINES = 500


@pytest.mark.parametrize("terminal", ["-T", "-tt"])
def test_pasted_lines_are_all_there_and_echoed_once(tmp_path: Path, terminal: str) -> None:
    with tool_lab("notes-phase3", tmp_path) as lab:
        (tmp_path / "config").write_text(lab.inventory("ssh-config"))
        ask = tmp_path / "password"
        ask.write_text(f'#!/bin/sh\nsed -n "s/# the password is //p" {tmp_path}/config\n')
        ask.chmod(0o700)
        pasted = [f"ip route 10.{number // 250}.{number % 250}.0 255.255.255.0 Null0" for number in range(_LINES)]
        typed = "\r".join(("terminal width 511", "configure terminal", *pasted, "end", "show clock", "exit", ""))
        done = subprocess.run(
            ["ssh", terminal, "-F", str(tmp_path / "config"), "R31"],
            input=typed,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**lab.variables(tmp_path), "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": "x"},
        )
        assert done.stdout.count("(config)#ip route 10.") == _LINES, done.stdout + done.stderr
        assert "%" not in done.stdout.replace("100%", "")
        configured = [line for line in lab.running("R31") if line.startswith("ip route 10.")]
        assert sorted(configured) == sorted(pasted)
