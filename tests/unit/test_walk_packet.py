"""Sizes on a walk, held against the code that really cuts and seals; bad wires; translators whose flows nobody sees."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import UserError
from dmvpn.features.ipsec.facts import SaFacts
from dmvpn.features.rib.facts import OfferFacts, RouteFacts
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.shells.facts import GatewayFacts, GreFlow, LabFacts, LinkFacts
from dmvpn.tools.walk import Budget, Clamp, WalkOutcome
from dmvpn.tools.walk.overlay import Overlay, suite_of
from dmvpn.tools.walk.packet import Packet, Wrapping, pieces
from dmvpn.tools.walk.view import Match, View, remark, stopped
from dmvpn.tools.walk.walk import with_mss
from dmvpn.tools.walk.wording import header, why_this_route

HERE, THERE = IPv4Address("192.0.2.1"), IPv4Address("198.51.100.2")


def sa(transform: str, *, transport: bool = True, port: int = 0) -> SaFacts:
    """A pair of SAs."""
    return SaFacts(
        connection=1,
        local=HERE,
        remote=THERE,
        local_port=port,
        remote_port=port,
        spi_in=1,
        spi_out=2,
        transform=transform,
        transport=transport,
        used=True,
        age=0.0,
        expires_in=60.0,
    )


def wrapping(transform: str | None, *, transport: bool = True, port: int = 0, key: int | None = 100) -> Wrapping:
    """GRE, sealed or in clear."""
    found = None if transform is None else sa(transform, transport=transport, port=port)
    return Wrapping("R1", "Tunnel0", key, found, suite_of(found) if found is not None else None)


@given(size=st.integers(28, 9000), mtu=st.integers(68, 1500))
def test_pieces_are_those_into_which_a_packet_is_really_cut(size: int, mtu: int) -> None:
    packet = Ipv4Packet(source=HERE, destination=THERE, protocol=IpProtocol.UDP, payload=bytes(size - 20))
    assert pieces(size, mtu) == tuple(len(piece.serialize()) for piece in packet.fragments(mtu))


@given(size=st.integers(28, 3000), mtu=st.integers(68, 1500), again=st.integers(68, 1500))
def test_a_packet_that_was_cut_twice_is_put_together_again(size: int, mtu: int, again: int) -> None:
    packet = Packet.plain(HERE, THERE, size, df=False, ttl=64)
    assert packet.cut(mtu).cut(again).whole() == packet


TRANSFORMS = (None, "aes-gcm 128", "aes-gcm 256", "aes-cbc 128 sha1", "aes-cbc 256 sha256", "aes-cbc 256 sha512")


@given(
    transform=st.sampled_from(TRANSFORMS),
    transport=st.booleans(),
    port=st.sampled_from((0, 4500)),
    key=st.sampled_from((None, 7)),
    mtu=st.integers(576, 1500),
)
def test_the_largest_packet_fits_and_one_octet_more_does_not(
    transform: str | None, transport: bool, port: int, key: int | None, mtu: int
) -> None:
    around = wrapping(transform, transport=transport, port=port, key=key)
    largest = around.largest(mtu)
    assert around.outer(largest) <= mtu < around.outer(largest + 1)


@pytest.mark.parametrize(
    ("around", "outer"),
    [
        (wrapping(None), 100 + 8 + 20),
        (wrapping(None, key=None), 100 + 4 + 20),
        (wrapping("aes-gcm 256"), 108 + 8 + 8 + 2 + 2 + 16 + 20),
        (wrapping("aes-gcm 256", port=4500), 108 + 8 + 8 + 2 + 2 + 16 + 8 + 20),
        (wrapping("aes-gcm 256", transport=False), 128 + 8 + 8 + 2 + 2 + 16 + 20),
        (wrapping("aes-cbc 256 sha256"), 108 + 8 + 16 + 2 + 2 + 16 + 20),
        (wrapping("aes-cbc 128 sha1", transport=False, port=4500), 128 + 8 + 16 + 14 + 2 + 12 + 8 + 20),
    ],
)
def test_a_packet_of_100_octets_is_so_large_outside(around: Wrapping, outer: int) -> None:
    assert around.outer(100) == outer


@pytest.mark.parametrize(
    ("checksum", "sequence", "said", "octets"),
    [
        (False, False, "key 100", 8),
        (True, False, "key 100, checksum", 12),
        (False, True, "key 100, sequence number", 12),
        (True, True, "key 100, checksum, sequence number", 16),
    ],
)
def test_checksum_and_sequence_number_are_named_and_counted(
    checksum: bool, sequence: bool, said: str, octets: int
) -> None:
    around = replace(wrapping(None), checksum=checksum, sequence=sequence)
    assert (header(around), around.gre, around.outer(100)) == (said, octets, 120 + octets)


def test_an_unknown_transform_is_said_to_be_one() -> None:
    with pytest.raises(UserError, match="does not know the transform"):
        suite_of(sa("rot13 128"))


def test_a_packet_takes_the_pair_that_is_used_of_its_connection_or_of_the_newest() -> None:
    def pair(connection: int, spi: int, *, used: bool, local: IPv4Address = HERE, front: str = "") -> SaFacts:
        update = {"connection": connection, "spi_in": spi, "spi_out": spi, "used": used, "local": local, "front": front}
        return sa("aes-gcm 256").model_copy(update=update)

    rekeyed = (pair(1, 10, used=True), pair(2, 20, used=False), pair(2, 21, used=True), pair(1, 11, used=False))
    elsewhere = (pair(3, 30, used=True, local=THERE), pair(4, 40, used=True, front="WAN"))
    facts = RouterFacts(tunnels=(), sas=(*elsewhere, *rekeyed))
    view = View(LabFacts(routers={"R1": facts}, gateways={}, hosts={}, links=()))
    chosen = [view.sa_towards("R1", tunnel(str(HERE), 1), THERE, connection) for connection in (0, 1, 2, 3, 4)]
    assert [found.spi_out if found is not None else None for found in chosen] == [21, 10, 21, None, None]


# ------------------------------------------------------------------------------------------------ bad wires


def link(*bad: str, cut: bool = False) -> LinkFacts:
    """A wire between R1 and R2."""
    return LinkFacts(name="R1 -- R2", ends=(("R1", "Gi0"), ("R2", "Gi0")), cut=cut, bad=bad)


def around(transform: str | None, *, port: int = 0, size: int = 100) -> Packet:
    """A tunnel's packet, cut if it is large."""
    inner = Packet.plain(HERE, THERE, size, df=False, ttl=64)
    return inner.wrapped(wrapping(transform, port=port), (HERE, THERE), df=False).cut(1500)


