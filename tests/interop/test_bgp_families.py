"""IPv6 unicast beside FRR's bgpd and BIRD on a wire, over sessions of IPv4: routes pass in both directions."""

from __future__ import annotations

import pytest

from support.daemons import Wire, missing

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

OUR_AS, FRR_AS, BIRD_AS = 65001, 65002, 65003
OURS, FRR, BIRD = "10.9.0.1", "10.9.0.2", "10.9.0.3"
FRR_LAN, BIRD_LAN = "2001:db8:2::/48", "2001:db8:3::/48"


def test_both_take_our_routes_of_ipv6_and_we_take_theirs_and_withdrawals_and_a_refresh_cost_no_session() -> None:
    """The next hop of our own routes is the address of IPv6 on the interface of the session."""
    with Wire(ours=(), frr=(), bird=()) as wire:
        for number, name in ((2, "frr"), (3, "bird")):
            wire.ip(name, "addr", "add", f"2001:db8:9::{number}/64", "dev", "wire", "nodad")
        wire.start_frr(
            "frr",
            "bgpd",
            f"router bgp {FRR_AS}\n bgp router-id {FRR}\n no bgp ebgp-requires-policy\n no bgp network import-check\n"
            f" neighbor {OURS} remote-as {OUR_AS}\n neighbor {OURS} timers connect 1\n"
            f" address-family ipv6 unicast\n  network {FRR_LAN}\n  neighbor {OURS} activate\n exit-address-family\n",
        )
        wire.start_bird(
            "bird",
            f"""
protocol static lan {{ ipv6; route {BIRD_LAN} blackhole; }}
protocol bgp ours {{
  local {BIRD} as {BIRD_AS};
  neighbor {OURS} as {OUR_AS};
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 {{ import all; export none; }};
  ipv6 {{ import all; export where proto = "lan"; next hop address 2001:db8:9::3; }};
}}
""",
        )
        wire.start_ours(
            "ours",
            "ipv6 unicast-routing\ninterface GigabitEthernet0/1\n ipv6 address 2001:DB8:9::1/64\n"
            f"router bgp {OUR_AS}\n bgp router-id {OURS}\n neighbor {FRR} remote-as {FRR_AS}\n"
            f" neighbor {BIRD} remote-as {BIRD_AS}\n address-family ipv6\n"
            + "".join(
                f" neighbor {one} {line}\n"
                for one in (FRR, BIRD)
                for line in ("activate", "default-originate", "advertisement-interval 0")
            ),
        )

        def heard() -> list[str]:
            lines = wire.ask("ours", "show bgp ipv6 unicast").splitlines()
            return [line.split()[-2] for line in lines if line.endswith(" i") and "6500" in line]

        wire.wait("routes of both", lambda: heard() == [str(FRR_AS), str(BIRD_AS)])
        wire.wait("our route at FRR", lambda: wire.frr_json("frr", "show bgp ipv6 unicast ::/0").get("paths"))
        wire.wait("our route at BIRD", lambda: f"BGP.as_path: {OUR_AS}" in wire.bird("bird", "show route ::/0 all"))
        wire.wait("FRR's route at BIRD", lambda: f"{OUR_AS} {FRR_AS}" in wire.bird("bird", f"show route {FRR_LAN} all"))
        wire.wait("BIRD's route at FRR", lambda: wire.frr_json("frr", f"show bgp ipv6 unicast {BIRD_LAN}").get("paths"))
        assert f"2001:DB8:9::3 from {BIRD}" in wire.ask("ours", f"show bgp ipv6 unicast {BIRD_LAN}")
        wire.frr("frr", "configure terminal", f"router bgp {FRR_AS}", "address-family ipv6", f"no network {FRR_LAN}")
        wire.wait("FRR's withdrawal", lambda: heard() == [str(BIRD_AS)])
        wire.ask("ours", "clear bgp ipv6 unicast * soft")
        wire.bird("bird", "disable lan")
        wire.wait("BIRD's withdrawal", lambda: heard() == [])
        for neighbor in (FRR, BIRD):
            assert "Connections established 1; dropped 0" in wire.ask("ours", f"show ip bgp neighbors {neighbor}")
