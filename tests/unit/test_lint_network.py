"""Lint across routers: who is told, what may be equal or different, and what never gets into a finding."""

from __future__ import annotations

import json
from ipaddress import IPv4Address

import pytest

from dmvpn.base.findings import Severity
from dmvpn.tools.lint import RULES, Site, lint
from dmvpn.tools.lint.report import as_json, as_sarif, as_text
from support.lint_cases import (
    BGP,
    CASES,
    CLEAR,
    DUAL_OSPF,
    ELECTED,
    OSPF,
    PHASE1,
    PHASE2,
    SEALED,
    TWO_TUNNELS,
    Network,
    bad,
    below,
    edited,
    everywhere,
    found,
)
from support.texts import file_text

_SECRETS = ("-of-tests", "NHRPKEY")


def told(network: Network, rule: str) -> list[str]:
    return [one.file for one in lint(network) if one.rule == rule]


def test_the_other_end_of_a_difference_is_named_with_its_line() -> None:
    network = edited(CLEAR, SPOKE2=[("tunnel key 100", "tunnel key 7")])
    (finding,) = [one for one in lint(network) if one.rule == "tunnel-key-differs"]
    (other,) = finding.related
    assert (other.file, CLEAR["HUB"].split("\n")[other.line - 1]) == ("HUB", " tunnel key 100")


def test_a_hub_with_which_no_spoke_agrees_is_told_once() -> None:
    network = edited(CLEAR, SPOKE1=[("NHRPKEY", "A")], SPOKE2=[("NHRPKEY", "B")])
    assert told(network, "nhrp-authentication-differs") == ["HUB"]


def test_of_two_ends_the_one_without_a_password_is_to_get_one() -> None:
    network = edited({name: CLEAR[name] for name in ("HUB", "SPOKE1")}, HUB=[(" ip nhrp authentication NHRPKEY\n", "")])
    (finding,) = [one for one in lint(network) if one.rule == "nhrp-authentication-differs"]
    assert (finding.file, finding.fix) == ("HUB", "interface Tunnel0\n ip nhrp authentication <secret>")


def test_spokes_without_protection_are_to_get_it_and_their_hub_keeps_its_own() -> None:
    """The hub differed from all its spokes, and was to send in clear as well."""
    clear = [(" tunnel protection ipsec profile P\n", "")]
    network = edited(SEALED, SPOKE1=clear, SPOKE2=clear)
    findings = [one for one in lint(network) if one.rule == "ipsec-one-sided"]
    assert [(one.file, one.fix) for one in findings] == [
        (spoke, "interface Tunnel0\n tunnel protection ipsec profile P") for spoke in ("SPOKE1", "SPOKE2")
    ]
    (alone,) = [one for one in lint(edited(SEALED, SPOKE1=clear, HUB=clear)) if one.rule == "ipsec-one-sided"]
    assert (alone.file, alone.fix) == ("SPOKE2", "")


def test_a_password_that_is_hidden_may_be_the_same() -> None:
    hidden = [("NHRPKEY", "<removed>")]
    assert told(edited(CLEAR, HUB=hidden, SPOKE1=hidden), "nhrp-authentication-differs") == []


def test_passwords_that_agree_in_what_is_sent_are_no_difference() -> None:
    network = edited(everywhere(CLEAR, ("NHRPKEY", "NHRPKEY8")), SPOKE1=[("NHRPKEY8", "NHRPKEY8-and-more")])
    assert bad(network) == [("SPOKE1", "nhrp-password-long")]


def test_a_tunnel_that_is_shut_down_is_no_part_of_the_network() -> None:
    network = edited(CLEAR, SPOKE1=[("tunnel key 100", "tunnel key 7\n shutdown")])
    assert bad(network) == []


def test_one_configuration_alone_is_not_blamed_for_others_that_are_not_there() -> None:
    for name in CLEAR:
        assert bad({name: SEALED[name]}) == []


