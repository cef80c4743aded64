"""The commands of README, CONTRIBUTING and `make help`: each exists, and CI runs it, or CONTRIBUTING says why not."""

from __future__ import annotations

import re
from typing import Final

import pytest

from support.named_commands import ROOT, block, named

CONTRIBUTING: Final = (ROOT / "CONTRIBUTING.md").read_text()
RUN: Final = (ROOT / ".ci" / "run").read_text()
#: What CI does not run: the first cell of each row of the table, and its last.
LEFT_OUT: Final = {
    command: row[1].strip()
    for line in CONTRIBUTING.partition("## What CI runs")[2].partition("\n## ")[0].splitlines()
    if (row := line.strip("|").split("|")) and line.startswith("| `")
    for command in re.findall(r"`([^`]+)`", row[0])
}


def runs(command: str) -> bool:
    """Return whether CI runs it; `make lab` is the first command of README's block."""
    if command == "make lab":
        return runs("python -m support.named_commands")
    return re.search(rf"(?<![\w.-]){re.escape(command)}(?![\w-])", RUN) is not None


@pytest.mark.parametrize("command", sorted(named()))
def test_each_command_that_is_named_exists_and_is_run_or_left_out_for_a_reason(command: str) -> None:
    if target := re.fullmatch(r"make ([a-z-]+)", command):
        assert re.search(rf"^{target[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif module := re.fullmatch(r"python -m support\.(\w+)", command):
        assert (ROOT / "tests" / "support" / f"{module[1]}.py").is_file()
    assert runs(command) != (command in LEFT_OUT), f"{command}: either in .ci/run, or in the table of CONTRIBUTING"


def test_what_is_left_out_has_a_reason_and_is_named() -> None:
    assert LEFT_OUT
    assert all(len(reason.split()) > 3 for reason in LEFT_OUT.values())
    assert set(LEFT_OUT) <= named()


def test_the_block_of_the_readme_is_found_and_run() -> None:
    assert block()[0] == "make lab"
    assert {"dmvpn lab web", "dmvpn doctor", "dmvpn lab up my-configs"} <= set(block())
    assert runs("python -m support.named_commands")


def test_ci_builds_the_package_for_debian_and_installs_it() -> None:
    """It could not be built for weeks, and nobody noticed."""
    assert runs("make deb")
    assert runs("tests/packages/test_packages.py")
