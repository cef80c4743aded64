"""Odd and hostile UPDATEs (RFC 7606) over a real session, with FRR's bgpd behind us: who hears which routes of them?

FRR hears of what we take, and judges what we tell it: were something damaged, it would end the session.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.daemons import Wire, missing
from support.odd_updates import FIRST, LAST, ODD, prefix_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

OURS, FRR, ODD_ONE = "10.9.0.1", "10.9.0.2", "10.9.0.3"
#: Those that a router has to have in the end, whatever came between.
ALIVE = {str(FIRST), str(LAST), *(str(prefix_of(n)) for n, (_, lives) in enumerate(ODD.values()) if lives)}


@contextmanager
def odd_neighbor(wire: Wire, hub: str) -> Iterator[subprocess.Popen[bytes]]:
    """The neighbor that sends odd UPDATEs to this router."""
    words = [sys.executable, "-m", "support.odd_updates", hub, "65003", ODD_ONE]
    here = Path(__file__).parents[1]
    with subprocess.Popen(wire.inside("odd", *words), stdin=subprocess.PIPE, cwd=here) as process:
        try:
            yield process
        finally:
            process.kill()


def known_to_frr(wire: Wire) -> set[str]:
    """The prefixes of the odd neighbor that FRR has."""
    routes = wire.frr_json("frr", "show bgp ipv4 unicast").get("routes", {})
    return {prefix for prefix in routes if prefix.startswith("10.6")}


def start_frr(wire: Wire, neighbor: str, system: int) -> None:
    lines = f" neighbor {neighbor} remote-as {system}\n neighbor {neighbor} timers connect 1\n"
    wire.start_frr("frr", "bgpd", f"router bgp 65002\n bgp router-id {FRR}\n no bgp ebgp-requires-policy\n{lines}")


@pytest.mark.story("bgp-odd")
def test_odd_updates_cost_their_own_routes_alone_and_frr_behind_us_hears_the_others() -> None:
    with Wire(ours=(), frr=(), odd=()) as wire:
        start_frr(wire, OURS, 65001)
        wire.start_ours(
            "ours",
            f"router bgp 65001\n bgp router-id {OURS}\n neighbor {FRR} remote-as 65002\n"
            f" neighbor {FRR} advertisement-interval 0\n neighbor {ODD_ONE} remote-as 65003\n",
        )
        with odd_neighbor(wire, OURS) as speaker:
            wire.wait("FRR has the last route", lambda: known_to_frr(wire) >= {str(FIRST), str(LAST)})
            wire.wait("FRR has all that live, and no others", lambda: known_to_frr(wire) == ALIVE)
            assert speaker.poll() is None
            assert "Established" in wire.ask("ours", f"show ip bgp neighbors {ODD_ONE}")
        statistics = wire.frr_json("frr", f"show bgp neighbors {OURS}")[OURS]
        assert statistics["bgpState"] == "Established"
        assert statistics["connectionsDropped"] == 0