def test_spokes_alone_are_not_told_that_their_server_is_nobody() -> None:
    assert bad({name: CLEAR[name] for name in ("SPOKE1", "SPOKE2")}) == []


def test_private_addresses_of_spokes_behind_their_own_nat_may_be_equal() -> None:
    address = ("ip address 203.0.113.10 255", "ip address 192.168.178.2 255")
    other = ("ip address 203.0.113.20 255", "ip address 192.168.178.2 255")
    gateway = ("203.0.113.254", "192.168.178.1")
    assert bad(edited(CLEAR, SPOKE1=[address, gateway], SPOKE2=[other, gateway])) == []


def test_the_same_nbma_address_on_an_underlay_without_nat_is_an_error() -> None:
    network = edited(CLEAR, SPOKE2=[("ip address 203.0.113.20", "ip address 203.0.113.10")])
    assert told(network, "address-duplicate") == ["SPOKE2"]


def test_a_server_behind_a_fixed_mapping_is_possible_and_mentioned() -> None:
    network = edited(CLEAR, HUB=[("ip address 198.51.100.1 255", "ip address 192.168.77.1 255")])
    found = [one for one in lint(network) if one.rule == "nhrp-map-wrong"]
    assert {one.severity for one in found} == {Severity.ADVICE}


def test_a_spoke_that_its_hub_knows_by_the_public_address_of_its_nat_is_right() -> None:
    sites = {"SPOKE1": Site(nat="cone", public=IPv4Address("192.0.2.1"))}
    network = edited(
        CLEAR,
        SPOKE1=[
            ("ip address 203.0.113.10 255", "ip address 192.168.178.2 255"),
            ("203.0.113.254", "192.168.178.1"),
        ],
        SPOKE2=[below(" ip nhrp nhs 10.0.0.1", " ip nhrp map 10.0.0.10 192.0.2.1")],
    )
    assert [one.rule for one in lint(network, sites) if one.severity is not Severity.ADVICE] == []


@pytest.mark.parametrize("behind", ["SPOKE1", "HUB"])
def test_the_key_of_a_router_behind_nat_is_that_of_its_public_address(behind: str) -> None:
    """Packets come from and go to the public address, and a key for it alone was called missing."""
    sites = {behind: Site(nat="cone", public=IPv4Address("192.0.2.1"))}
    address = {"SPOKE1": "203.0.113.10", "HUB": "198.51.100.1"}[behind]
    network = edited(
        {name: SEALED[name] for name in ("HUB", "SPOKE1")},
        HUB=[("address 203.0.113.0 255.255.255.0", "address 203.0.113.10")],
    )
    network = {name: text.replace(f"{address}\n", "192.0.2.1\n") for name, text in network.items()}
    network |= {behind: network[behind].replace(f"ip address {address} 255", "ip address 192.168.178.2 255")}
    keys = ("ike-key-missing", "ike-key-differs")
    assert [one.what for one in lint(network, sites) if one.rule in keys] == []
    lacking = {name: text.replace("  address 192.0.2.1\n", "  address 192.0.2.9\n") for name, text in network.items()}
    (finding,) = [one for one in lint(lacking, sites) if one.rule in keys]
    assert finding.rule == "ike-key-missing"
    assert "  address 192.0.2.1" in finding.fix


_OTHER_RING = file_text("lint_network_other_ring.cfg")
_OF_HUB = " peer HUB\n  address 198.51.100.1\n  pre-shared-key hub-key-of-tests\n !\n"
_OF_SPOKES = " peer SPOKE1\n  address 203.0.113.0 255.255.255.0\n  pre-shared-key hub-key-of-tests\n !\n"


