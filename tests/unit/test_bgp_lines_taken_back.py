"""`no neighbor X SETTING` without the value, as engineers type it and as the doctor prints it."""

from __future__ import annotations

import pytest

from dmvpn.router.features import FEATURES
from support.workbench import Workbench

LINES = (
    "remote-as 65001",
    "description the first of two",
    "password Secret",
    "update-source Tunnel0",
    "weight 10",
    "maximum-prefix 10",
    "advertisement-interval 3",
    "local-as 65009",
    "ttl-security hops 2",
    "timers 3 9",
)


@pytest.mark.parametrize("line", LINES[1:])
def test_a_setting_of_a_neighbor_is_taken_back_by_its_name_alone(line: str) -> None:
    """`% Incomplete command.`, because `password` and `weight` are names of values, too."""
    bench = Workbench(*FEATURES)
    peers = ("10.0.0.2", "10.0.0.3")
    text = "".join(f" neighbor {peer} {each}\n" for peer in peers for each in LINES)
    bench.configure(f"interface Tunnel0\nrouter bgp 65000\n{text}")
    before = bench.running_lines()
    bench.configure(f"router bgp 65000\n no neighbor 10.0.0.2 {line.split()[0]}\n")
    after = bench.running_lines()
    assert [each.strip() for each in before if each not in after] == [f"neighbor 10.0.0.2 {line}"]
