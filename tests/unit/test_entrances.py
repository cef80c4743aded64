"""Which entry of the router's own inbound lists keeps out what a tunnel needs from its peer."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final

import pytest

from dmvpn.base.addresses import OuterAddress, Prefix
from dmvpn.base.effects import NextHop
from dmvpn.base.entrances import Entrances, Outer, surely_denied
from dmvpn.base.filters import END_OF_LIST, FilterList
from dmvpn.base.notices import Route, RouteSource
from dmvpn.base.protection import Connection
from dmvpn.features.policy.machine import filter_list
from dmvpn.network.device import Device
from dmvpn.tools.lint.rules.cut_tunnels import permitting_lines
from support.fakes import FakeFilters, FakeRib, fake_ports, up

OWN, PEER, OTHER = IPv4Address("198.51.100.1"), IPv4Address("203.0.113.2"), IPv4Address("203.0.113.3")
PORT: Final = "GigabitEthernet0/0"
ENDS: Final = (OuterAddress(OWN), PEER)


def listed(*entries: str) -> FilterList:
    """Return an extended list with these lines."""
    text = "\n ".join(("ip access-list extended WAN-IN", *entries))
    found = filter_list(Device.read("R", f"{text}\n").policy, "WAN-IN")
    assert found is not None
    return found


def entrances(*entries: str, own: str = PORT, port: str = PORT) -> Entrances:
    """Return what a router with this list on a port asks. own: the interface with its address."""
    ports = fake_ports(up(own, str(OWN)))
    ports.filters = FakeFilters({port: listed(*entries)})
    hop = NextHop(PORT, IPv4Address("198.51.100.254"))
    default = Route(prefix=Prefix.parse("0.0.0.0/0"), source=RouteSource.STATIC, distance=1, next_hops=(hop,))
    ports.rib = FakeRib([default])
    return Entrances(ports)


@pytest.mark.parametrize(
    ("entries", "what", "sequence"),
    [
        (("permit esp any any",), Outer.ESP, None),
        (("permit esp any any",), Outer.IKE, END_OF_LIST),
        (("permit udp any any eq isakmp", "deny ip host 203.0.113.2 any", "permit ip any any"), Outer.IKE, None),
        (("permit udp any any eq isakmp", "deny ip host 203.0.113.2 any", "permit ip any any"), Outer.ESP, 20),
        (("deny esp host 203.0.113.3 any", "permit ip any any"), Outer.ESP, None),
        (("deny udp any any eq non500-isakmp", "permit ip any any"), Outer.IN_UDP, 10),
        (("permit gre host 203.0.113.2 host 198.51.100.1",), Outer.GRE, None),
        (("deny esp any any fragments", "permit esp any any"), Outer.ESP, None),
    ],
)
def test_the_entry_that_denies_a_packet_of_a_tunnel_is_found(
    entries: tuple[str, ...], what: Outer, sequence: int | None
) -> None:
    denied = entrances(*entries).denial(what, ENDS)
    assert (denied.sequence if denied is not None else None) == sequence


def test_a_denial_says_which_list_entry_port_and_peer_it_is_about() -> None:
    by_entry = entrances("deny esp any any", "permit ip any any").denial(Outer.ESP, ENDS)
    assert str(by_entry) == f"access list WAN-IN, entry 10, inbound on {PORT}, denies ESP from {PEER}"
    by_end = entrances("permit icmp any any").denial(Outer.IKE, ENDS)
    assert str(by_end) == (
        f"access list WAN-IN, the implicit deny at its end, inbound on {PORT}, denies IKE (UDP port 500) from {PEER}"
    )


def test_a_list_of_another_port_denies_nothing_and_that_of_the_way_to_a_loopback_does() -> None:
    assert entrances("permit icmp any any", port="GigabitEthernet0/9").denial(Outer.ESP, ENDS) is None
    assert entrances("permit icmp any any", own="Loopback0").denial(Outer.ESP, ENDS) is not None


def test_ipv6_addresses_are_not_denied_by_lists_of_ipv4() -> None:
    assert entrances("permit icmp any any").denial(Outer.ESP, (OuterAddress(IPv6Address("2001:db8::1")), PEER)) is None


def test_a_changed_list_is_asked_anew() -> None:
    ports = fake_ports(up(PORT, str(OWN)))
    asked, filters = Entrances(ports), FakeFilters({PORT: listed("deny esp any any")})
    ports.filters = filters
    assert asked.denial(Outer.ESP, ENDS) is not None
    filters.lists[PORT] = listed("permit esp any any")
    assert asked.denial(Outer.ESP, ENDS) is None


def to_peer(**more: bool | int) -> Connection:
    return Connection(number=1, local=OWN, remote=PEER, identity="", profile="P", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entries", "connection", "what"),
    [
        (("permit esp any any",), None, Outer.IKE),
        (("permit udp any any eq 500", "permit esp any any"), None, None),
        (("permit udp any any eq 500", "permit udp any any eq 4500"), None, None),
        (("permit udp any any eq 500",), None, Outer.ESP),
        (("permit udp any any eq 4500",), to_peer(), Outer.ESP),
        (("permit esp any any",), to_peer(local_port=4500, remote_port=4500), None),
        (("permit icmp any any",), to_peer(local_port=4500, remote_port=4500), Outer.ESP),
        (("permit esp any any",), to_peer(local_port=4500, remote_port=4500, nat=True), Outer.IN_UDP),
    ],
)
def test_a_tunnel_is_cut_where_no_way_is_left(
    entries: tuple[str, ...], connection: Connection | None, what: Outer | None
) -> None:
    denied = entrances(*entries).cut(ENDS, connection)
    assert (denied.what if denied is not None else None) == what


@pytest.mark.parametrize(
    ("entries", "local", "remote", "sequence"),
    [
        (("permit esp host 203.0.113.3 any",), OWN, None, None),
        (("deny esp host 203.0.113.3 any", "permit ip any any"), OWN, None, None),
        (("deny esp any any", "permit ip any any"), None, None, 10),
        (("deny esp any host 198.51.100.1", "permit ip any any"), None, PEER, None),
        (("permit esp any host 192.0.2.1",), OWN, PEER, END_OF_LIST),
        (("permit esp any host 192.0.2.1",), None, PEER, None),
    ],
)
def test_with_unknown_addresses_only_what_is_denied_for_all_of_them_is_denied(
    entries: tuple[str, ...], local: IPv4Address | None, remote: IPv4Address | None, sequence: int | None
) -> None:
    assert surely_denied(listed(*entries), Outer.ESP, local, remote) == sequence


def test_a_line_that_lets_a_peer_in_is_before_the_denial_and_about_no_more_addresses_than_that() -> None:
    for_all = listed("permit udp any any eq isakmp", "deny esp any any")
    assert permitting_lines(for_all, [(Outer.ESP, 20)], [PEER])[-1] == "15 permit esp any any"
    assert (
        permitting_lines(listed("permit icmp any any"), [(Outer.GRE, END_OF_LIST)], [PEER])[-1] == "permit gre any any"
    )
    for_one = listed("deny esp host 203.0.113.2 any", "permit ip any any")
    assert permitting_lines(for_one, [(Outer.ESP, 10)], [PEER])[-1] == f"5 permit esp host {PEER} any"
    of_group = "object-group network BAD\n host 203.0.113.2\n host 203.0.113.3\n!\n"
    text = f"{of_group}ip access-list extended WAN-IN\n deny esp object-group BAD any\n permit ip any any\n"
    by_group = filter_list(Device.read("R", text).policy, "WAN-IN")
    assert by_group is not None
    assert permitting_lines(by_group, [(Outer.ESP, 10)], [PEER])[-1] == f"5 permit esp host {PEER} any"


def test_lines_let_in_all_that_peers_need_and_only_these_peers_where_the_list_names_its_peers() -> None:
    needs, other = [(Outer.IKE, 50), (Outer.ESP, 50)], IPv4Address("203.0.113.9")
    of_hosts = listed("10 permit esp host 203.0.113.3 any", "50 deny ip any any")
    assert permitting_lines(of_hosts, needs, [PEER, other])[1:] == (
        f"45 permit udp host {PEER} any eq isakmp",
        f"46 permit esp host {PEER} any",
        "47 permit udp host 203.0.113.9 any eq isakmp",
        "48 permit esp host 203.0.113.9 any",
    )
    management = listed("10 permit tcp host 203.0.113.3 any eq 22", "50 deny ip any any")
    assert permitting_lines(management, needs, [PEER])[1:] == (
        "45 permit udp any any eq isakmp",
        "46 permit esp any any",
    )
    for_one_peer = listed("46 permit esp host 203.0.113.3 any", "50 deny ip any any")
    assert len(permitting_lines(for_one_peer, needs, [PEER, other])) == 1 + len(needs)


def test_where_no_number_is_free_before_the_denial_no_line_is_given() -> None:
    crowded = listed("9 permit icmp any any", "10 deny esp any any")
    assert permitting_lines(crowded, [(Outer.ESP, 10)], [PEER]) == ()
