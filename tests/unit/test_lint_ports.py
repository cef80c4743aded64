"""Lint of access lists on ports: which protocols they deny, and where it says nothing because something may pass."""

from __future__ import annotations

import pytest

from dmvpn.tools.lint import lint

_TUNNEL = """\
interface Tunnel0
 ip address 10.0.0.10 255.255.255.0
 ip access-group L in
"""
_LIST = "ip access-list extended L\n"


def told(rule: str, text: str) -> list[str]:
    return [one.what for one in lint({"R.cfg": text}) if one.rule == rule]


def denied(protocol: str, *entries: str) -> list[str]:
    return told("list-denies-protocol", _TUNNEL + protocol + _LIST + "".join(f" {one}\n" for one in entries))


_EIGRP = "router eigrp 1\n network 10.0.0.0 0.0.0.255\n"
_TIMES = "time-range T\n periodic daily 8:00 to 9:00\n"
_OSPF = "router ospf 1\n network 10.0.0.0 0.0.0.255 area 0\n"
_RIP = "router rip\n version 2\n network 10.0.0.0\n"
_BGP = "router bgp 1\n neighbor 10.0.0.1 remote-as 1\n"


@pytest.mark.parametrize(
    ("protocol", "entries", "expected"),
    [
        (_EIGRP, ("permit tcp any any",), "the end of L denies what neighbors of EIGRP 1 send on Tunnel0"),
        (_EIGRP, ("deny eigrp any any", "permit ip any any"), "entry 10 of L denies what neighbors of EIGRP 1"),
        (_OSPF, ("permit icmp any any", "deny ip 10.0.0.0 0.255.255.255 any", "permit ip any any"), "entry 20 of L"),
        (_RIP, ("permit udp any any eq bootps",), "the end of L denies what neighbors of RIP send"),
        (_BGP, ("permit icmp any any",), "the end of L denies the connection to the BGP neighbor 10.0.0.1 on Tunnel0"),
    ],
)
def test_a_list_that_denies_all_that_neighbors_send_is_named_with_the_entry(
    protocol: str, entries: tuple[str, ...], expected: str
) -> None:
    (what,) = denied(protocol, *entries)
    assert what.startswith(expected)


@pytest.mark.parametrize(
    ("protocol", "entries"),
    [
        (_EIGRP, ("permit eigrp any any",)),
        (_EIGRP, ("permit eigrp host 10.0.0.1 any",)),
        (_EIGRP, ("deny eigrp host 10.0.0.1 any", "permit ip any any")),
        (
            f"{_EIGRP}time-range T\n periodic daily 8:00 to 9:00\n",
            ("deny eigrp any any time-range T", "permit ip any any"),
        ),
        (_EIGRP + " passive-interface Tunnel0\n", ("permit tcp any any",)),
        (_OSPF, ("permit ospf any host 224.0.0.5",)),
        (_RIP, ("permit udp any eq rip any",)),
        (_BGP, ("permit tcp any any established",)),
        (_BGP, ("permit tcp host 10.0.0.1 any eq bgp",)),
        (_BGP.replace("10.0.0.1", "172.16.0.1"), ("permit icmp any any",)),
    ],
)
def test_nothing_is_said_if_some_neighbor_may_be_heard(protocol: str, entries: tuple[str, ...]) -> None:
    assert denied(protocol, *entries) == []


