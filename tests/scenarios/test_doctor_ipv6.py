"""Remedies of the doctor for tunnels of IPv6 replace the lines that are there, in the form of IPv6."""

from __future__ import annotations

import pytest

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor import visit
from support.bench import WorldBench
from support.doctors import WorldPatient
from support.world import World

NHS, MAP = "ipv6 nhrp nhs 2001:DB8:100::11", "ipv6 nhrp map 2001:DB8:100::11/128"


@pytest.mark.parametrize(
    ("lines", "cause", "fix"),
    [
        (
            (NHS, f"{MAP} 172.16.41.1"),
            Cause.NHS_NBMA,
            (f"{MAP} 172.16.11.1",),
        ),
        (
            ("ipv6 nhrp nhs 2001:DB8:100::12", "ipv6 nhrp map 2001:DB8:100::12/128 172.16.11.1"),
            Cause.NHS_ADDRESS,
            (
                "no ipv6 nhrp nhs 2001:DB8:100::12",
                "no ipv6 nhrp map 2001:DB8:100::12/128 172.16.11.1",
                NHS,
                f"{MAP} 172.16.11.1",
            ),
        ),
    ],
)
def test_a_wrong_server_that_is_mapped_gets_other_lines(
    lines: tuple[str, ...], cause: Cause, fix: tuple[str, ...]
) -> None:
    """The doctor did not find the map line, and added a line of the server to those that were wrong."""
    world = World("ipv6-phase3").converge()
    bench = WorldBench(world)
    bench.configure("R31", ("interface Tunnel100", f"no {NHS} nbma 172.16.11.1 multicast", *lines))
    world.run_for(60)
    (found, *_) = [each for each in visit(WorldPatient(world)).findings if each.router == "R31"]
    assert (found.cause, found.fix) == (cause, ("interface Tunnel100", *fix))
