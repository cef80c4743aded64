"""The device of `contrib/netlab`: netlab renders a topology, and its configurations are a DMVPN in a simulated lab."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from support.conformance import ROOT
from support.labs import Labs, eventually
from support.tool_lab import TOOLS, environment

if TYPE_CHECKING:
    from pathlib import Path

_DEVICE: Final = ROOT / "contrib/netlab"

pytestmark = [pytest.mark.tools, pytest.mark.slow]


def test_netlab_renders_a_dmvpn_that_comes_up(tmp_path: Path) -> None:
    program = environment(TOOLS) / "bin" / "netlab"
    folder = tmp_path / "netlab"
    shutil.copytree(_DEVICE, folder)
    made = subprocess.run([str(program), "create"], cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    nodes = yaml.safe_load((folder / "clab.yml").read_text())["topology"]["nodes"]
    assert {nodes[name]["kind"] for name in ("hub", "s1", "s2")} == {"linux"}
    network = tmp_path / "rendered"
    network.mkdir()
    for name in ("hub", "s1", "s2"):
        startup = nodes[name]["env"]["DMVPN_STARTUP"].replace("%h", name).removeprefix("/")
        shutil.copy(folder / startup, network / f"{name}.cfg")
    with Labs() as labs:
        assert "up and converged" in labs.up(network, "--simulated")
        assert eventually(lambda: "(5/5)" in labs.on("s1", "ping 172.16.3.3 source 172.16.2.2"), 20)
        labs.say("lab", "down", "rendered")