@pytest.mark.parametrize("gone", [(_OF_HUB,), (_OF_HUB, _OF_SPOKES)])
@pytest.mark.parametrize("ring", ["crypto ikev2 keyring K\n", _OTHER_RING])
def test_a_missing_key_goes_into_the_keyring_of_the_profile_and_no_other_peer_loses_its_key(
    gone: tuple[str, ...], ring: str
) -> None:
    """It went into the first keyring, or took the place of the peer there; in the right one, that of the spokes."""
    network = edited(SEALED, SPOKE1=[*((lines, "") for lines in gone), ("crypto ikev2 keyring K\n", ring)])
    (finding,) = found(network, "ike-key-missing")
    assert finding.fix == ("crypto ikev2 keyring K\n peer HUB\n  address 198.51.100.1\n  pre-shared-key <secret>")


def test_a_secret_that_was_removed_from_a_file_differs_from_nothing_and_has_no_length() -> None:
    """A file of `show running-config` without secrets, beside files with them: its keys were called different."""
    network = edited(
        SEALED, HUB=[("key hub-key-of-tests", "key <removed>"), ("authentication NHRPKEY", "authentication <removed>")]
    )
    assert bad(network) == []


def test_a_server_that_is_named_by_its_link_local_address_is_known() -> None:
    """It was said to have another address, to be off the subnet, and to be a client of no server."""
    nhs = " ipv6 nhrp nhs FE80::1 nbma 198.51.100.1 multicast\n"
    text = """interface Tunnel0
 ipv6 address 2001:DB8::{0}/64
 ipv6 address FE80::{0} link-local
 ipv6 nhrp network-id 1
{1} tunnel source GigabitEthernet1
 tunnel mode gre multipoint
interface GigabitEthernet1
 ip address 198.51.100.{0} 255.255.255.0
"""
    spokes = {"A": text.format(2, nhs), "B": text.format(3, nhs)}
    assert bad({"HUB": text.format(1, " ipv6 nhrp map multicast dynamic\n"), **spokes}) == []
    another = text.format("4", " ipv6 nhrp map multicast dynamic\n").replace("100.4", "100.1")
    assert bad({"HUB": another, **spokes}) == [("A", "nhrp-nhs-nobody"), ("B", "nhrp-nhs-nobody")]


def test_a_server_without_its_tunnel_address_gets_it_with_the_mask_of_its_clients() -> None:
    """The address was proposed with a mask for one host, and was said to be None."""
    line = " ip address 10.0.0.1 255.255.255.0\n"
    for names in (("HUB", "SPOKE1", "SPOKE2"), ("HUB", "SPOKE1")):
        network = edited({name: CLEAR[name] for name in names}, HUB=[(line, "")])
        (finding,) = [one for one in lint(network) if one.rule == "nhrp-nhs-nobody"]
        assert (finding.file, finding.fix) == ("HUB", f"interface Tunnel0\n{line[:-1]}")
        assert finding.what == "all clients of HUB look for it at 10.0.0.1, and its Tunnel0 has none"


def test_an_entry_that_cuts_a_tunnel_at_some_times_only_is_a_warning() -> None:
    entries = "deny udp any any eq isakmp time-range NIGHT\n permit ip any any"
    lines = f"time-range NIGHT\n periodic daily 22:00 to 23:00\n!\nip access-list extended WAN-IN\n {entries}\n!\n"
    port = "interface GigabitEthernet1\n"
    network = edited(SEALED, SPOKE1=[(port, f"{lines}{port} ip access-group WAN-IN in\n")])
    found = [one for one in lint(network) if one.rule == "list-cuts-tunnel"]
    assert [(one.severity, one.what.endswith("is cut then")) for one in found] == [(Severity.WARNING, True)]


