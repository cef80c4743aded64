"""Lint of what routers of others print and people paste: what is right there is not called wrong."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.findings import Severity
from dmvpn.ios.tree import MARK
from dmvpn.shells.exercises import BUILT_IN
from dmvpn.tools.lint import Site, lint
from dmvpn.tools.lint.report import as_text
from support.lint_cases import (
    CLEAR,
    ELECTED,
    FRONT,
    OSPF,
    PHASE2,
    SEALED,
    Network,
    bad,
    below,
    edited,
    everywhere,
    found,
)

if TYPE_CHECKING:
    from pathlib import Path

_CABLE = ("ip address 203.0.113.10 255.255.255.0", "ip address dhcp")


def rules(text: str) -> list[str]:
    return [one.rule for one in lint({"R1.cfg": text})]


# ------------------------------------------------------------------------------------------------ lines


@pytest.mark.parametrize(
    "line",
    [
        "R1#show running-config",
        "Building configuration...",
        "Current configuration : 4481 bytes",
        "Using 3336 out of 32768 bytes",
        "configure terminal",
        "conf t",
        "write memory",
        "enable",
    ],
)
def test_what_a_screen_shows_around_a_configuration_is_no_line(line: str) -> None:
    assert lint({**CLEAR, "SPOKE1": f"{line}\n{CLEAR['SPOKE1']}end\n"}) == []


def test_a_line_number_counts_what_a_screen_shows() -> None:
    (finding,) = lint({"R1.cfg": "Building configuration...\n!\nhostnam R1 R2\nend\n"})
    assert (finding.rule, finding.line) == ("line-refused", 3)


def test_what_routers_here_do_not_have_is_told_once_in_a_file_with_all_its_lines() -> None:
    text = "interface GigabitEthernet1\n ip igmp version 3\ninterface GigabitEthernet2\n ip pim passive\n"
    (finding,) = lint({"R1.cfg": f"{text}ip multicast-routing distributed\n"})
    assert (finding.rule, finding.severity, finding.line) == ("line-not-here", Severity.ADVICE, 2)
    assert finding.what.startswith("multicast routing: ip igmp version 3 (and 2 more): kept, for nothing here acts")
    assert [place.line for place in finding.related] == [4, 5]


@pytest.mark.parametrize(("count", "rest"), [(5, ["see R1.cfg:5"]), (6, ["and 2 other lines"])])
def test_people_are_shown_a_few_of_many_lines(count: int, rest: list[str]) -> None:
    findings = lint({"R1.cfg": "ip nat pool A\n" * count})
    _, *places = [line.strip() for line in as_text(findings)]
    assert places == ["see R1.cfg:2", "see R1.cfg:3", "see R1.cfg:4", *rest, "1 advice"]


def test_a_refusal_because_something_does_not_exist_here_is_no_slip_of_the_pen() -> None:
    text = "zone security INSIDE\ninterface GigabitEthernet1\n ip inspect FW in\n"
    assert rules(text) == ["line-not-here", "line-not-here"]
    assert rules("interface GigabitEthernet1\n ip access-grup 101 in\n") == ["line-refused"]
    assert rules("interface Tunnel0\n ip access-grup 101 in\n")[0] == "line-refused"


def test_a_section_that_is_not_read_takes_its_lines_with_it() -> None:
    """The `network` of another process would be one of EIGRP's, an address that of the interface before."""
    process = "router odr\n network 192.168.77.0\n timers basic 60 180 180 240\n"
    other = "interface Cellular0/1/0\n ip address 192.0.2.1 255.255.255.0\n shutdown\n"
    network = edited(CLEAR, SPOKE1=[("router eigrp 100\n", f"router eigrp 100\n{process}router eigrp 100\n")])
    assert {one.rule for one in lint(network)} == {"line-not-here"}
    network = edited(CLEAR, SPOKE1=[("interface GigabitEthernet2", f"{other}interface GigabitEthernet2")])
    assert bad(network) == []