@pytest.mark.parametrize(
    "process",
    [
        "router eigrp 1\n address-family ipv4 vrf RED autonomous-system 1\n  network 10.0.0.0\n",
        "router eigrp X\n address-family ipv4 unicast vrf RED autonomous-system 1\n  network 10.0.0.0\n",
        "router ospf 1 vrf RED\n network 10.0.0.0 0.0.0.255 area 0\n",
        "router rip\n address-family ipv4 vrf RED\n  network 10.0.0.0\n",
        "router bgp 1\n address-family ipv4 vrf RED\n  neighbor 10.0.0.1 remote-as 1\n",
    ],
)
def test_a_list_in_a_vrf_that_denies_the_protocol_of_its_vrf_is_named(process: str) -> None:
    """Nothing was said, and the tunnel had no neighbor."""
    vrf = "vrf definition RED\n rd 1:1\n address-family ipv4\n"
    tunnel = _TUNNEL.replace("Tunnel0\n", "Tunnel0\n vrf forwarding RED\n")
    assert len(told("list-denies-protocol", f"{vrf}{tunnel}{process}{_LIST} permit icmp any any\n")) == 1
    elsewhere = process.replace("RED", "BLUE")
    assert told("list-denies-protocol", f"{vrf}{tunnel}{elsewhere}{_LIST} permit icmp any any\n") == []


def test_the_fix_comes_before_the_entry_that_denies() -> None:
    text = _TUNNEL + _BGP + _LIST + " permit icmp any any\n deny tcp any any\n permit ip any any\n"
    (finding,) = (one for one in lint({"R.cfg": text}) if one.rule == "list-denies-protocol")
    assert finding.fix == (
        "ip access-list extended L\n 15 permit tcp host 10.0.0.1 any eq bgp\n 16 permit tcp host 10.0.0.1 eq bgp any"
    )
    fixed = text + finding.fix + "\n"
    assert told("list-denies-protocol", fixed) == []


def test_bfd_is_a_protocol_of_the_port() -> None:
    tunnel = _TUNNEL + " bfd interval 1000 min_rx 1000 multiplier 5\n"
    text = tunnel + _EIGRP + " bfd all-interfaces\n" + _LIST + " permit eigrp any any\n"
    (what,) = told("list-denies-protocol", text)
    assert what == "the end of L denies the packets of BFD on Tunnel0"
    assert told("list-denies-protocol", text + " permit udp any any eq 3784\n") == []


# ------------------------------------------------------------------------------------------------ other rules

_WAN = """\
interface GigabitEthernet1
 ip address 192.0.2.2 255.255.255.0
 {line}
interface GigabitEthernet2
 ip address 198.51.100.2 255.255.255.0
interface Tunnel0
 ip address 10.0.0.10 255.255.255.0
 ip nhrp network-id 1
 ip nhrp nhs 10.0.0.1 nbma 203.0.113.1 multicast
 tunnel source GigabitEthernet1
 tunnel mode gre multipoint
"""
_VERIFY = "ip verify unicast source reachable-via "
_BY_1, _BY_2 = "ip route 0.0.0.0 0.0.0.0 192.0.2.1\n", "ip route 0.0.0.0 0.0.0.0 198.51.100.1\n"


@pytest.mark.parametrize(
    ("words", "routes", "why"),
    [
        ("rx", _BY_1, "only the default route leads to it"),
        ("any", _BY_1, "only the default route leads to it"),
        ("rx allow-default", _BY_1, ""),
        ("any allow-default", _BY_2, ""),
        ("rx allow-default", _BY_2, "the route to it leads out of GigabitEthernet2"),
        ("rx", _BY_2 + "ip route 203.0.113.0 255.255.255.0 192.0.2.1\n", ""),
        ("any", "", "no route leads to it"),
        ("rx", _BY_1 + "router ospf 1\n network 192.0.2.0 0.0.0.255 area 0\n", ""),
    ],
)
def test_a_check_of_senders_that_drops_the_server_is_named(words: str, routes: str, why: str) -> None:
    found = told("verify-source-drops-peers", _WAN.format(line=_VERIFY + words) + routes)
    assert [what.partition(": ")[2].partition(",")[0] for what in found] == ([why] if why else [])


