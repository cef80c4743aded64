"""A long table of BGP comes and goes while BFD watches its neighbors: nobody is missed who is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.base.effects import ClearRoute, SetRoute
from dmvpn.features.bgp.machine import ECHO
from dmvpn.features.bgp.routes import SLICE
from dmvpn.features.rib.machine import SLICE as ROUTES
from support.world import World

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event

#: Prefixes of the table, and virtual seconds for which BFD may miss nobody.
PREFIXES: Final = 20_000
QUIET: Final = 600


def watched(router: str, text: str) -> str:
    """BGP's neighbors on the tunnel are watched; SPOKE2 has a long table that nobody is told of so far."""
    text = text.replace(" ip nhrp network-id", " bfd interval 50 min_rx 50 multiplier 3\n ip nhrp network-id")
    peer = "SPOKES" if router == "HUB" else "10.255.0.1"
    text = text.replace(
        f" neighbor {peer} remote-as 65000\n", f" neighbor {peer} remote-as 65000\n neighbor {peer} fall-over bfd\n"
    )
    if router != "SPOKE2":
        return text
    table = "".join(f"ip route 10.{64 + n // 256}.{n % 256}.0 255.255.255.0 Null0\n" for n in range(PREFIXES))
    return text.replace("ip route 0.0.0.0", f"{table}ip route 0.0.0.0", 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_bfd_misses_nobody_for_ten_minutes_while_a_long_table_comes_and_goes() -> None:
    world = World("bgp-phase3", change=watched).converge()
    router = world.sim.routers["HUB"].router
    handle, most = router.handle, [0]

    def counted(event: Event, now: float) -> list[Effect]:
        done = handle(event, now)
        most[0] = max(most[0], sum(isinstance(effect, SetRoute | ClearRoute) for effect in done))
        return done

    router.handle = counted  # type: ignore[method-assign]
    world.run_for(10)

    def known() -> int:
        return sum(".0/24" in line and line.startswith("B ") for line in world.lines("SPOKE1", "ip route bgp"))

    few = known()
    world.configure("SPOKE2", "router bgp 65000", "redistribute static")
    assert world.wait_until(lambda: known() >= PREFIXES, QUIET / 2, 5.0)
    world.configure("SPOKE2", "router bgp 65000", "no redistribute static")
    assert world.wait_until(lambda: known() == few, QUIET / 2, 5.0)
    world.run_for(max(0.0, QUIET - world.now))
    for name in ("HUB", "SPOKE1", "SPOKE2"):
        assert not [
            line for line in world.messages(name) if "BFD_SESS_DOWN" in line or ("ADJCHANGE" in line and "Down" in line)
        ]
    assert 0 < most[0] <= 2 * (SLICE + ECHO) + ROUTES, "more in one event would keep the router from its neighbors"
