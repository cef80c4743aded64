"""What `lab up` calls converged carries packets: the first ping between two spokes loses none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.labs import Labs

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("name", ["notes-phase3", "intro-phase3", "dual-hub"])
@pytest.mark.parametrize("kind", [[], ["--simulated"]], ids=["real packets", "simulated"])
def test_a_ping_straight_after_lab_up_loses_nothing(labs: Labs, name: str, kind: list[str]) -> None:
    said = labs.up(name, *kind)
    first = re.search(r"dmvpn -r (\S+) traceroute (\S+) source (\S+)", said)
    assert first is not None, said
    router, there, here = first.groups()
    assert "Success rate is 100 percent (5/5)" in labs.on(router, f"ping {there} source {here}")
    labs.say("lab", "down")