def test_a_list_without_entries_is_named_as_one_that_lets_all_pass() -> None:
    text = "interface GigabitEthernet1\n ip access-group L in\n ip access-group M out\nip access-list extended L\n"
    assert told("access-group-undefined", text) == [
        "GigabitEthernet1 filters packets in by the access list L, which has no entry: all of them pass",
        "GigabitEthernet1 filters packets out by the access list M, which is not configured: all of them pass",
    ]


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        (("permit esp any any", "permit udp any any eq isakmp", "permit icmp any any"), 1),
        (("permit icmp any any",), 0),
        (("permit esp any any", "permit udp any any"), 0),
        (("permit gre any any", "permit eigrp any any"), 0),
        (("deny esp any any", "permit ip any any"), 0),
    ],
)
def test_a_list_for_the_port_of_the_provider_is_noticed_on_a_tunnel(entries: tuple[str, ...], count: int) -> None:
    assert len(told("list-other-side", _TUNNEL + _LIST + "".join(f" {one}\n" for one in entries))) == count


_PORT = "interface GigabitEthernet1\n ip address 192.0.2.2 255.255.255.0\n ip access-group 101 {}\n"


@pytest.mark.parametrize(
    ("direction", "entry", "count"),
    [
        ("out", "permit esp any host 192.0.2.2", 1),
        ("out", "permit ip host 192.0.2.2 any", 0),  # after NAT
        ("in", "permit ip host 192.0.2.2 any", 1),
        ("in", "deny ip host 192.0.2.2 any", 0),  # forged senders
        ("in", "permit esp any host 192.0.2.2", 0),
        ("out", "permit esp any host 192.0.2.3", 0),
    ],
)
def test_an_entry_about_the_ports_own_address_in_the_wrong_direction_is_noticed(
    direction: str, entry: str, count: int
) -> None:
    assert len(told("list-other-direction", f"{_PORT.format(direction)}access-list 101 {entry}\n")) == count


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        (
            "access-list 10 permit 192.168.1.0 255.255.255.0",
            "ip access-list standard 10\n no 10\n 10 permit 192.168.1.0 0.0.0.255",
        ),
        (
            "access-list 101 permit ip any 10.0.0.0 255.0.0.0",
            "ip access-list extended 101\n no 10\n 10 permit ip any 10.0.0.0 0.255.255.255",
        ),
        ("access-list 10 permit 0.0.0.1 255.255.255.0", ""),
        ("access-list 10 permit 0.0.0.0 255.255.255.0", ""),
        ("access-list 10 permit 10.0.0.0 0.255.0.255", ""),
        ("access-list 101 permit ip 0.0.0.0 255.255.255.255 any", ""),
    ],
)
def test_a_mask_behind_a_network_is_noticed_and_other_wildcards_are_not(line: str, fix: str) -> None:
    assert [one.fix for one in lint({"R.cfg": f"{line}\n"}) if one.rule == "list-mask-not-wildcard"] == [fix] * bool(
        fix
    )


def test_a_list_that_any_line_names_counts_as_used() -> None:
    """`snmp-server` is a line upon which nothing here acts, and it uses the list."""
    port = "interface GigabitEthernet1\n ip address 192.0.2.2 255.255.255.0\n"
    lists = (
        "ip access-list standard NMS\n permit 192.0.2.1\nobject-group network G\n host 192.0.2.1\n"
        "time-range T\n absolute start 08:00 1 January 2026\n"
    )
    assert told("list-unused", f"{port}{lists}") == [
        "no line names the access list NMS",
        "no line names the object group G",
        "no line names the time range T",
    ]
    used = "snmp-server community c RO NMS\nip access-list extended X\n permit ip object-group G any time-range T\n"
    assert told("list-unused", f"{port}{lists}{used}") == ["no line names the access list X"]
    assert told("list-unused", lists) == [], "an excerpt"
    groups = "".join(f"object-group network G{number}\n host 192.0.2.1\n" for number in range(7))
    assert told("list-unused", port + groups) == ["no line names the object groups G0, G1, G2, G3, G4 and 2 more"]
