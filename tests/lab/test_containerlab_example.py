"""The example of `contrib/containerlab`: its routers, read from its topology, are a DMVPN in a simulated lab."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from support.labs import eventually

if TYPE_CHECKING:
    from support.labs import Labs

pytestmark = pytest.mark.lab

_EXAMPLE: Final = Path(__file__).parents[2] / "contrib/containerlab"


def test_the_routers_of_the_example_register_and_meet_directly(labs: Labs, tmp_path: Path) -> None:
    shutil.copytree(_EXAMPLE, tmp_path / "example")
    assert "up and converged" in labs.up(tmp_path / "example", "--simulated")
    assert eventually(lambda: "(5/5)" in labs.on("S1", "ping 10.1.3.1 source 10.1.2.1"), 20)
    assert eventually(lambda: "192.0.2.3" in labs.on("S1", "show dmvpn"), 10)
    labs.say("lab", "down", "example")