def test_a_static_route_into_the_tunnel_does_what_split_horizon_would_prevent() -> None:
    network = edited(CLEAR, HUB=[(" no ip split-horizon eigrp 100\n", "")])
    assert bad(network) == [("HUB", "eigrp-split-horizon")]
    static = below("ip route 0.0.0.0 0.0.0.0 203.0.113.254", "ip route 192.168.0.0 255.255.0.0 10.0.0.1")
    assert bad(edited(network, SPOKE1=[static], SPOKE2=[static])) == []


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        # 1500 - 20 (IP) - 8 (GRE with key) in clear, and 4 more without a key.
        (1472, []),
        (1476, [(" tunnel key 100\n", "")]),
        # ESP in UDP: 8 + 8 (ESP) + 8 (IV) + 16 (ICV) + 2 (trailer), in whole words of 4: RFC 4303 §2, RFC 4106.
        (1430, [("SEALED", "")]),
        # AES-CBC and SHA-256: IV 16, ICV 16, whole blocks of 16: RFC 3602, RFC 4868.
        (1414, [("SEALED", ""), ("esp-gcm 256", "esp-aes 256 esp-sha256-hmac")]),
        # Another IP header in tunnel mode.
        (1410, [("SEALED", ""), (" mode transport\n", "")]),
        # The underlay takes less.
        (1464, [("interface GigabitEthernet1\n", "interface GigabitEthernet1\n ip mtu 1492\n")]),
    ],
)
def test_the_largest_packet_is_computed_to_the_octet(octets: int, lines: list[tuple[str, str]]) -> None:
    base = SEALED if ("SEALED", "") in lines else CLEAR
    network = everywhere(base, *(pair for pair in lines if pair[0] != "SEALED"))
    fits = everywhere(network, ("ip mtu 1400", f"ip mtu {octets}"))
    too_large = everywhere(network, ("ip mtu 1400", f"ip mtu {octets + 1}"))
    assert told(fits, "tunnel-mtu-too-large") == []
    assert told(too_large, "tunnel-mtu-too-large") == list(CLEAR)
    (what,) = {one.what for one in lint(too_large) if one.rule == "tunnel-mtu-too-large"}
    assert f"packets of {octets} octets fit" in what


def test_the_routes_that_keep_packets_in_are_for_the_lans_of_the_others() -> None:
    network = everywhere(SEALED, ("ip route 192.168.0.0 255.255.0.0 Null0 254\n", ""))
    (fix,) = [one.fix for one in lint(network) if (one.file, one.rule) == ("SPOKE1", "overlay-in-clear")]
    assert fix.split("\n") == [
        "ip route 192.168.1.0 255.255.255.0 Null0 254",
        "ip route 192.168.20.0 255.255.255.0 Null0 254",
    ]
    fixed = edited(network, SPOKE1=[("ip route 0.0.0.0", f"{fix}\nip route 0.0.0.0")])
    assert told(fixed, "overlay-in-clear") == ["HUB", "SPOKE2"]


def test_both_of_two_tunnels_have_to_say_that_they_share_a_profile() -> None:
    first, second = "key 100\n tunnel protection ipsec profile P", "key 200\n tunnel protection ipsec profile P"
    for one in (first, second):
        network = edited(TWO_TUNNELS, SPOKE1=[(f"{one} shared", one)])
        assert bad(network) == [("SPOKE1", "tunnel-protection-not-shared")]


def test_ospf_neighbors_with_different_mtus_are_an_error() -> None:
    network = edited(OSPF, SPOKE1=[("ip mtu 1400", "ip mtu 1420")])
    (finding,) = [one for one in lint(network) if one.rule == "tunnel-mtu-differs"]
    assert finding.severity is Severity.ERROR
    ignoring = edited(network, SPOKE1=[below(" ip mtu 1420", " ip ospf mtu-ignore")])
    (finding,) = [one for one in lint(ignoring) if one.rule == "tunnel-mtu-differs"]
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("all_of_them", "one_of_them", "fix"), [(1400, 1300, "interface Tunnel0\n ip mtu 1400"), (1500, 1400, "")]
)
def test_a_tunnel_with_a_smaller_mtu_gets_that_of_the_others_unless_it_is_too_large(
    all_of_them: int, one_of_them: int, fix: str
) -> None:
    """The line said the MTU that it has."""
    network = everywhere(CLEAR, ("ip mtu 1400", f"ip mtu {all_of_them}"))
    network = edited(network, SPOKE1=[(f"ip mtu {all_of_them}", f"ip mtu {one_of_them}")])
    (finding,) = [one for one in lint(network) if one.rule == "tunnel-mtu-differs"]
    assert (finding.file, finding.fix) == ("SPOKE1", fix)


