"""Echoes that prove a direct path pass lists on a tunnel that deny all packets; nothing else does. None is counted."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from contract.test_planes import TUNNEL, contract, hub_and_spokes
from contract.test_planes_filters import ALL, counts, deny, listed
from contract.worlds import host, nbma
from dmvpn.base.effects import GRE_IPV4, SendGre, SetFilters
from dmvpn.base.events import IpReceived
from dmvpn.base.filters import PortFilters, ReversePath
from dmvpn.base.translation import Addresses
from dmvpn.net import icmp
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet

if TYPE_CHECKING:
    from contract.worlds import World

DENIED: Final = listed(deny(10, ALL))
SHUT: Final = PortFilters(
    inward=DENIED, outward=DENIED, echo_subnets=(Addresses(TUNNEL["A"], IPv4Address("0.0.0.255")),)
)
MARKED: Final = 0xC0
REQUEST: Final = icmp.EchoRequest(identifier=7, sequence=1, payload=bytes(8))


def echo(number: int, *, to: IPv4Address = TUNNEL["A"]) -> Ipv4Packet:
    """B's request over the tunnel. number: of the echo, by which it is found again."""
    payload = replace(REQUEST, sequence=number).serialize()
    return Ipv4Packet(source=TUNNEL["B"], destination=to, protocol=IpProtocol.ICMP, payload=payload, tos=MARKED)


def answer(number: int) -> Ipv4Packet:
    """B's answer to a request of A."""
    return replace(echo(number), payload=replace(REQUEST, sequence=number).reply().serialize())


def numbers(world: World, router: str) -> list[tuple[int, int]]:
    """The type and the number of each echo and answer that a router has heard of."""
    heard = [event.payload for event in world.of(router, IpReceived) if event.protocol == IpProtocol.ICMP]
    return sorted((one[0], int.from_bytes(one[6:8], "big")) for one in heard if one[0] in (0, 8))


def over_the_tunnel(world: World, *packets: Ipv4Packet) -> None:
    """B sends these straight to A, in GRE."""
    for packet in packets:
        world.execute("B", SendGre("Tunnel0", nbma("A"), GRE_IPV4, packet.serialize()))
    world.run(0.2)


@contract
def test_an_echo_of_a_peer_and_its_answer_pass_a_list_that_denies_everything_and_are_not_counted(world: World) -> None:
    hub_and_spokes(world)
    world.execute("A", SetFilters("Tunnel0", SHUT))
    over_the_tunnel(world, echo(1), answer(2))
    world.until(lambda: numbers(world, "A") == [(0, 2), (8, 1)])
    world.until(lambda: numbers(world, "B") == [(0, 1)])
    assert counts(world) == {}


@contract
def test_a_hub_whose_lists_deny_everything_passes_echoes_on_from_peer_to_peer(world: World) -> None:
    hub_and_spokes(world)
    world.execute("A", SetFilters("Tunnel0", SHUT))
    over_the_tunnel(world, echo(3, to=TUNNEL["C"]))
    world.until(lambda: numbers(world, "C") == [(8, 3)])
    assert counts(world) == {}


@contract
def test_nothing_that_looks_like_such_an_echo_passes(world: World) -> None:
    hub_and_spokes(world)
    world.execute("A", SetFilters("Tunnel0", SHUT))
    whole = echo(4)
    too_far = replace(whole, payload=icmp.TimeExceeded(quoted=whole.serialize()[:28]).serialize())
    denied = (
        replace(whole, tos=0),
        replace(whole, tos=MARKED | 1),
        replace(whole, source=host("B")),
        replace(whole, destination=IPv4Address("192.168.1.1")),
        replace(whole, destination=host("A")),
        replace(whole, destination=host("C")),
        too_far,
        replace(whole, payload=b"\x0d\0" + whole.payload[2:]),
        replace(whole, payload=b"\x08\x01" + whole.payload[2:]),
        replace(whole, protocol=IpProtocol.UDP),
        replace(whole, options=b"\1\1\1\0"),
        replace(whole, flags=Ipv4Flag.MORE_FRAGMENTS, identification=9),
        replace(whole, fragment_offset=2, identification=9),
    )
    over_the_tunnel(world, *denied)
    world.until(lambda: counts(world) == {("Tunnel0", True, 10): len(denied)})
    assert [numbers(world, router) for router in ("A", "C")] == [[], []]
    assert (8, 4) not in [(one.payload[0], one.payload[7]) for one in world.received["A"] + world.received["C"]]


@contract
def test_no_echo_passes_where_no_subnet_is_named(world: World) -> None:
    hub_and_spokes(world)
    world.execute("A", SetFilters("Tunnel0", replace(SHUT, echo_subnets=())))
    over_the_tunnel(world, echo(5), answer(6), echo(7, to=TUNNEL["C"]))
    world.until(lambda: counts(world) == {("Tunnel0", True, 10): 3})
    assert [numbers(world, router) for router in ("A", "C")] == [[], []]


@contract
def test_echoes_that_pass_a_list_are_asked_for_their_sender_nevertheless(world: World) -> None:
    hub_and_spokes(world)
    path = ReversePath(strict=True, allow_default=True)
    world.execute("A", SetFilters("Tunnel0", replace(SHUT, reverse_path=path)))
    over_the_tunnel(world, echo(8), replace(echo(9), source=TUNNEL["A"]))
    world.until(lambda: numbers(world, "B") == [(0, 8)])
    assert numbers(world, "A") == [(8, 8)]
