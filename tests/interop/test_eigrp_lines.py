"""Lines of EIGRP beside FRR's eigrpd on wires: static neighbors, offset lists, and unequal ways with weights."""

from __future__ import annotations

import re

import pytest

from support.daemons import Wire, missing

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing("eigrpd")), reason=missing("eigrpd")),
]

_FAST_ETHERNET = " bandwidth 100000\n delay 10\n"


def start_frr(wire: Wire, name: str, *lines: str) -> None:
    text = "".join(f" {line}\n" for line in lines)
    wire.start_frr(name, "eigrpd", f"router eigrp 100\n eigrp router-id {wire.addresses[name]}\n{text}")


@pytest.mark.story("eigrp-variance")
def test_a_feasible_way_within_the_variance_has_its_part_of_the_flows_in_the_kernel() -> None:
    with Wire(ours=("10.5.0.1/24",), left=("10.8.0.1/24",), right=("10.5.0.2/24", "10.8.0.2/24")) as wire:
        wire.ip("switch", "link", "add", "second", "type", "bridge")
        wire.ip("switch", "link", "set", "second", "up")
        for port in ("ours-0", "right-0"):
            wire.ip("switch", "link", "set", port, "master", "second")
        start_frr(wire, "left", "network 10.9.0.0/24", "network 10.8.0.0/24")
        start_frr(wire, "right", "network 10.5.0.0/24", "network 10.8.0.0/24")
        wire.start_ours(
            "ours",
            f"interface GigabitEthernet0/1\n{_FAST_ETHERNET}"
            "interface GigabitEthernet0/2\n bandwidth 100000\n delay 90\n"
            "router eigrp 100\n network 10.0.0.0\n variance 2\n",
        )
        left = wire.addresses["left"]

        def weights() -> dict[str, str]:
            shown = wire.ip("ours", "route", "show", "10.8.0.0/24")
            return dict(re.findall(r"nexthop via (\S+) .*weight (\d+)", shown))

        # (10 us + 10 us and 90 us + 10 us of delay, 100 Mbit/s): 30720 and 51200, so 8 flows to 5.
        wire.wait("both ways", lambda: weights() == {left: "8", "10.5.0.2": "5"})
        said = wire.ask("ours", "show ip route 10.8.0.0")
        shares = re.findall(r"Route metric is (\d+), traffic share count is (\d+)\n +Total delay is (\d+) ", said)
        assert shares == [("30720", "8", "200"), ("51200", "5", "1000")]


@pytest.mark.story("eigrp-static")
def test_a_static_neighbor_hears_no_multicast_so_eigrpd_which_sends_nothing_else_is_no_neighbor() -> None:
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",)) as wire:
        start_frr(wire, "frr", "network 10.0.0.0/8", f"neighbor {wire.addresses['ours']}")
        wire.start_ours(
            "ours", f"router eigrp 100\n network 10.0.0.0\n neighbor {wire.addresses['frr']} GigabitEthernet0/1\n"
        )
        log = wire.folder / "frr-eigrpd-1.log"
        heard = f"Neighbor {wire.addresses['ours']} (wire) is pending"
        wire.wait("FRR hears our unicast", lambda: heard in log.read_text())
        assert wire.addresses["frr"] not in wire.ask("ours", "show ip eigrp neighbors")
        wire.enter("ours", "router eigrp 100", f"no neighbor {wire.addresses['frr']} GigabitEthernet0/1")
        wire.wait("routes without it", lambda: "10.2.0.0" in wire.ask("ours", "show ip route eigrp"))


@pytest.mark.story("eigrp-offset")
def test_offsets_of_ours_make_ways_longer_at_both_ends() -> None:
    with Wire(ours=("10.1.0.1/24", "10.1.1.1/24"), frr=("10.2.0.1/24", "10.2.1.1/24")) as wire:
        start_frr(wire, "frr", "network 10.0.0.0/8")
        wire.start_ours(
            "ours",
            f"interface GigabitEthernet0/1\n{_FAST_ETHERNET}"
            f"interface GigabitEthernet0/2\n{_FAST_ETHERNET}interface GigabitEthernet0/3\n{_FAST_ETHERNET}"
            "access-list 5 permit 10.2.1.0\naccess-list 6 permit 10.1.1.0\n"
            "router eigrp 100\n network 10.0.0.0\n"
            " offset-list 5 in 1000 GigabitEthernet0/1\n offset-list 6 out 2000\n",
        )

        def our_metric(network: str) -> str:
            found = re.search(rf"^D +{network}/24 \[90/(\d+)\]", wire.ask("ours", "show ip route eigrp"), re.MULTILINE)
            return found.group(1) if found else ""

        def their_distance(network: str) -> str:
            shown = wire.frr("frr", "show ip eigrp topology")
            found = re.search(rf"^P +{network}/24, 1 successors, FD is (\d+)", shown, re.MULTILINE)
            return found.group(1) if found else ""

        wire.wait("our routes", lambda: [our_metric(f"10.2.{n}.0") for n in (0, 1)] == ["30720", "31720"])
        wire.wait("theirs", lambda: [their_distance(f"10.1.{n}.0") for n in (0, 1)] == ["30720", "32720"])
        assert wire.kernel("frr")["10.1.1.0/24"] == wire.addresses["ours"]
