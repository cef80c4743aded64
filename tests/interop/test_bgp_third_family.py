"""A family that this program does not know, between FRR and GoBGP: one file brings it, and nothing else changes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from support import vpn_family
from support.bgp_daemons import GoBgp, missing_speakers
from support.daemons import Wire

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing_speakers()), reason=missing_speakers()),
]

AS = 65001
OURS, FRR, GO = "10.9.0.1", "10.9.0.2", "10.9.0.3"
FRR_LAN, GO_LAN = "10.2.0.0/24", "10.4.0.0/24"
GO_RD, FRR_ROUTE = "65001:4", f"65001:2:{FRR_LAN}"
NETWORK = f"{FRR_LAN} rd 65001:2 label 200"


def at_frr(wire: Wire) -> dict[str, Any]:
    """What FRR has, by distinguisher and prefix."""
    found: dict[str, Any] = wire.frr_json("frr", "show bgp ipv4 vpn").get("routes", {})
    return dict(found.get("routeDistinguishers", {}))


@pytest.mark.story("bgp-third-family")
def test_routes_of_a_family_in_one_new_file_are_reflected_between_frr_and_gobgp_as_they_came() -> None:
    """Labels, distinguishers, targets and next hops arrive unchanged, in both directions, and withdrawals do."""
    with Wire(ours=(), frr=(), go=()) as wire:
        wire.start_frr(
            "frr",
            "bgpd",
            f"router bgp {AS}\n bgp router-id {FRR}\n no bgp default ipv4-unicast\n neighbor {OURS} remote-as {AS}\n"
            f" neighbor {OURS} timers connect 1\n address-family ipv4 vpn\n  network {NETWORK}\n"
            f"  neighbor {OURS} activate\n exit-address-family\n",
        )
        wire.start_ours(
            "ours",
            f"router bgp {AS}\n bgp router-id {OURS}\n"
            + "".join(
                f" neighbor {one} {line}\n"
                for one in (FRR, GO)
                for line in (
                    f"remote-as {AS}",
                    "route-reflector-client",
                    "send-community both",
                    "advertisement-interval 0",
                )
            )
            + f" neighbor {GO} password sesame\n",
            program=(sys.executable, str(Path(vpn_family.__file__))),
        )
        go = GoBgp(wire, "go", (GO, AS), (OURS, AS), "l3vpn-ipv4")
        go.announce(GO_LAN, "label", "400", "rd", "65001:4", "rt", "65001:40", family="vpnv4")
        wire.wait("GoBGP has FRR's route", lambda: go.path(FRR_ROUTE, "vpnv4"))
        wire.wait("FRR has GoBGP's route", lambda: GO_LAN in at_frr(wire).get(GO_RD, {}))
        assert go.path(FRR_ROUTE, "vpnv4")[14] == {
            "type": 14,
            "nexthop": FRR,
            "afi": 1,
            "safi": 128,
            "value": [{"prefix": FRR_LAN, "labels": [200], "rd": {"type": 0, "admin": AS, "assigned": 2}}],
        }
        (path,) = at_frr(wire)[GO_RD][GO_LAN]
        assert [hop["ip"] for hop in path["nexthops"]] == [GO]
        shown = wire.frr("frr", "show bgp ipv4 vpn")
        assert f"UN={GO} EC{{65001:40}} label=400" in shown
        go.withdraw(GO_LAN, "label", "400", "rd", "65001:4", family="vpnv4")
        wire.frr("frr", "configure terminal", f"router bgp {AS}", "address-family ipv4 vpn", f"no network {NETWORK}")
        wire.wait("FRR's withdrawal", lambda: not go.path(FRR_ROUTE, "vpnv4"))
        wire.wait("GoBGP's withdrawal", lambda: not at_frr(wire).get(GO_RD))