def test_a_mode_that_the_other_end_insists_on_is_an_error() -> None:
    network = edited(SEALED, HUB=[("mode transport", "mode transport require")], SPOKE1=[(" mode transport\n", "")])
    (finding,) = [one for one in lint(network) if one.rule == "ipsec-mode-differs"]
    assert (finding.file, finding.severity) == ("SPOKE1", Severity.ERROR)


def by_ikev1() -> Network:
    lines = (
        "crypto keyring K\n pre-shared-key address 0.0.0.0 0.0.0.0 key k\n"
        "crypto isakmp policy 1\n encryption aes\n authentication pre-share\n group 14\n"
        "crypto isakmp profile V1\n keyring K\n match identity address 0.0.0.0\n"
        "crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac\n mode transport\n"
        "crypto ipsec profile P\n set transform-set TS\n set isakmp-profile V1\n!\n"
    )
    protection = below(" tunnel key 100", " tunnel protection ipsec profile P")
    return everywhere(CLEAR, protection, ("!\ninterface Tunnel0", f"!\n{lines}interface Tunnel0"))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("", "IPsec profile P names no IKE profile, and all keys are those of isakmp profile V1"),
        ("crypto isakmp key other address 192.0.2.99\n", "isakmp profile V1 has the key for 198.51.100.1"),
    ],
)
def test_an_isakmp_profile_with_the_key_that_a_tunnel_does_not_name_is_a_line_that_is_missing(
    more: str, says: str
) -> None:
    edits = [(" set isakmp-profile V1\n", ""), ("crypto ipsec transform-set", f"{more}crypto ipsec transform-set")]
    network = edited(by_ikev1(), SPOKE1=edits)
    (finding,) = [one for one in lint(network) if one.file == "SPOKE1" and one.severity is Severity.ERROR]
    assert says in finding.what
    assert finding.fix == "crypto ipsec profile P\n set isakmp-profile V1"


@pytest.mark.parametrize(("in_tunnel_mode", "severity"), [("HUB", Severity.ERROR), ("SPOKE1", Severity.WARNING)])
def test_by_ikev1_two_modes_are_an_error_where_the_end_in_transport_mode_begins(
    in_tunnel_mode: str, severity: Severity
) -> None:
    """Lint said that both use tunnel mode, and the hub refused its spoke."""
    network = edited(by_ikev1(), **{in_tunnel_mode: [(" mode transport\n", "")]})
    found = [one for one in lint(network) if one.rule == "ipsec-mode-differs"]
    assert {one.severity for one in found} == {severity}, found
    assert all("by IKEv1 nothing comes up where the end in transport mode begins" in one.what for one in found)


def test_what_two_ends_do_not_agree_on_is_named() -> None:
    network = edited(SEALED, SPOKE1=[(" group 19\n!", " group 14\n!")])
    (finding,) = [one for one in lint(network) if one.rule == "ike-proposals-differ"]
    assert finding.what.startswith("Tunnel0 has IKE proposals (encryption ")
    assert "group MODP_2048" in finding.what
    assert finding.fix == "crypto ikev2 proposal P\n encryption aes-cbc-256\n integrity sha256\n group 19"


def test_two_point_to_point_tunnels_are_compared_with_each_other() -> None:
    def end(number: int, nbma: str, other: str, key: int) -> str:
        return (
            f"interface Tunnel0\n ip address 10.9.0.{number} 255.255.255.252\n tunnel source Gi1\n"
            f" tunnel destination {other}\n tunnel key {key}\n!\ninterface Gi1\n ip address {nbma} 255.255.255.252\n"
            f"ip route 0.0.0.0 0.0.0.0 {nbma[:-1]}2\n"
        )

    one, other = end(1, "192.0.2.1", "198.51.100.1", 1), end(2, "198.51.100.1", "192.0.2.1", 2)
    assert bad({"A": one, "B": other}) == [("A", "tunnel-key-differs")]
    assert bad({"A": one, "B": other.replace("key 2", "key 1")}) == []