@pytest.mark.parametrize(
    ("bad", "packet", "stops"),
    [
        ("block gre", around(None), True),
        ("block gre", around("aes-gcm 256"), False),
        ("block esp", around("aes-gcm 256"), True),
        ("block esp", around("aes-gcm 256", port=4500), False),
        ("block udp-4500", around("aes-gcm 256", port=4500), True),
        ("block udp-500", around("aes-gcm 256", port=4500), False),
        ("block fragments", around(None, size=1500), True),
        ("block fragments", around(None), False),
        ("block icmp", around(None), False),
        ("block icmp", Packet.plain(HERE, THERE, 100, df=False, ttl=64), True),
        ("loss 100", around(None), True),
        ("loss 10", around(None), False),
        ("delay 20", around(None), False),
        ("cut from R1", around(None), True),
        ("cut from R2", around(None), False),
        ("block gre from R2", around(None), False),
    ],
)
def test_a_wire_stops_what_it_is_told_to_stop(bad: str, packet: Packet, stops: bool) -> None:
    assert bool(stopped(link(bad), "R1", packet)) is stops


def test_a_wire_that_only_makes_things_worse_is_remarked_upon() -> None:
    assert remark(link("delay 20", "loss 10 from R1", "loss 5 from R2", "block icmp"), "R1") == "delay 20, loss 10"
    assert remark(link(), "R1") == ""


