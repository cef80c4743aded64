"""A lab that never becomes ready is up after its time, and `lab up` says what it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.labs import Labs
from support.written import DYNAMIC, NHS, OSPF, write

if TYPE_CHECKING:
    from pathlib import Path


def test_lab_up_says_what_is_missing_and_stays_up(tmp_path: Path) -> None:
    slip = " tunnle protection ipsec profile P\n"
    write(tmp_path / "ospf", HUB=(1, "", DYNAMIC, OSPF), A=(2, "", NHS, OSPF), B=(3, "", NHS + slip, ""))
    with Labs() as labs:
        result = labs.run("lab", "up", tmp_path / "ospf", "--simulated")
        assert result.returncode == 1
        assert "converged" not in result.stdout
        head, _, rest = result.stderr.partition("lab ospf is up, but:\n")
        assert head
        assert rest.splitlines()[:3] == [
            "  B: Tunnel0 stays shut down: B.cfg:9, `tunnle protection ipsec profile P`, is not taken and could be "
            "what protects it",
            "  A: OSPF 1 has no neighbor 172.16.0.1 (HUB) on Tunnel0",
            "  HUB: OSPF 1 has no neighbor 172.16.0.2 (A) on Tunnel0",
        ]
        assert labs.running() == ["ospf"]