def test_a_next_hop_that_the_provider_does_not_have_is_told_with_the_one_it_has() -> None:
    provider = {"ISP": "interface GigabitEthernet2\n ip address 203.0.113.254 255.255.255.0\n"}
    assert bad({**CLEAR, **provider}) == []
    network = edited(CLEAR, SPOKE1=[("0.0.0.0 203.0.113.254", "0.0.0.0 203.0.113.253")])
    assert bad(network) == []
    (finding,) = [one for one in lint({**network, **provider}) if one.rule == "static-next-hop-unreachable"]
    assert finding.severity is Severity.WARNING
    assert finding.what.endswith("ISP has 203.0.113.254")


def test_a_route_to_null0_behind_all_others_hides_nothing() -> None:
    route = "ip route 192.168.20.0 255.255.255.0 Null0"
    for line, expected in ((route, ["SPOKE1"]), (f"{route} 89", ["SPOKE1"]), (f"{route} 254", [])):
        network = edited(CLEAR, SPOKE1=[("ip route 0.0.0.0", f"{line}\nip route 0.0.0.0")])
        assert told(network, "static-route-hides-lan") == expected


def test_a_hub_of_one_spoke_may_be_a_stub() -> None:
    network = edited(CLEAR, HUB=[below("router eigrp 100", " eigrp stub connected")])
    assert told({name: network[name] for name in ("HUB", "SPOKE1")}, "eigrp-stub-hub") == []


def test_a_hub_that_maps_another_hub_needs_no_server() -> None:
    network = edited(CLEAR, HUB=[below(" ip nhrp network-id 1", " ip nhrp map 10.0.0.2 198.51.100.2")])
    assert bad(network) == []


def test_a_hub_without_a_way_back_to_its_spokes_is_told() -> None:
    network = edited(CLEAR, HUB=[("ip route 0.0.0.0 0.0.0.0 198.51.100.254\n", "")])
    assert dict.fromkeys(bad(network)) == {("HUB", "nhrp-nbma-unreachable"): None}


def test_phase_1_2_and_3_are_told_apart() -> None:
    for network in (CLEAR, PHASE1, PHASE2, ELECTED):
        assert bad(network) == []


@pytest.mark.lengthy
def test_no_key_or_password_is_in_any_finding() -> None:
    for case in CASES:
        findings = lint(case.bad, case.sites)
        printed = [*as_text(findings), as_json(findings), as_sarif(findings, RULES)]
        assert [(case.rule, word) for word in _SECRETS for text in printed if word in text] == []


@pytest.mark.parametrize(
    "line",
    [
        "crypto isakmp key S3cret adress 10.0.0.1",
        "interface Tunnel0\n ip nhrp authentication S3cret twice",
        "crypto ikev2 keyring K\n peer P\n  pre-shared-kay local S3cret",
        "key chain K\n key 1\n  key-strong 7 S3cret",
        "username admin\nenable secrets 0 S3cret",
        "interface Tunnel0\n ip ospf message-digest-key 1 md5 S3cret again and again",
        "interface Tunnel0\n ip ospf authentication-key S3cret more words",
    ],
)
def test_a_refused_line_does_not_give_its_key_away(line: str) -> None:
    findings = lint({"R1.cfg": line})
    assert any(one.rule in ("line-refused", "line-unknown") for one in findings)
    assert "S3cret" not in as_json(findings)


def test_a_warning_of_the_router_does_not_give_a_password_away_either() -> None:
    text = "interface Tunnel0\n ipv6 nhrp authentication S3cret-of-many-letters\n"
    assert "S3cret" not in as_json(lint({"R1.cfg": text}))


