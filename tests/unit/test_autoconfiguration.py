"""`ipv6 address autoconfig`, `anycast` and `ipv6 unnumbered`: addresses of a port that its own lines do not spell."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import Effect, Listen, NextHop, SendIp, SetInterface, StopListening
from dmvpn.base.events import IpReceived, LinkChanged, PlaneAnnounced
from dmvpn.base.notices import RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.vrf import FEATURE as VRF
from dmvpn.net.discovery import ALL_NODES, ALL_ROUTERS, AdvertisedPrefix, RouterAdvertisement, check_solicitation
from dmvpn.net.icmp import closed_icmpv6
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.ipv6 import INFINITE, RouterPreference
from support.workbench import Workbench, of_type

PORT, LAN = "GigabitEthernet0/1", "GigabitEthernet0/2"
OWN, ROUTER, OTHER = IPv6Address("fe80::5054:ff:fe12:3456"), IPv6Address("fe80::1"), IPv6Address("fe80::2")
PREFIX = AdvertisedPrefix(Prefix.parse("2001:db8:5::/64"), valid=86_400, preferred=14_400)
ADDRESS = (IPv6Address("2001:db8:5::5054:ff:fe12:3456"), 64)
EVERYWHERE = Prefix.parse("::/0")
TEXT = f"interface {PORT}\n ipv6 address autoconfig default\ninterface {LAN}\n ipv6 address 2001:db8:1::1/64\n"


def router(text: str = TEXT, *, manages: bool = True) -> tuple[Workbench, list[Effect]]:
    bench = Workbench(INTERFACE, VRF)
    bench.ports.manages = manages
    bench.handle(PlaneAnnounced(ipv6=True, manages=manages))
    orders = bench.configure(text)
    orders += bench.handle(LinkChanged(PORT, up=True, hardware_address=bytes.fromhex("525400123456")))
    return bench, orders


def said(
    *prefixes: AdvertisedPrefix, source: IPv6Address = ROUTER, port: str = PORT, lifetime: int = 1800, hops: int = 255
) -> IpReceived:
    message = RouterAdvertisement(prefixes=prefixes, lifetime=lifetime).serialize()
    return heard(message, source, port, hops)


def heard(message: bytes, source: IPv6Address = ROUTER, port: str = PORT, hops: int = 255) -> IpReceived:
    octets = closed_icmpv6(message, source, ALL_NODES)
    return IpReceived(port, source, ALL_NODES, IpProtocol.ICMPV6, octets, ttl=hops)


def take(bench: Workbench, event: IpReceived) -> list[Effect]:
    return [*bench.handle(event), *bench.advance(3)]


def addresses(bench: Workbench, port: str = PORT) -> tuple[tuple[IPv6Address, int], ...]:
    state = bench.ports.interfaces.get(port)
    assert state is not None
    return state.routed(6)  # type: ignore[return-value]


def way(bench: Workbench) -> NextHop | None:
    """The next hop of the default route that is offered now."""
    found = None
    for notice in bench.notices:
        if isinstance(notice, RouteOffered) and notice.route.source is RouteSource.ND:
            assert (notice.route.prefix, notice.route.distance) == (EVERYWHERE, 2)
            found = notice.route.next_hops[0]
        elif isinstance(notice, RouteRetracted):
            found = None
    return found


def test_a_port_asks_three_times_and_takes_an_address_and_a_default_route() -> None:
    bench, orders = router()
    assert Listen(PORT, IpProtocol.ICMPV6, ALL_NODES) in orders
    asked = [one for one in of_type(orders + bench.advance(60), SendIp) if one.destination == ALL_ROUTERS]
    assert [(one.interface, one.source, one.ttl) for one in asked] == [(PORT, OWN, 255)] * 3
    check_solicitation(closed_icmpv6(asked[0].payload, OWN, ALL_ROUTERS), OWN, ALL_ROUTERS, 255)
    orders = take(bench, said(PREFIX))
    assert addresses(bench) == (ADDRESS,)
    assert ADDRESS in of_type(orders, SetInterface)[-1].addresses
    assert way(bench) == NextHop(PORT, ROUTER)


def test_a_show_has_what_a_router_of_the_link_says() -> None:
    bench, _ = router()
    forever = replace(PREFIX, valid=INFINITE, preferred=INFINITE, autonomous=False)
    message = RouterAdvertisement(reachable=30_000, mtu=1400, managed=True, prefixes=(PREFIX, forever))
    take(bench, heard(message.serialize()))
    bench.advance(120)
    assert bench.show("show ipv6 routers") == [
        f"Router FE80::1 on {PORT}, last update 2 min",
        "  Hops 64, Lifetime 1800 sec, AddrFlag=1, OtherFlag=0, MTU=1400",
        "  HomeAgentFlag=0, Preference=Medium",
        "  Reachable time 30000 msec, Retransmit time 0 (unspecified)",
        "  Prefix 2001:DB8:5::/64 onlink autoconfig",
        "    Valid lifetime 86400, preferred lifetime 14400",
        "  Prefix 2001:DB8:5::/64 onlink",
        "    Valid lifetime -1, preferred lifetime -1",
    ]
    shown = bench.show(f"show ipv6 interface {PORT}")
    assert "    2001:DB8:5:0:5054:FF:FE12:3456, subnet is 2001:DB8:5::/64 [EUI/CAL/PRE]" in shown
    assert "      valid lifetime 86277 preferred lifetime 14277" in shown


def test_a_router_that_answers_is_not_asked_again() -> None:
    bench, _ = router()
    bench.advance(1)
    bench.handle(said(PREFIX))
    assert not [one for one in of_type(bench.advance(60), SendIp) if one.destination == ALL_ROUTERS]


def test_without_default_there_is_no_default_route_until_the_word_is_added() -> None:
    bench, _ = router(f"interface {PORT}\n ipv6 address autoconfig\n")
    take(bench, said(PREFIX))
    assert addresses(bench) == (ADDRESS,)
    assert way(bench) is None
    bench.configure(f"interface {PORT}\n ipv6 address autoconfig default\n")
    bench.advance(1)
    assert way(bench) == NextHop(PORT, ROUTER)


def test_without_the_line_advertisements_count_for_nothing() -> None:
    bench, _ = router(f"interface {PORT}\n ipv6 enable\n")
    take(bench, said(PREFIX))
    assert addresses(bench) == ()


def test_where_the_host_has_its_own_ports_its_kernel_does_it() -> None:
    bench, orders = router(manages=False)
    assert not of_type(orders, Listen)
    take(bench, said(PREFIX))
    assert addresses(bench) == ()


def test_the_port_that_goes_down_forgets_all_of_it() -> None:
    bench, _ = router()
    take(bench, said(PREFIX))
    orders = bench.handle(LinkChanged(PORT, up=False, hardware_address=bytes.fromhex("525400123456")))
    assert addresses(bench) == ()
    assert way(bench) is None
    assert StopListening(PORT, IpProtocol.ICMPV6, ALL_NODES) in orders


def test_the_line_that_is_removed_takes_address_and_route_with_it() -> None:
    bench, _ = router()
    take(bench, said(PREFIX))
    bench.configure(f"interface {PORT}\n no ipv6 address autoconfig default\n")
    assert bench.ports.interfaces.get(PORT).ipv6 is None  # type: ignore[union-attr]
    assert way(bench) is None


def test_an_address_ends_with_its_lifetime_and_the_route_with_that_of_the_router() -> None:
    bench, _ = router()
    take(bench, said(replace(PREFIX, valid=7300, preferred=100)))
    bench.advance(1790)
    assert way(bench) is not None
    bench.advance(20)
    assert way(bench) is None
    assert addresses(bench) == (ADDRESS,)
    bench.advance(6000)
    assert addresses(bench) == ()


def test_no_advertisement_shortens_what_is_left_of_an_address_below_two_hours() -> None:
    """Anyone on the link could else take the address away at once."""
    bench, _ = router()
    take(bench, said(PREFIX))
    take(bench, said(replace(PREFIX, valid=0, preferred=0)))
    bench.advance(7100)
    assert addresses(bench) == (ADDRESS,)
    bench.advance(200)
    assert addresses(bench) == ()


def test_an_address_that_is_to_be_used_no_longer_comes_last() -> None:
    """A provider changes its prefix: packets of the router itself leave with the new address."""
    bench, _ = router()
    new = AdvertisedPrefix(Prefix.parse("2001:db8:6::/64"))
    take(bench, said(PREFIX))
    take(bench, said(replace(PREFIX, preferred=0), new))
    assert [own for own, _ in addresses(bench)] == [IPv6Address("2001:db8:6::5054:ff:fe12:3456"), ADDRESS[0]]


def test_the_router_of_the_best_preference_is_the_next_hop() -> None:
    bench, _ = router()
    take(bench, said(PREFIX))
    take(bench, said(source=OTHER))
    assert way(bench) == NextHop(PORT, ROUTER)  # both are of medium preference: the first one stays
    take(bench, heard(RouterAdvertisement(preference=RouterPreference.HIGH).serialize(), OTHER))
    assert way(bench) == NextHop(PORT, OTHER)
    take(bench, said(source=OTHER, lifetime=0))
    assert way(bench) == NextHop(PORT, ROUTER)


def test_what_cannot_be_an_address_of_the_link_is_ignored() -> None:
    bench, _ = router()
    for prefix in ("fe80::/64", "ff02::/64", "2001:db8:5::/56", "::ffff:0:0/96", "2001:db8:1::/64"):
        take(bench, said(replace(PREFIX, prefix=Prefix.parse(prefix))))  # the last one is that of the other port
    take(bench, said(replace(PREFIX, autonomous=False)))
    take(bench, said(replace(PREFIX, valid=0, preferred=0)))
    take(bench, said(PREFIX, hops=254))
    take(bench, said(PREFIX, port=LAN))
    assert addresses(bench) == ()


def test_a_flood_of_routers_and_prefixes_is_bounded() -> None:
    bench, _ = router()
    take(bench, said(PREFIX))
    orders: list[Effect] = []
    for number in range(300):
        prefix = Prefix.of(IPv6Address((0x20010DB8 << 96) + (number + 64 << 64)), 64)
        one = AdvertisedPrefix(prefix, preferred=number % 2)
        orders += bench.handle(said(one, source=IPv6Address((0xFE80 << 112) + 256 + number)))
        orders += bench.handle(said(replace(PREFIX, preferred=0), lifetime=number % 2))
    assert len(of_type(orders, SetInterface)) <= 1  # no time has passed
    assert len(of_type(orders + bench.advance(3), SetInterface)) <= 2
    assert len(addresses(bench)) == 16
    assert ADDRESS in addresses(bench)


def test_two_ports_that_hear_a_prefix_at_once_do_not_both_take_it() -> None:
    bench, _ = router(TEXT.replace("2001:db8:1::1/64", "autoconfig"))
    bench.handle(LinkChanged(LAN, up=True, hardware_address=bytes.fromhex("525400123457")))
    bench.handle(said(PREFIX))
    take(bench, said(PREFIX, port=LAN))
    assert (addresses(bench), addresses(bench, LAN)) == ((ADDRESS,), ())


def test_a_lender_and_its_borrower_are_removed_together() -> None:
    """The second one was removed by the first one, and the router ended."""
    bench, _ = router()
    bench.configure(
        "interface Loopback0\n ipv6 address 2001:db8::1/128\ninterface Tunnel5\n ipv6 unnumbered Loopback0\n"
    )
    bench.configure("no interface Loopback0\nno interface Tunnel5\n")
    assert bench.ports.interfaces.get("Tunnel5") is None


@given(st.binary(max_size=120))
def test_no_octets_harm_it(octets: bytes) -> None:
    bench, _ = router()
    take(bench, heard(bytes((134, 0)) + octets))
    take(bench, heard(bytes((134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0)) + octets))


def test_an_anycast_address_comes_last() -> None:
    lines = " ipv6 address 2001:db8:9::/64 anycast\n ipv6 address 2001:db8:9::7/64\n"
    bench, _ = router(f"interface {PORT}\n{lines}")
    assert addresses(bench) == ((IPv6Address("2001:db8:9::7"), 64), (IPv6Address("2001:db8:9::"), 64))


def test_the_address_of_another_interface_stands_for_one_without() -> None:
    lend = "interface Loopback0\n ipv6 address {}/128\n"
    borrow = f"interface {PORT}\n ipv6 unnumbered Loopback0\n"
    bench, _ = router(borrow + lend.format("2001:db8::1"))
    state = bench.ports.interfaces.get(PORT)
    assert state is not None
    assert (state.routed(6), state.primary(6)) == ((), IPv6Address("2001:db8::1"))
    bench.configure("interface Loopback0\n no ipv6 address 2001:db8::1/128\n ipv6 address 2001:db8::2/128\n")
    state = bench.ports.interfaces.get(PORT)
    assert state is not None
    assert state.primary(6) == IPv6Address("2001:db8::2")
    bench.configure("vrf definition RED\n address-family ipv6\ninterface Loopback0\n vrf forwarding RED\n")
    bench.configure("interface Loopback0\n ipv6 address 2001:db8::2/128\n")
    assert bench.ports.interfaces.get(PORT).primary(6) is None  # type: ignore[union-attr]
    bench.configure("interface Loopback0\n no vrf forwarding\n ipv6 address 2001:db8::2/128\n")
    assert bench.ports.interfaces.get(PORT).primary(6) == IPv6Address("2001:db8::2")  # type: ignore[union-attr]
    bench.configure("no interface Loopback0\n")
    assert bench.ports.interfaces.get(PORT).primary(6) is None  # type: ignore[union-attr]