def test_a_section_without_indentation_ends_with_the_next_known_line() -> None:
    assert rules("router odr\nnetwork 10.0.0.0\ninterface Tunnel0\ntunnel mode nonsense\n") == [
        "line-refused",
        "line-not-here",
        "tunnel-source-missing",
    ]


# ------------------------------------------------------------------------------------------------ releases


@pytest.mark.parametrize(("version", "count"), [("15.6", 1), ("15.7", 0), ("16.2", 1), ("17.9", 0)])
def test_a_release_that_copies_multicasts_by_default_needs_no_line(version: str, count: int) -> None:
    network = edited(
        CLEAR, HUB=[(" ip nhrp map multicast dynamic\n", ""), ("hostname", f"version {version}\nhostname")]
    )
    findings = found(network, "nhrp-multicast-dynamic-missing")
    assert [one.severity for one in findings] == [Severity.ERROR] * count


def test_what_the_file_takes_back_is_missing_on_every_release() -> None:
    no_copies = (" ip nhrp map multicast dynamic\n", " no ip nhrp map multicast dynamic\n")
    network = edited(CLEAR, HUB=[no_copies, ("hostname", "version 17.9\nhostname")])
    (finding,) = found(network, "nhrp-multicast-dynamic-missing")
    assert finding.severity is Severity.ERROR


def test_routers_of_this_program_have_the_older_defaults_whatever_release_they_name() -> None:
    for mark, count in ((f"{MARK}\n", 1), ("", 0)):
        named = ("hostname", f"{mark}version 17.9\nhostname")
        network = edited(CLEAR, HUB=[(" ip nhrp map multicast dynamic\n", ""), named])
        assert len(found(network, "nhrp-multicast-dynamic-missing")) == count


@pytest.mark.parametrize(("version", "count"), [("12.4", 1), ("17.12", 0)])
def test_a_release_that_follows_redirects_by_default_needs_no_line(version: str, count: int) -> None:
    network = edited(CLEAR, SPOKE1=[(" ip nhrp shortcut\n", ""), ("hostname", f"version {version}\nhostname")])
    findings = found(network, "phase3-shortcut-missing")
    assert [one.severity for one in findings] == [Severity.WARNING] * count


@pytest.mark.parametrize(
    ("network", "change", "count"),
    [(PHASE2, (), 0), (ELECTED, (), 0), (PHASE2, (" no ip next-hop-self eigrp 100\n", ""), 1)],
)
def test_a_release_that_follows_redirects_unseen_needs_none_in_phase_2(
    network: Network, change: tuple[str, str] | tuple[()], count: int
) -> None:
    """Every network of phase 2 of IOS 15.7 and later was told that its hub sends no redirects."""
    changed = edited(network, HUB=[change] if change else [], SPOKE1=[("hostname", "version 15.9\nhostname")])
    assert len(found(changed, "phase3-redirect-missing")) == count


