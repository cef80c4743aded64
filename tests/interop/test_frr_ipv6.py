"""An overlay of IPv6 with FRR nhrpd: as its hub, and as its spoke beside another one of FRR's.

Two boots of user-mode Linux do what uml/scen/six-hub.sh and six-spoke.sh say; these tests look at what they left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interop.evidence import BY_HUB, DIRECT, NBMA

if TYPE_CHECKING:
    from interop.evidence import Run

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180, func_only=True)]

SPOKE1, SPOKE2, LAN2 = "2001:db8:ff::11", "2001:db8:ff::12", "2001:db8:2::/64"


@pytest.mark.story("frr-ipv6-hub")
def test_frr_spokes_register_with_our_hub_by_ipv6(six_hub: Run) -> None:
    entries = six_hub.entries("registered")
    assert {target: entry["nbma"] for target, entry in entries.items()} == {
        f"{SPOKE1}/128": NBMA["spoke1"],
        f"{SPOKE2}/128": NBMA["spoke2"],
    }


@pytest.mark.story("frr-ipv6-spoke")
def test_a_hub_of_frr_registers_the_global_address_of_our_spoke_and_the_link_local_one(six_spoke: Run) -> None:
    """It registers what the entries of a request name; as IOS writes it, that is the link-local address alone."""
    rows = [line.split() for line in six_spoke.text("registered.hub.txt").splitlines() if " dynamic " in line]
    ours = [row[2] for row in rows if row[3] == NBMA["spoke1"]]
    assert len(ours) == 2
    assert SPOKE1 in ours
    assert [server["letters"] for server in six_spoke.servers("registered")] == ["RE"]


@pytest.mark.story("frr-ipv6-spoke")
def test_our_spoke_follows_the_redirect_of_an_frr_hub_to_the_lan_of_an_frr_spoke(six_spoke: Run) -> None:
    entry = six_spoke.entries("shortcut")[LAN2]
    assert (entry["next_hop"], entry["nbma"]) == (SPOKE2, NBMA["spoke2"])
    assert f"{LAN2} via {SPOKE2} dev Tunnel0" in six_spoke.text("kernel.shortcut.spoke1.txt")


@pytest.mark.parametrize("run", ["six_hub", "six_spoke"], indirect=True)
@pytest.mark.parametrize("host", ["spoke1", "spoke2"])
@pytest.mark.story("frr-ipv6-hub", "frr-ipv6-spoke")
def test_no_ping_is_lost_when_the_spokes_leave_the_hub(run: Run, host: str) -> None:
    pings = run.pings(host)
    assert (pings.received, pings.duplicates) == (pings.sent, 0)
    assert DIRECT in pings.ttls
    assert set(pings.ttls) <= {BY_HUB, DIRECT}


@pytest.mark.parametrize("run", ["six_hub", "six_spoke"], indirect=True)
@pytest.mark.parametrize("node", NBMA)
@pytest.mark.story("clean-packets")
def test_tshark_finds_nothing_wrong_in_any_packet_of_ipv6(run: Run, node: str) -> None:
    assert run.complaints(node) == []