def test_a_translator_gives_gre_to_whom_the_flow_with_that_remote_belongs() -> None:
    flows = tuple(
        GreFlow(inside=IPv4Address(f"192.168.1.{number}"), remote=remote)
        for number, remote in ((10, IPv4Address("203.0.113.9")), (11, HERE))
    )
    gateway = GatewayFacts(private=IPv4Network("192.168.1.0/24"), public=THERE, flows=flows)
    walker = Overlay(View(LabFacts(routers={}, gateways={"NAT": gateway}, hosts={}, links=())))
    assert "to 192.168.1.11" in walker.translate("NAT", "outside", around(None)).why


# ------------------------------------------------------------------------------------------------ routes


def test_a_route_says_what_it_beats_and_what_it_would_not_take() -> None:
    def route(prefix: str, *beaten: OfferFacts) -> RouteFacts:
        return RouteFacts(prefix=IPv4Network(prefix), source="eigrp", distance=90, metric=1, beaten=beaten)

    beaten = OfferFacts(source="rip", distance=120, metric=2)
    dead = OfferFacts(source="static", distance=1, metric=0, usable=False)
    shorter = tuple(route(prefix) for prefix in ("10.4.0.0/16", "10.0.0.0/8", "0.0.0.0/0"))
    text = why_this_route(Match(route("10.4.4.0/24", beaten, dead), shorter))
    assert text == "beats rip [120/2], 10.4.0.0/16, 10.0.0.0/8, ...; static [1/0] cannot be used now"
    assert why_this_route(Match(route("0.0.0.0/0"), ())) == ""


# ------------------------------------------------------------------------------------------------ TCP


@pytest.mark.parametrize(
    ("clamps", "mss", "because"), [((), 1460, 0), ((1460,), 1460, 0), ((1400, 1360, 1360), 1360, 2), ((1500,), 1460, 0)]
)
def test_tcp_comes_to_the_smallest_of_all_clamps_if_they_are_smaller_than_its_own(
    clamps: tuple[int, ...], mss: int, because: int
) -> None:
    places = tuple(Clamp(where=f"R{number}", interface="Tunnel0", mss=value) for number, value in enumerate(clamps))
    found = with_mss(Budget(whole=1400), 4, places)
    assert (found.mss, len(found.clamps)) == (mss, because)


# ------------------------------------------------------------------------------------------------ unseen flows


def tunnel(source: str, key: int) -> TunnelFacts:
    """A tunnel of somebody inside."""
    return TunnelFacts(
        name="Tunnel0",
        up=True,
        addresses=(),
        source=IPv4Address(source),
        source_interface="Gi0",
        destination=None,
        key=key,
        nhrp=True,
    )


@pytest.mark.parametrize(
    ("keys", "inside"), [((100,), "192.168.1.10"), ((100, 7), "192.168.1.10"), ((100, 100), None), ((7,), None)]
)
def test_where_nobody_sees_flows_the_only_tunnel_with_that_key_is_meant(
    keys: tuple[int, ...], inside: str | None
) -> None:
    gateway = GatewayFacts(private=IPv4Network("192.168.1.0/24"), public=THERE, flows=None)
    routers: dict[str, RouterFacts | None] = {
        f"R{number}": RouterFacts(tunnels=(tunnel(f"192.168.1.{number}", key),)) for number, key in enumerate(keys, 10)
    }
    lab = LabFacts(routers=routers, gateways={"NAT": gateway}, hosts={}, links=())
    walker = Overlay(View(lab))
    end = walker.translate("NAT", "outside", around(None))
    if inside is None:
        assert (end.outcome, "what comes unasked is for nobody" in end.why) == (WalkOutcome.DROPPED, True)
    else:
        assert end.outcome is WalkOutcome.UNSEEN
        assert f"to {inside}" in end.why
