"""BGP with real packets: the kernel's TCP under it, TTL 1 of external neighbors, and TCP MD5 signatures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import dmvpn
from support.labs import Labs

BUILT_IN = Path(dmvpn.__file__).parent / "scenarios"


def add(path: Path, after: str, line: str) -> None:
    """Put a line of a configuration behind another one."""
    text = path.read_text()
    assert after in text
    path.write_text(text.replace(after, after + line))


@pytest.mark.lab
def test_external_neighbors_with_passwords_come_up_and_the_spoke_is_the_next_hop(tmp_path: Path) -> None:
    folder = tmp_path / "bgp-real"
    shutil.copytree(BUILT_IN / "bgp-ebgp-phase2", folder)
    add(folder / "HUB.cfg", " neighbor 10.255.0.11 remote-as 65011\n", " neighbor 10.255.0.11 password sesame\n")
    add(folder / "SPOKE1.cfg", " neighbor 10.255.0.1 remote-as 65000\n", " neighbor 10.255.0.1 password sesame\n")
    with Labs() as labs:
        result = labs.run("lab", "up", folder)
        assert "up and converged" in result.stdout, result.stderr
        route = labs.run("-r", "SPOKE2", "show", "ip", "route", "bgp").stdout
        assert "10.1.1.0/24 [20/0] via 10.255.0.11" in route
