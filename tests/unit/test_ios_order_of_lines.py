"""A running configuration is in the same order, whichever part of the program asked for a feature first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dmvpn.features

#: Imports modules in this order, reads the lines without effect before the modules or behind them, and prints all lines
#: in the order of the running configuration, but those that are not kept.
_PRINT_LINES = """
import importlib, sys
from dmvpn.ios import known_commands
if sys.argv[1] == "known first":
    known_commands()
for name in sys.argv[2:]:
    importlib.import_module(name)
from dmvpn.router.features import FEATURES
lines = [line for feature in FEATURES for line in feature.config]
lines += known_commands()[0]
for line in sorted(lines, key=lambda line: (line.mode, line.place)):
    if line.acts is None:
        print(line.mode, line.order, line.syntax)
"""
_ROOT = Path(dmvpn.features.__path__[0])
#: The modules that declare lines.
_MODULES = sorted(
    ".".join(("dmvpn.features", *path.relative_to(_ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in _ROOT.rglob("*.py")
    if "config" in path.relative_to(_ROOT).as_posix()
)


def test_lines_have_the_same_order_however_their_modules_were_imported() -> None:
    """`no crypto ikev2 http-url cert` stood before the IKEv2 profiles once the tools had been imported first."""
    lines = _in_order("known last", _MODULES)
    others = _in_order("known first", _MODULES[::-1])
    assert len(lines) > 2000
    assert [both for both in zip(lines, others, strict=True) if both[0] != both[1]] == []


def _in_order(known: str, modules: list[str]) -> list[str]:
    command = [sys.executable, "-c", _PRINT_LINES, known, *modules]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