def test_a_router_of_somebody_else_behind_nat_is_not_told_the_other_ones_port() -> None:
    sites = {
        "SPOKE1": Site(nat="cone", public=IPv4Address("192.0.2.1"), ours=False),
        "SPOKE2": Site(nat="cone", public=IPv4Address("192.0.2.2")),
    }
    (finding,) = [one for one in lint(SEALED, sites) if one.rule == "nat-before-both-spokes"]
    assert "SPOKE1 is no router of this program" in finding.what
    assert finding.severity is Severity.ADVICE


def test_findings_come_in_one_order_and_the_worst_first() -> None:
    network = edited(
        CLEAR,
        SPOKE2=[("tunnel key 100", "tunnel key 7"), below(" ip mtu 1400", " keepalive 5 3")],
        SPOKE1=[(" bandwidth 10000\n", ""), ("NHRPKEY", "OTHER")],
    )
    findings = lint(network)
    ranks = [one.severity.rank for one in findings]
    assert ranks == sorted(ranks)
    assert findings == lint(dict(network))
    assert [one.file for one in findings if one.severity is Severity.ERROR] == ["SPOKE1", "SPOKE2"]


def test_sarif_has_what_its_schema_asks_for() -> None:
    findings = lint(edited(CLEAR, SPOKE1=[("tunnel key 100", "tunnel key 7")]))
    log = json.loads(as_sarif(findings, RULES))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "dmvpn lint"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(dict.fromkeys(ids))
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    assert len(run["results"]) == len(findings)
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] in CLEAR
        assert place["physicalLocation"]["region"]["startLine"] >= 1


def test_a_file_name_becomes_a_uri() -> None:
    text = CLEAR["SPOKE1"].replace(" tunnel mode gre multipoint\n", "")
    log = json.loads(as_sarif(lint({"/sites/Köln 1.cfg": text}), RULES))
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "file:///sites/K%C3%B6ln%201.cfg"


def test_a_server_at_the_routers_own_nbma_address_is_the_router_itself() -> None:
    wrong = ("ip nhrp nhs 10.0.0.1\n", "ip nhrp nhs 10.0.0.1 nbma 203.0.113.10 multicast\n")
    found = lint(edited(CLEAR, SPOKE1=[wrong]))
    assert [(one.file, one.what) for one in found if one.rule == "nhrp-map-wrong"] == [
        ("SPOKE1", "10.0.0.1 is HUB, whose tunnel has the source 198.51.100.1, not 203.0.113.10")
    ]
    alone = {"SPOKE1": edited(CLEAR, SPOKE1=[wrong])["SPOKE1"]}
    assert [one.what for one in lint(alone) if one.rule == "nhrp-nhs-self"] == [
        "203.0.113.10 is the source of Tunnel0 itself, not a server's"
    ]


def test_a_next_hop_that_only_a_router_that_is_not_here_may_have_is_not_judged() -> None:
    route = ("ip route 0.0.0.0", "ip route 192.168.77.0 255.255.255.0 10.0.0.77\nip route 0.0.0.0")
    assert [one for one in lint(edited(CLEAR, SPOKE1=[route])) if one.rule == "route-next-hop-nobody"] == []


def test_a_spoke_without_a_default_route_may_learn_one_from_neighbors_that_are_in_no_tunnel() -> None:
    cut = ("ip route 0.0.0.0 0.0.0.0 203.0.113.254\n", "")
    assert ("SPOKE1", "nhrp-nbma-unreachable") in bad(edited(BGP, SPOKE1=[cut]))
    provider = below(" neighbor 10.0.0.1 remote-as 65000", " neighbor 203.0.113.254 remote-as 65500")
    assert bad(edited(BGP, SPOKE1=[cut, provider])) == []
    assert bad(edited(OSPF, SPOKE1=[cut])) == []  # OSPF runs on its LAN, too
    alone = ("router ospf 1\n", "router ospf 1\n passive-interface GigabitEthernet2\n")
    assert bad(edited(OSPF, SPOKE1=[cut, alone])) == [("SPOKE1", "nhrp-nbma-unreachable")]


