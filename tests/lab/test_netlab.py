"""The device of `contrib/netlab`: netlab renders a topology, and its configurations are a DMVPN in a simulated lab."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from support.labs import eventually

if TYPE_CHECKING:
    from support.labs import Labs

_DEVICE: Final = Path(__file__).parents[2] / "contrib/netlab"
#: Its program, where it is not on the path: NETLAB=~/netlab/bin/netlab.
_NETLAB: Final = os.environ.get("NETLAB") or shutil.which("netlab")

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(_NETLAB is None, reason="there is no netlab ('pip install networklab'; NETLAB names it)"),
]


def test_netlab_renders_a_dmvpn_that_comes_up(labs: Labs, tmp_path: Path) -> None:
    folder = tmp_path / "netlab"
    shutil.copytree(_DEVICE, folder)
    made = subprocess.run([str(_NETLAB), "create"], cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    nodes = yaml.safe_load((folder / "clab.yml").read_text())["topology"]["nodes"]
    assert {nodes[name]["kind"] for name in ("hub", "s1", "s2")} == {"linux"}
    network = tmp_path / "rendered"
    network.mkdir()
    for name in ("hub", "s1", "s2"):
        startup = nodes[name]["env"]["DMVPN_STARTUP"].replace("%h", name).removeprefix("/")
        shutil.copy(folder / startup, network / f"{name}.cfg")
    assert "up and converged" in labs.up(network, "--simulated")
    assert eventually(lambda: "(5/5)" in labs.on("s1", "ping 172.16.3.3 source 172.16.2.2"), 20)
    labs.say("lab", "down", "rendered")
