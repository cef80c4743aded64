"""Router advertisements: their octets, when a router sends them, and what hosts make of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import Listen, SendIp, StopListening
from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived, LinkChanged, PlaneAnnounced
from dmvpn.dataplane.contract import EffectError
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.net import ip
from dmvpn.net.discovery import (
    ALL_NODES,
    ALL_ROUTERS,
    AdvertisedPrefix,
    RouterAdvertisement,
    check_solicitation,
)
from dmvpn.net.icmp import closed_icmpv6
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.ipv6 import INFINITE, RouterPreference
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.simulator.node import HostNode
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect

LANGUAGE = configurator(FEATURES)
HERE, HOST = IPv6Address("fe80::5054:ff:fe12:3456"), IPv6Address("fe80::77")
PREFIX = Prefix.parse("2001:db8:3::/64")
PORT = "GigabitEthernet0/2"
TEXT = f"ipv6 unicast-routing\ninterface {PORT}\n ipv6 address 2001:db8:3::1/64\n"
SOLICITATION = bytes((133, 0, 0, 0)) + bytes(4) + b"\1\1\2\0\0\0\0\7"


def router(*lines: str, text: str = TEXT) -> tuple[Workbench, list[Effect]]:
    bench = Workbench(INTERFACE)
    bench.handle(PlaneAnnounced(ipv6=True))
    orders = bench.configure(text + "".join(f" {line}\n" for line in lines))
    orders += bench.handle(LinkChanged(PORT, up=True, hardware_address=bytes.fromhex("525400123456")))
    return bench, orders


def said(orders: list[Effect]) -> list[RouterAdvertisement]:
    """The advertisements among these orders."""
    sent = [one for one in of_type(orders, SendIp) if one.protocol == IpProtocol.ICMPV6]
    assert all((one.interface, one.source, one.destination, one.ttl) == (PORT, HERE, ALL_NODES, 255) for one in sent)
    return [RouterAdvertisement.parse(closed(one.payload), HERE, ALL_NODES, 255) for one in sent]


def closed(octets: bytes, source: IPv6Address = HERE, destination: IPv6Address = ALL_NODES) -> bytes:
    return closed_icmpv6(octets, source, destination)


def solicited(octets: bytes = SOLICITATION, source: IPv6Address = HOST, hop_limit: int = 255) -> IpReceived:
    octets = closed(octets, source, ALL_ROUTERS)
    return IpReceived(PORT, source, ALL_ROUTERS, IpProtocol.ICMPV6, octets, ttl=hop_limit)


def test_a_port_advertises_its_prefixes_three_times_soon_and_then_by_its_interval() -> None:
    bench, orders = router()
    assert Listen(PORT, IpProtocol.ICMPV6, ALL_ROUTERS) in orders
    first = said(orders + bench.advance(0))
    assert first == [
        RouterAdvertisement(
            link_address=bytes.fromhex("525400123456"), mtu=1500, prefixes=(AdvertisedPrefix(PREFIX),), lifetime=1800
        )
    ]
    assert len(said(bench.advance(32))) == 2
    assert len(said(bench.advance(149))) == 0
    assert 4 <= len(said(bench.advance(851))) <= 6


def test_the_lines_say_what_is_advertised() -> None:
    lines = (
        "ipv6 nd prefix default 900 300",
        "ipv6 nd prefix 2001:DB8:3::/64 infinite 600 off-link no-autoconfig",
        "ipv6 nd prefix 2001:DB8:5::/64 no-advertise",
        "ipv6 nd managed-config-flag",
        "ipv6 nd other-config-flag",
        "ipv6 nd router-preference low",
        "ipv6 nd ra lifetime 0",
        "ipv6 nd ra interval 20 10",
    )
    older = "ipv6 nd ra-lifetime 0", "ipv6 nd ra-interval 20 10"
    more = (" ipv6 address 2001:DB8:4::1/64", " ipv6 address 2001:DB8:5::1/64")
    bench, orders = router(*lines, text=TEXT + "\n".join(more) + "\n")
    (one,) = said(orders + bench.advance(0))
    assert (one.managed, one.other, one.preference, one.lifetime) == (True, True, RouterPreference.LOW, 0)
    assert one.prefixes == (
        AdvertisedPrefix(PREFIX, INFINITE, 600, on_link=False, autonomous=False),
        AdvertisedPrefix(Prefix.parse("2001:db8:4::/64"), 900, 300),
    )
    assert 4 <= len(said(bench.advance(80))) <= 8
    bench, orders = router("ipv6 nd prefix default no-onlink no-autoconfig")
    (flagless,) = said(orders + bench.advance(0))
    assert flagless.prefixes == (AdvertisedPrefix(PREFIX, on_link=False, autonomous=False),)
    for typed in (lines, (*lines[:6], *older)):
        rendered = LANGUAGE.parse_text(TEXT + "".join(f" {one}\n" for one in typed)).tree.render()
        assert [line.strip() for line in rendered if line.startswith(" ipv6 nd")] == list(lines)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("ipv6 nd prefix default 300 900", "% The preferred lifetime is not longer than the valid one"),
        ("ipv6 nd prefix default 300 infinite", "% The preferred lifetime is not longer than the valid one"),
        ("ipv6 nd ra interval 40 31", "% The least interval is 30 seconds, three quarters of the most, or shorter"),
    ],
)
def test_times_that_no_advertisement_may_have_are_refused(line: str, complaint: str) -> None:
    (problem,) = LANGUAGE.parse_text(f"{TEXT} {line}\n").problems
    assert problem.message_lines == (complaint,)


def test_a_flood_of_solicitations_costs_an_answer_in_three_seconds() -> None:
    bench, _ = router()
    bench.advance(60)
    orders: list[Effect] = []
    for _ in range(1000):
        orders += bench.handle(solicited())
        orders += bench.advance(0.01)
    assert 3 <= len(said(orders)) <= 5


@pytest.mark.parametrize(
    "message",
    [
        solicited(hop_limit=254),
        solicited(bytes((133, 1, 0, 0)) + bytes(4)),
        solicited(SOLICITATION[:-1]),
        solicited(SOLICITATION[:8] + b"\1\0" + bytes(6)),
        solicited(source=IPv6Address(0)),
        solicited(bytes((134,)) + SOLICITATION[1:]),
        IpReceived(PORT, HOST, ALL_ROUTERS, IpProtocol.ICMPV6, SOLICITATION),  # its checksum is wrong
    ],
)
def test_a_message_that_does_not_come_from_the_link_or_is_no_solicitation_is_not_answered(message: IpReceived) -> None:
    bench, _ = router("ipv6 nd ra suppress")
    assert said(bench.handle(message) + bench.advance(5)) == []
    assert len(said(bench.handle(solicited()) + bench.advance(5))) == 1


def test_a_port_that_is_told_to_keep_silent_says_so_once_and_a_tunnel_or_host_says_nothing() -> None:
    bench, orders = router()
    assert len(said(orders + bench.advance(0))) == 1
    orders = bench.configure(f"{TEXT} ipv6 nd suppress-ra\n")
    assert said(orders + bench.advance(900)) == []
    orders = bench.configure(f"{TEXT} ipv6 nd ra suppress all\n")
    assert StopListening(PORT, IpProtocol.ICMPV6, ALL_ROUTERS) in orders
    assert said(bench.handle(solicited()) + bench.advance(900)) == []
    bench.configure(f"{TEXT} no ipv6 nd ra suppress\n")
    bench.advance(0)
    (last,) = said(bench.configure("no ipv6 unicast-routing"))
    assert (last.lifetime, last.prefixes) == (0, ())
    assert said(bench.advance(900)) == []
    tunnel = (
        "ipv6 unicast-routing\ninterface Tunnel0\n ipv6 address 2001:db8:3::1/64\ninterface Loopback0\n ipv6 enable\n"
    )
    bench, orders = router(text=tunnel)
    assert said(orders + bench.advance(900)) == []


def test_a_host_makes_addresses_of_what_routers_of_its_link_say_and_of_no_more_than_it_can_keep() -> None:
    host = HostNode("H3", [], lambda *_: True, makes_address=True)
    (link_local,) = [address for address, _ in host.addresses_of("eth0")]

    def hears(message: RouterAdvertisement, *, hop_limit: int = 255, source: IPv6Address = HERE) -> list[str]:
        packet = ip.build(
            source=source,
            destination=ALL_NODES,
            protocol=IpProtocol.ICMPV6,
            payload=closed(message.serialize(), source),
            ttl=hop_limit,
        )
        host.arrive("eth0", packet, 0.0)
        return [str(Prefix.of(address, length)) for address, length in host.addresses_of("eth0")[1:]]

    one = AdvertisedPrefix(PREFIX)
    said = RouterAdvertisement(prefixes=(one,))
    assert hears(said, hop_limit=254) == []
    assert hears(said, source=IPv6Address("2001:db8:3::1")) == []
    others = replace(one, autonomous=False), replace(one, prefix=Prefix.parse("2001:db8::/48"))
    assert hears(replace(said, prefixes=(*others, replace(one, prefix=Prefix.parse("fe80::/64"))))) == []
    assert hears(said) == [str(PREFIX)]
    assert int(host.addresses_of("eth0")[1][0]) & (1 << 64) - 1 == int(link_local) & (1 << 64) - 1
    packet = SendIp(None, None, IPv6Address("2001:db8:4::1"), IpProtocol.UDP, bytes(8))
    host.send(packet, 0.0)
    many = [replace(one, prefix=Prefix(IPv6Address((0x20010DB8_0009_0000 + number) << 64), 64)) for number in range(40)]
    assert len(hears(replace(said, prefixes=tuple(many)))) == 16
    assert str(PREFIX) not in hears(replace(said, lifetime=0, prefixes=(replace(one, valid=0, preferred=0),)))
    with pytest.raises(EffectError):
        host.send(packet, 0.0)


prefixes = st.builds(
    lambda number, length, times, on, own: AdvertisedPrefix(
        Prefix.of(IPv6Address(number), length), max(times), min(times), on, own
    ),
    st.integers(0, 2**128 - 1),
    st.integers(0, 128),
    st.tuples(st.integers(0, INFINITE), st.integers(0, INFINITE)),
    st.booleans(),
    st.booleans(),
)


@given(
    st.builds(
        RouterAdvertisement,
        hop_limit=st.integers(0, 255),
        managed=st.booleans(),
        other=st.booleans(),
        preference=st.sampled_from(RouterPreference),
        lifetime=st.integers(0, 65535),
        reachable=st.integers(0, INFINITE),
        retransmit=st.integers(0, INFINITE),
        link_address=st.sampled_from((b"", b"\2\0\0\0\0\1")),
        mtu=st.one_of(st.none(), st.integers(0, INFINITE)),
        prefixes=st.lists(prefixes, max_size=5).map(tuple),
    )
)
def test_an_advertisement_is_read_as_it_was_written(message: RouterAdvertisement) -> None:
    assert RouterAdvertisement.parse(closed(message.serialize()), HERE, ALL_NODES, 255) == message


@given(st.binary(max_size=120), st.integers(0, 255))
@example(bytes((134, 0)) + bytes(14) + b"\3\4\x81", 255)
@example(bytes((134, 0)) + bytes(14) + b"\3\4\x81" + bytes(29), 255)
def test_no_octets_break_the_reading(octets: bytes, hop_limit: int) -> None:
    for data in (octets, closed(octets) if len(octets) >= 4 else octets):
        for read in (
            lambda one: RouterAdvertisement.parse(one, HERE, ALL_NODES, hop_limit),
            lambda one: check_solicitation(one, HERE, ALL_NODES, hop_limit),
        ):
            with suppress(WireError):
                read(data)


def test_a_prefix_whose_address_ends_with_the_ports_identifier_is_advertised() -> None:
    bench, orders = router(text=f"ipv6 unicast-routing\ninterface {PORT}\n ipv6 address 2001:db8:3::/64 eui-64\n")
    assert [one.prefix for message in said(orders + bench.advance(0)) for one in message.prefixes] == [PREFIX]