def test_a_folder_of_files_with_other_endings_is_read_as_a_lab_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Routers saved as R1.txt ran in a lab, and lint said that there is no configuration."""
    for name, text in PHASE2.items():
        (tmp_path / f"{name}.txt").write_text(text.replace(" ip nhrp network-id 1\n", ""))
    assert main(["lint", str(tmp_path), "--rule", "nhrp-network-id-missing"]) == 1
    assert f"{tmp_path / 'HUB.txt'}:" in capsys.readouterr().out


def test_a_spoke_of_two_hubs_is_told_once_to_follow_redirects() -> None:
    second = (
        CLEAR["HUB"].replace("HUB", "HUB2").replace("10.0.0.1 ", "10.0.0.2 ").replace("198.51.100.1 ", "198.51.100.2 ")
    )
    server = below(" ip nhrp nhs 10.0.0.1", " ip nhrp nhs 10.0.0.2 nbma 198.51.100.2 multicast")
    network = edited(CLEAR, SPOKE1=[server, (" ip nhrp shortcut\n", "")])
    (finding,) = found({**network, "HUB2": second}, "phase3-shortcut-missing")
    assert finding.what.startswith("HUB and HUB2 send redirects")


def test_a_hub_without_nhrp_sends_no_redirects() -> None:
    network = edited(CLEAR, HUB=[(" ip nhrp network-id 1\n", "")], SPOKE1=[(" ip nhrp shortcut\n", "")])
    assert found(network, "phase3-shortcut-missing") == []


# ------------------------------------------------------------------------------------------------ underlay


def test_an_address_from_dhcp_may_be_the_tunnels_source() -> None:
    source = ("tunnel source GigabitEthernet1", "tunnel source 203.0.113.10")
    assert found(edited(CLEAR, SPOKE1=[source, _CABLE]), "tunnel-source-undefined") == []
    absent = ("tunnel source GigabitEthernet1", "tunnel source GigabitEthernet7")
    assert len(found(edited(CLEAR, SPOKE1=[absent, _CABLE]), "tunnel-source-undefined")) == 1
    elsewhere = ("tunnel source GigabitEthernet1", "tunnel source 203.0.113.11")
    assert len(found(edited(CLEAR, SPOKE1=[elsewhere]), "tunnel-source-undefined")) == 1


@pytest.mark.parametrize(
    "protocol",
    [
        "router bgp 65001\n neighbor 203.0.113.254 remote-as 65000\n",
        "router isis\n net 49.0001.0000.0000.0001.00\n",
    ],
)
def test_what_another_protocol_learns_of_the_underlay_nobody_can_say(protocol: str) -> None:
    default = "ip route 0.0.0.0 0.0.0.0 203.0.113.254\n"
    assert len(found(edited(CLEAR, SPOKE1=[(default, "")]), "nhrp-nbma-unreachable")) == 1
    assert found(edited(CLEAR, SPOKE1=[(default, protocol)]), "nhrp-nbma-unreachable") == []


def test_the_ways_of_a_vrf_are_not_those_of_the_router() -> None:
    assert bad(FRONT) == []
    drop, by_vrf = "ip route 192.168.0.0 255.255.0.0 Null0 254\n", "ip route vrf INET 0.0.0.0 0.0.0.0 203.0.113.254\n"
    given = ("ip address 203.0.113.10 255.255.255.0", "ip address dhcp")
    network = edited(FRONT, SPOKE1=[(drop, ""), (by_vrf, ""), given])
    assert found(network, "overlay-in-clear") == []


def test_a_default_route_is_told_once_and_where_it_comes_from() -> None:
    drop = ("ip route 192.168.0.0 255.255.0.0 Null0 254\n", "")
    network = edited(SEALED, SPOKE1=[drop, _CABLE, ("ip route 0.0.0.0 0.0.0.0 203.0.113.254\n", "")])
    (finding,) = found(network, "overlay-in-clear")
    assert network["SPOKE1"].split("\n")[finding.line - 1] == " ip address dhcp"


def test_routes_that_no_protocol_takes_away_do_not_go() -> None:
    drop = ("ip route 192.168.0.0 255.255.0.0 Null0 254\n", "")
    no_protocol = ("network 10.0.0.0 0.0.0.255", "network 10.9.9.0 0.0.0.255")
    assert len(found(edited(SEALED, SPOKE1=[drop]), "overlay-in-clear")) == 1
    assert found(edited(SEALED, SPOKE1=[drop, no_protocol]), "overlay-in-clear") == []


def test_a_lan_that_a_route_map_brings_in_is_told() -> None:
    lan = " network 192.168.10.1 0.0.0.255\n"
    assert [one.file for one in found(edited(CLEAR, SPOKE1=[(lan, "")]), "eigrp-lan-not-told")] == ["SPOKE1"]
    network = edited(CLEAR, SPOKE1=[(lan, " redistribute connected route-map LANS\n")])
    assert found(network, "eigrp-lan-not-told") == []


def test_only_the_udp_of_a_nat_that_nobody_knows_of_is_advice() -> None:
    network = everywhere(SEALED, ("ip mtu 1400", "ip mtu 1438"))
    assert {one.severity for one in found(network, "tunnel-mtu-too-large")} == {Severity.ADVICE}
    larger = everywhere(SEALED, ("ip mtu 1400", "ip mtu 1439"))
    assert {one.severity for one in found(larger, "tunnel-mtu-too-large")} == {Severity.WARNING}
    in_clear = everywhere(CLEAR, ("ip mtu 1400", "ip mtu 1473"))
    assert {one.severity for one in found(in_clear, "tunnel-mtu-too-large")} == {Severity.WARNING}
    lines = "no crypto ipsec nat-transparency udp-encapsulation\ncrypto ipsec encapsulation udp never"
    off = ("!\ninterface Tunnel0", f"!\n{lines}\n!\ninterface Tunnel0")
    never = everywhere(SEALED, ("ip mtu 1400", "ip mtu 1439"), off)
    assert {one.severity for one in found(never, "tunnel-mtu-too-large")} == {Severity.WARNING}
    sites = {"SPOKE1": Site(nat="cone", public=IPv4Address("192.0.2.1"))}
    severities = {one.file: one.severity for one in lint(network, sites) if one.rule == "tunnel-mtu-too-large"}
    assert (severities["SPOKE1"], severities["SPOKE2"]) == (Severity.WARNING, Severity.ADVICE)


# ------------------------------------------------------------------------------------------------ excerpts


@pytest.mark.parametrize(
    "lines",
    [
        " ip nhrp holdtime 120\n ip nhrp registration timeout 60",
        " ip mtu 1400\n ip tcp adjust-mss 1360",
        " ip nhrp authentication password\n ip nhrp registration no-unique",
        " ip ospf cost 10",
        " ip nhrp network-id 1",
    ],
)
def test_an_excerpt_is_not_asked_for_what_it_leaves_out(lines: str) -> None:
    (only,) = lint({"R1.cfg": f"interface Tunnel0\n{lines}\n"})
    assert (only.rule, only.severity) == ("tunnel-source-missing", Severity.ADVICE)


def test_an_excerpt_for_ospf_is_told_of_the_default_network_type() -> None:
    (finding,) = found({"R1.cfg": "interface Tunnel0\n ip ospf 1 area 0\n"}, "ospf-network-type-default")
    assert (finding.line, finding.severity) == (2, Severity.ADVICE)
    assert found({"R1.cfg": "interface Tunnel0\n ip ospf 1 area 0\n ip ospf network broadcast\n"}, finding.rule) == []


@pytest.mark.parametrize(
    "line", ["tunnel key 1", "tunnel protection ipsec profile default", "tunnel mode gre multipoint"]
)
def test_a_line_about_gre_makes_it_a_tunnel(line: str) -> None:
    (finding,) = found({"R1.cfg": f"interface Tunnel0\n {line}\n"}, "tunnel-source-missing")
    assert finding.severity is Severity.ERROR


def test_a_tunnel_without_a_source_is_no_excerpt() -> None:
    network = edited(PHASE2, SPOKE1=[(" tunnel source GigabitEthernet1\n", "")])
    assert ("SPOKE1", "tunnel-source-missing") in bad(network)


# ------------------------------------------------------------------------------------------------ what cannot be known


@pytest.mark.parametrize("line", ["ip address dhcp", "ip address negotiated"])
def test_an_interface_whose_address_comes_from_elsewhere_can_be_a_source(line: str) -> None:
    network = edited(CLEAR, SPOKE1=[("ip address 203.0.113.10 255.255.255.0", line)])
    assert found(network, "tunnel-source-undefined") == []
    network = edited(CLEAR, SPOKE1=[("ip address 203.0.113.10 255.255.255.0", "no ip address")])
    assert len(found(network, "tunnel-source-undefined")) == 1


def test_a_next_hop_may_be_known_to_a_routing_protocol() -> None:
    far = ("0.0.0.0 203.0.113.254", "0.0.0.0 192.0.2.254")
    for base, severity in ((CLEAR, Severity.ERROR), (OSPF, Severity.WARNING)):
        (finding,) = found(edited(base, SPOKE1=[far]), "static-next-hop-unreachable")
        assert finding.severity is severity


def test_a_route_does_not_lead_to_its_own_next_hop() -> None:
    itself, another = (
        "ip route 192.0.2.0 255.255.255.0 192.0.2.9\n",
        "ip route 192.0.2.0 255.255.255.128 203.0.113.254\n",
    )
    for lines, count in ((itself, 1), (itself + another, 0)):
        network = edited(CLEAR, SPOKE1=[("ip route 0.0.0.0", f"{lines}ip route 0.0.0.0")])
        assert len(found(network, "static-next-hop-unreachable")) == count


def test_a_tunnel_address_without_a_subnet_has_its_server_elsewhere() -> None:
    """As FRR wants it."""
    alone = {"SPOKE1": CLEAR["SPOKE1"].replace("10.0.0.10 255.255.255.0", "10.0.0.10 255.255.255.255")}
    assert found(alone, "nhrp-nhs-off-subnet") == []
    alone = {"SPOKE1": CLEAR["SPOKE1"].replace("10.0.0.10 255.255.255.0", "10.0.0.10 255.255.255.254")}
    assert len(found(alone, "nhrp-nhs-off-subnet")) == 1


def test_interfaces_in_a_vrf_may_have_the_addresses_of_others() -> None:
    def with_port(definition: str, line: str) -> Network:
        port = (
            f"interface GigabitEthernet9\n{line} ip address 192.168.99.1 255.255.255.0\n!\ninterface GigabitEthernet2"
        )
        return everywhere(CLEAR, ("hostname", f"{definition} Mgmt\nhostname"), ("interface GigabitEthernet2", port))

    for definition, words in (("vrf definition", "vrf forwarding"), ("ip vrf", "ip vrf forwarding")):
        assert found(with_port(definition, f" {words} Mgmt\n"), "address-duplicate") == []
    assert len(found(with_port("ip vrf", ""), "address-duplicate")) == 2


def test_subnets_in_a_vrf_may_overlap_with_those_of_others() -> None:
    for vrf, files in ((" vrf forwarding A\n", []), ("", ["SPOKE1"])):
        port = f"interface GigabitEthernet9\n{vrf} ip address 192.168.0.1 255.255.0.0\n!\ninterface Tunnel0"
        text = CLEAR["SPOKE1"].replace("192.168.10.1", "192.0.2.1").replace("interface Tunnel0", port)
        network = {**CLEAR, "SPOKE1": f"vrf definition A\n!\n{text}"}
        assert list(dict.fromkeys(one.file for one in found(network, "subnet-overlap"))) == files


def test_a_tunnel_in_a_vrf_may_have_its_protocol_there() -> None:
    no_protocol = ("network 10.0.0.0 0.0.0.255", "network 10.9.9.0 0.0.0.255")
    network = edited(CLEAR, SPOKE1=[no_protocol])
    assert len(found(network, "routing-one-sided")) == 1
    network = edited(network, SPOKE1=[("interface Tunnel0", "vrf definition A\ninterface Tunnel0\n vrf forwarding A")])
    assert found(network, "routing-one-sided") == []


def test_a_shaper_below_the_policies_of_tunnels_is_what_it_takes() -> None:
    lines = [
        below(" ip mtu 1400", " ip nhrp map group G service-policy output WAN"),
        below("interface GigabitEthernet1", " service-policy output WAN"),
    ]
    for policy, count in (
        (" class class-default\n  shape average 10000000", 0),
        (" class class-default\n  bandwidth 1000", 1),
        (" class VOICE\n  priority 100\n class class-default\n  shape average 10000000", 1),
    ):
        network = edited(
            CLEAR, HUB=[*lines, ("!\ninterface Tunnel0", f"!\npolicy-map WAN\n{policy}\n!\ninterface Tunnel0")]
        )
        assert len(found(network, "qos-twice")) == count


def test_certificates_of_ikev1_need_no_profile() -> None:
    text = (
        "crypto isakmp policy 10\n encryption aes 256\n"
        "crypto ipsec transform-set TS esp-gcm 256\n mode transport\n"
        "crypto ipsec profile P\n set transform-set TS\n"
        "interface Tunnel0\n tunnel protection ipsec profile P\n"
    )
    assert "ike-profile-missing" in rules(text)
    trustpoint = "crypto pki trustpoint CA\n enrollment terminal\n"
    assert "ike-profile-missing" not in rules(trustpoint + text)
    assert "ike-profile-missing" in rules(trustpoint + text.partition("\n")[2].partition("\n")[2])


_ISAKMP = {
    name: (BUILT_IN / "isakmp-phase3" / f"{name}.cfg").read_text(encoding="utf-8")
    for name in ("HUB", "SPOKE1", "SPOKE2")
}
_SHARED = " authentication pre-share\n"
_TRUSTPOINT = ("crypto isakmp policy 10", "crypto pki trustpoint LAB\n!\ncrypto isakmp policy 10")


def test_a_policy_of_isakmp_that_signs_is_not_one_that_wants_a_key() -> None:
    assert found(_ISAKMP, "ike-proposals-differ") == []
    forgotten = edited(_ISAKMP, SPOKE1=[(_SHARED, "")])
    (finding,) = found(forgotten, "ike-proposals-differ")
    assert finding.what.startswith("Tunnel0 has no IKE proposal that it can use, and HUB's Tunnel0 has IKE proposals (")
    second = _SHARED + " group 14\ncrypto isakmp policy 20\n encryption aes\n authentication pre-share\n"
    both = edited(_ISAKMP, SPOKE1=[(_SHARED, second)], HUB=[(_SHARED, "")])
    (finding, *_) = found(both, "ike-proposals-differ")
    assert finding.what.startswith("Tunnel0 has no IKE proposal that it can use")


def test_where_there_is_a_trustpoint_its_certificate_may_be_there_too() -> None:
    signing = edited(_ISAKMP, **{name: [(_SHARED, ""), _TRUSTPOINT] for name in _ISAKMP})
    assert found(signing, "ike-proposals-differ") == []


def test_a_spoke_of_one_hub_may_be_point_to_point_for_ospf() -> None:
    alone = {"SPOKE1": OSPF["SPOKE1"].replace(" ip ospf network point-to-multipoint\n", "")}
    (finding,) = found(alone, "ospf-network-type-default")
    assert finding.severity is Severity.WARNING
    two = edited(alone, SPOKE1=[below(" ip nhrp nhs 10.0.0.1", " ip nhrp nhs 10.0.0.2 nbma 198.51.100.2 multicast")])
    (finding,) = found(two, "ospf-network-type-default")
    assert finding.severity is Severity.ERROR


def test_a_hub_of_several_spokes_is_not_point_to_point_for_ospf_by_a_line_either() -> None:
    """A type of its own fits that of each spoke with the same timers, and takes one of them at a time."""
    timers = " ip ospf hello-interval 10", " ip ospf dead-interval 40"
    wide = (" ip ospf network point-to-multipoint\n", "\n".join([" ip ospf network point-to-multipoint", *timers, ""]))
    narrow = (wide[0], " ip ospf network point-to-point\n")
    network = edited(OSPF, HUB=[narrow], SPOKE1=[wide], SPOKE2=[wide])
    (finding,) = found(network, "ospf-network-type-default")
    assert (finding.file, finding.severity) == ("HUB", Severity.ERROR)
    assert finding.fix == "\n ".join(("interface Tunnel0", wide[0].strip(), *(line.strip() for line in timers)))
    assert found({name: network[name] for name in ("HUB", "SPOKE1")}, "ospf-network-type-default") == []


def test_a_hub_with_a_higher_priority_stays_elected_until_it_starts_again() -> None:
    network = edited(ELECTED, SPOKE1=[(" ip ospf priority 0\n", "")])
    for priority, severity in ((1, Severity.ERROR), (255, Severity.WARNING)):
        hub = below(" ip mtu 1400", f" ip ospf priority {priority}")
        (finding,) = found(edited(network, HUB=[hub]), "ospf-priority-on-spoke")
        assert finding.severity is severity