def test_a_point_to_point_spoke_of_ospf_works_with_the_timers_of_its_only_hub() -> None:
    alone = (" ip ospf network point-to-multipoint", " ip ospf network point-to-point\n ip ospf hello-interval 30")
    assert bad(edited(OSPF, SPOKE1=[alone])) == []
    assert bad(edited(DUAL_OSPF, SPOKE1=[alone])) == [("SPOKE1", "ospf-network-type-differs")]


def test_an_end_of_ospf_is_changed_by_lines_of_its_own_process() -> None:
    """The area of the other end came with the number of the process there, which would have begun a second process."""
    seventh = [("router ospf 1", "router ospf 7"), below(" ip mtu 1400", " ip ospf 7 area 5")]
    (finding,) = found(edited(OSPF, SPOKE1=seventh), "ospf-area-differs")
    assert finding.fix == "interface Tunnel0\n ip ospf 7 area 0"
    at_hub = edited(OSPF, HUB=[("10.0.0.0 0.0.0.255 area 0", "10.0.0.0 0.0.0.255 area 3")])
    assert [(one.file, one.fix) for one in found(at_hub, "ospf-area-differs")] == [
        ("HUB", "interface Tunnel0\n ip ospf 1 area 0")
    ]


def test_keys_of_ospf_are_those_of_packets_wherever_they_are_configured() -> None:
    digest = [below(" ip mtu 1400", " ip ospf authentication message-digest", " ip ospf message-digest-key 1 md5 a")]
    chain = "key chain K\n key 1\n  key-string {}\n  cryptographic-algorithm {}\n!\ninterface Tunnel0"
    chained = below(" ip mtu 1400", " ip ospf authentication key-chain K")
    same = edited(everywhere(OSPF, *digest), SPOKE1=[(digest[0][1], chained[1])])
    assert bad(edited(same, SPOKE1=[("interface Tunnel0", chain.format("a", "md5"))])) == []
    (finding,) = found(
        edited(same, SPOKE1=[("interface Tunnel0", chain.format("b", "md5"))]), "ospf-authentication-differs"
    )
    assert finding.fix.endswith(" ip ospf message-digest-key 1 md5 <secret>")


def test_spokes_that_never_go_directly_need_no_key_for_each_other() -> None:
    narrow = ("address 203.0.113.0 255.255.255.0", "address 203.0.113.99")
    hubward = edited(SEALED, SPOKE1=[narrow, (" ip nhrp shortcut\n", "")])
    assert [one for one in lint(hubward) if one.rule == "ike-key-of-a-pair"] == []


def test_a_server_of_ipv6_without_its_nbma_address_gets_the_line_that_says_it() -> None:
    text = """interface Tunnel0
 ipv6 address 2001:db8::2/64
 ipv6 nhrp network-id 1
 ipv6 nhrp nhs 2001:db8::a
 tunnel source 203.0.113.10
 tunnel mode gre multipoint
"""
    (finding,) = [one for one in lint({"SPOKE": text}) if one.rule == "nhrp-nhs-without-nbma"]
    assert finding.fix.endswith("\n ipv6 nhrp map 2001:DB8::A/128 <nbma-address>")


def test_of_several_processes_the_one_of_the_other_end_is_to_run_on_the_tunnel() -> None:
    """The first one was to, whatever its number."""
    first = "router eigrp 7\n network 192.168.10.1 0.0.0.255\n!\nrouter eigrp 100\n network 192.168.11.0 0.0.0.255\n"
    own = "router eigrp 100\n network 10.0.0.0 0.0.0.255\n network 192.168.10.1 0.0.0.255\n"
    (finding,) = found(edited(CLEAR, SPOKE1=[(own, first)]), "routing-one-sided")
    assert finding.fix == "router eigrp 100\n network 10.0.0.10 0.0.0.0"
