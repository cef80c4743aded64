"""IPv6 unicast beside foreign speakers on a wire: FRR and BIRD over sessions of IPv4, further ones over IPv6."""

from __future__ import annotations

import pytest

from support.bgp_daemons import GoBgp, OpenBgp, missing_speakers, start_exabgp
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


GO, OPEN, EXA = "2001:db8:9::4", "2001:db8:9::5", "2001:db8:9::6"
GO_LAN, OPEN_LAN, EXA_LAN = "2001:db8:4::/48", "2001:db8:5::/48", "2001:db8:6::/48"


@pytest.mark.story("bgp-speakers-ipv6")
@pytest.mark.skipif(bool(missing_speakers()), reason=missing_speakers())
def test_speakers_on_sessions_of_ipv6_have_the_routes_of_all_others_by_us_one_of_them_with_a_password() -> None:
    systems = {GO: 65004, OPEN: 65005, EXA: 65006}
    with Wire(ours=(), go=(), open=(), exa=()) as wire:
        us = "2001:db8:9::1"
        for name, address in (("ours", us), ("go", GO), ("open", OPEN), ("exa", EXA)):
            wire.ip(name, "addr", "add", f"{address}/64", "dev", "wire", "nodad")
        wire.start_ours(
            "ours",
            "ipv6 unicast-routing\ninterface GigabitEthernet0/1\n ipv6 address 2001:DB8:9::1/64\n"
            f"router bgp {OUR_AS}\n bgp router-id {OURS}\n no bgp default ipv4-unicast\n"
            + "".join(f" neighbor {one} remote-as {system}\n" for one, system in systems.items())
            + f" neighbor {GO} password sesame\n address-family ipv6\n"
            + "".join(
                f" neighbor {one} {line}\n" for one in systems for line in ("activate", "advertisement-interval 0")
            ),
        )
        go = GoBgp(wire, "go", ("10.9.0.4", systems[GO]), (us, OUR_AS), "ipv6")
        other = OpenBgp(
            wire,
            "open",
            f"AS {systems[OPEN]}\nrouter-id 10.9.0.5\nnetwork {OPEN_LAN}\n"
            f"neighbor {us} {{\n remote-as {OUR_AS}\n announce IPv6 unicast\n}}\nallow from any\nallow to any\n",
        )
        start_exabgp(
            wire,
            "exa",
            f"neighbor {us} {{\n router-id 10.9.0.6;\n local-address {EXA};\n local-as {systems[EXA]};\n"
            f" peer-as {OUR_AS};\n family {{ ipv6 unicast; }}\n"
            f" static {{ route {EXA_LAN} next-hop {EXA}; }}\n}}\n",
        )
        go.announce(GO_LAN, family="ipv6")
        for name, path, lans in (("GoBGP", go.path, (OPEN_LAN, EXA_LAN)), ("OpenBGPD", other.path, (GO_LAN, EXA_LAN))):
            for lan in lans:
                wire.wait(f"{name} has {lan}", lambda path=path, lan=lan: path(lan))  # type: ignore[misc]
        rows = wire.ask("ours", "show bgp ipv6 unicast summary").splitlines()
        assert [row for row in rows if row.endswith(" 1")], rows
        go.withdraw(GO_LAN, family="ipv6")
        wire.wait("GoBGP's withdrawal at OpenBGPD", lambda: not other.path(GO_LAN))


@pytest.mark.story("bgp-extended-next-hop")
def test_frr_and_we_give_each_other_routes_of_ipv4_with_next_hops_of_ipv6_and_the_kernel_takes_them() -> None:
    """RFC 8950: there is no session of IPv4, and neither end has a route of IPv4 to the other one."""
    us, them = "2001:db8:9::1", "2001:db8:9::2"
    with Wire(ours=(), frr=()) as wire:
        for name, own in (("frr", them), ("ours", us)):
            wire.ip(name, "addr", "add", f"{own}/64", "dev", "wire", "nodad")
        wire.start_frr(
            "frr",
            "bgpd",
            f"router bgp {FRR_AS}\n bgp router-id {FRR}\n no bgp ebgp-requires-policy\n no bgp network import-check\n"
            f" neighbor {us} remote-as {OUR_AS}\n neighbor {us} timers connect 1\n"
            f" neighbor {us} capability extended-nexthop\n"
            f" address-family ipv4 unicast\n  network 10.72.0.0/16\n  neighbor {us} activate\n exit-address-family\n",
        )
        wire.start_ours(
            "ours",
            "ipv6 unicast-routing\ninterface GigabitEthernet0/1\n ipv6 address 2001:DB8:9::1/64\n"
            "interface Loopback7\n ip address 10.71.0.1 255.255.0.0\n"
            f"router bgp {OUR_AS}\n bgp router-id {OURS}\n no bgp default ipv4-unicast\n"
            f" neighbor {them} remote-as {FRR_AS}\n neighbor {them} capability extended-nexthop\n"
            f" address-family ipv4\n  network 10.71.0.0 mask 255.255.0.0\n  neighbor {them} activate\n"
            f"  neighbor {them} advertisement-interval 0\n",
        )
        wire.wait("FRR's route", lambda: "10.72.0.0/16" in wire.ask("ours", "show ip bgp"))
        assert f"    {them.upper()} from {them.upper()}" in wire.ask("ours", "show ip bgp 10.72.0.0")
        wire.wait("our route at FRR", lambda: wire.frr_json("frr", "show bgp ipv4 unicast 10.71.0.0/16").get("paths"))
        hops = wire.frr_json("frr", "show bgp ipv4 unicast 10.71.0.0/16")["paths"][0]["nexthops"]
        assert us in [hop["ip"] for hop in hops]
        assert {hop["afi"] for hop in hops} == {"ipv6"}
        wire.wait("the kernel's route", lambda: f"via inet6 {them}" in wire.ip("ours", "route", "show", "10.72.0.0/16"))
        wire.frr("frr", "configure terminal", f"router bgp {FRR_AS}", "no network 10.72.0.0/16")
        wire.wait("FRR's withdrawal", lambda: "10.72.0.0" not in wire.ask("ours", "show ip bgp"))
        assert "Connections established 1; dropped 0" in wire.ask("ours", f"show ip bgp neighbors {them}")
