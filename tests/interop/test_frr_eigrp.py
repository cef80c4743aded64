"""EIGRP over the tunnel with FRR's eigrpd: our hub between a spoke of ours and one of FRR.

See uml/scen/eigrp-mixed.sh. eigrpd wants a connected subnet on the tunnel, nhrpd registers only a /32, and an FRR hub
cannot switch split horizon off: so FRR is a spoke here, mapped by hand, and spokes reach each other by the hub.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from interop.evidence import BY_HUB, LAN, QUERY, TUNNEL

if TYPE_CHECKING:
    from interop.evidence import Run

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(180, func_only=True)]

#: Seconds, as configured on our hub.
HOLD_TIME = 15


@pytest.mark.story("eigrp-routes")
def test_our_hub_and_eigrpd_are_neighbors_and_have_acknowledged_everything(eigrp: Run) -> None:
    ours = eigrp.text("routes.hub.eigrp.txt")
    (line,) = [line for line in ours.splitlines() if re.match(rf"\d +{re.escape(TUNNEL['spoke2'])} ", line)]
    assert line.split()[-2] == "0", "nothing waits in the queue to it"
    assert re.search(rf"^\d +{re.escape(TUNNEL['hub'])} +gre1 ", eigrp.text("routes.spoke2.eigrp-neighbors.txt"), re.M)


@pytest.mark.story("eigrp-routes")
def test_routes_of_ours_and_of_frr_pass_over_our_hub(eigrp: Run) -> None:
    theirs = eigrp.text("routes.spoke2.eigrp-topology.txt")
    assert f"P  {LAN['spoke1']}, 1 successors" in theirs or f"{LAN['spoke1']} nhid" in eigrp.text("routes.kernel.txt")
    assert LAN["spoke2"] in eigrp.routes("routes", "spoke1")
    assert re.search(
        rf"^D +{re.escape(LAN['spoke2'])} \[90/\d+\] via {re.escape(TUNNEL['hub'])}, ",
        eigrp.text("routes.spoke1.eigrp.txt"),
        re.M,
    )


@pytest.mark.story("eigrp-by-hub")
def test_hosts_behind_both_reach_each_other_by_the_hub(eigrp: Run) -> None:
    until = eigrp.mark("LAN down")
    for spoke in ("spoke1", "spoke2"):
        pings = eigrp.pings(spoke)
        assert set(pings.between(0, until)) == {BY_HUB}
        assert pings.lost(0, [answer.at for answer in pings.answers if answer.at < until][-2]) == 0


@pytest.mark.story("eigrp-query")
def test_a_query_ends_eigrpd_and_our_hub_lets_its_neighbor_go_with_the_hold_time(limited_eigrp: Run) -> None:
    """eigrpd 8.4.4 aborts at any Query for a route that it has; nothing that we could send instead would tell it."""
    queries = [at for at, source in limited_eigrp.eigrp("spoke2", QUERY) if source == TUNNEL["hub"]]
    assert limited_eigrp.mark("LAN down") < queries[0]
    assert "eigrp_fsm_event_q_fcn(): assertion (successors) failed" in limited_eigrp.text("spoke2.eigrpd.log")
    assert limited_eigrp.mark("neighbor lost") - queries[0] < HOLD_TIME + 5
    assert LAN["spoke2"] not in limited_eigrp.routes("lost", "spoke1")


@pytest.mark.story("eigrp-return")
def test_eigrpd_that_starts_again_is_a_neighbor_again_and_has_all_routes(eigrp: Run) -> None:
    assert eigrp.mark("routes again") - eigrp.mark("start eigrpd") < 20
    assert BY_HUB in eigrp.pings("spoke1").between(eigrp.mark("routes again"), eigrp.mark("flow end spoke1"))


@pytest.mark.parametrize("node", TUNNEL)
@pytest.mark.story("clean-packets")
def test_tshark_finds_nothing_wrong_in_any_packet_with_eigrp(eigrp: Run, node: str) -> None:
    assert eigrp.complaints(node) == []
