"""Orders from facts, bad wires, and translators whose flows nobody sees."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from dmvpn.base.errors import UserError
from dmvpn.dataplane.simulated.vrfs import SimulatedPlane
from dmvpn.features.interface.facts import InterfaceFacts
from dmvpn.features.ipsec.facts import SaFacts
from dmvpn.features.rib.facts import HopFacts, OfferFacts, RouteFacts
from dmvpn.net import ip
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.shells.facts import GatewayFacts, GreFlow, LabFacts, LinkFacts
from dmvpn.tools.walk import Act, Budget, Clamp, WalkOutcome, walk
from dmvpn.tools.walk.values import why_this_route
from dmvpn.tools.walk.view import Match, orders, remark, stopped, transform_of
from dmvpn.tools.walk.walk import with_mss

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
    lab = behind(None)
    r9 = lab.routers["R9"]
    assert r9 is not None
    more = {"key": 100, "checksum": checksum, "sequence": sequence}
    changed = r9.model_copy(update={"tunnels": (r9.tunnels[0].model_copy(update=more),)})
    steps = walk(lab.model_copy(update={"routers": {"R9": changed}}), "R9", "10.1.1.1").forth.steps
    (step,) = [step for step in steps if step.act is Act.GRE]
    assert (step.what, step.octets) == (f"GRE, {said}: {octets} octets", 100 + octets)


def test_an_unknown_transform_is_said_to_be_one() -> None:
    with pytest.raises(UserError, match="does not know the transform"):
        transform_of(sa("rot13 128"))


def test_a_packet_takes_the_pair_that_is_used_of_its_connection_or_of_the_newest() -> None:
    def pair(connection: int, spi: int, *, used: bool, local: IPv4Address = HERE, front: str = "") -> SaFacts:
        update = {"connection": connection, "spi_in": spi, "spi_out": spi, "used": used, "local": local, "front": front}
        return sa("aes-gcm 256").model_copy(update=update)

    rekeyed = (pair(1, 10, used=True), pair(2, 20, used=False), pair(2, 21, used=True), pair(1, 11, used=False))
    elsewhere = (pair(3, 30, used=True, local=THERE), pair(4, 40, used=True, front="WAN"))
    plane = SimulatedPlane(lambda _: None, lambda *_: True)
    for order in orders(RouterFacts(tunnels=(), sas=(*elsewhere, *rekeyed))):
        plane.execute(order)
    table = plane.protection.table
    door = table.doors.number(HERE, "")
    links = [table.between(door, THERE.packed), *(table.link(number) for number in (1, 2, 3, 4))]
    chosen = [link.current.spi_in if link is not None and link.local == door else None for link in links]
    assert chosen == [21, 10, 21, None, None]


# ------------------------------------------------------------------------------------------------ bad wires


def link(*bad: str, cut: bool = False) -> LinkFacts:
    """A wire between R1 and R2."""
    return LinkFacts(name="R1 -- R2", ends=(("R1", "Gi0"), ("R2", "Gi0")), cut=cut, bad=bad)


def octets(protocol: int, *, port: int = 0, size: int = 100, later: bool = False) -> bytes:
    """A packet of the wire, or its later fragment."""
    payload = ip.without_checksum(port, port, bytes(size)) if port else bytes(size)
    packet = Ipv4Packet(source=HERE, destination=THERE, protocol=protocol, payload=payload)
    return packet.fragments(1500)[-1 if later else 0].serialize()


GRE, ESP, IN_UDP = octets(IpProtocol.GRE), octets(IpProtocol.ESP), octets(IpProtocol.UDP, port=4500)
ECHO, LARGE = octets(IpProtocol.ICMP), octets(IpProtocol.GRE, size=1600)


@pytest.mark.parametrize(
    ("bad", "packet", "stops"),
    [
        ("block gre", GRE, True),
        ("block gre", ESP, False),
        ("block esp", ESP, True),
        ("block esp", IN_UDP, False),
        ("block udp-4500", IN_UDP, True),
        ("block udp-500", IN_UDP, False),
        ("block fragments", LARGE, True),
        ("block fragments", GRE, False),
        ("block icmp", GRE, False),
        ("block icmp", ECHO, True),
        ("loss 100", GRE, True),
        ("loss 10", GRE, False),
        ("delay 20", GRE, False),
        ("cut from R1", GRE, True),
        ("cut from R2", GRE, False),
        ("block gre from R2", GRE, False),
    ],
)
def test_a_wire_stops_what_it_is_told_to_stop(bad: str, packet: bytes, stops: bool) -> None:
    assert bool(stopped(link(bad), "R1", packet)) is stops


def test_a_wire_that_only_makes_things_worse_is_remarked_upon() -> None:
    assert remark(link("delay 20", "loss 10 from R1", "loss 5 from R2", "block icmp"), "R1") == "delay 20, loss 10"
    assert remark(link(), "R1") == ""


def behind(gateway: GatewayFacts | None, routers: dict[str, RouterFacts | None] | None = None) -> LabFacts:
    """R9, whose tunnel leads to a translator outside, and nothing inside of the translator but these routers."""
    near, far = IPv4Interface("198.51.100.9/24"), IPv4Network("10.0.0.0/8")
    hops = [HopFacts(address=None, interface=name) for name in ("Gi0", "Tunnel0")]
    r9 = RouterFacts(
        interfaces=(
            InterfaceFacts(name="Gi0", enabled=True, line=True, addresses=(near,)),
            InterfaceFacts(name="Tunnel0", enabled=True, line=True, addresses=(IPv4Interface("10.9.9.9/24"),)),
        ),
        tunnels=(tunnel(str(near.ip), 100).model_copy(update={"destination": THERE}),),
        routes=tuple(
            RouteFacts(prefix=prefix, source="static", distance=1, metric=0, next_hops=(hop,))
            for prefix, hop in zip((near.network, far), hops, strict=True)
        ),
    )
    links = (LinkFacts(name="R9 -- NAT", ends=(("R9", "Gi0"), ("NAT", "outside")), cut=False),)
    gateways = {} if gateway is None else {"NAT": gateway}
    return LabFacts(routers={"R9": r9, **(routers or {})}, gateways=gateways, links=links if gateways else ())


def test_a_translator_gives_gre_to_whom_the_flow_with_that_remote_belongs() -> None:
    flows = tuple(
        GreFlow(inside=IPv4Address(f"192.168.1.{number}"), remote=remote)
        for number, remote in ((10, IPv4Address("203.0.113.9")), (11, IPv4Address("198.51.100.9")))
    )
    gateway = GatewayFacts(private=IPv4Network("192.168.1.0/24"), public=THERE, flows=flows)
    assert "to 192.168.1.11" in walk(behind(gateway), "R9", "10.1.1.1").forth.end.why


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
    end = walk(behind(gateway, routers), "R9", "10.1.1.1").forth.end
    if inside is None:
        assert (end.outcome, "unsolicited packets are dropped" in end.why) == (WalkOutcome.DROPPED, True)
    else:
        assert end.outcome is WalkOutcome.UNSEEN
        assert f"to {inside}" in end.why
