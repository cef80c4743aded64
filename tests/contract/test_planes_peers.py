"""What planes count of each peer, echoes of paths, and streams."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from contract.peers import KEY
from contract.test_planes import TUNNEL, contract, hub_and_spokes, joined, only_udp, udp
from contract.test_planes_filters import ALL, counts, deny, listed
from contract.test_planes_ipsec import GROUP, a_and_b, send_until_told
from contract.worlds import host, nbma
from dmvpn.base import effects, streams
from dmvpn.base.addresses import Prefix
from dmvpn.base.events import IpReceived, KeepaliveReceived, NhrpReceived, PeerUsage
from dmvpn.base.filters import PortFilters, ReversePath
from dmvpn.base.translation import Addresses
from dmvpn.face.values import COLUMNS, rows_of_peers
from dmvpn.net import icmp
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol, Ipv4Flag, Ipv4Packet

if TYPE_CHECKING:
    from contract.worlds import World
    from dmvpn.base.addresses import IPAddress


# Packets and octets of each peer of a tunnel, on every data plane: the same packets give the same numbers.
#
# Octets are those of what GRE carries: an IP packet with its header, or a message of NHRP. So they are the same in
# clear and in ESP, with and without key, checksum and sequence number.

#: Octets of the headers of a host's UDP packet.
HEADERS = 28


def usage(world: World, name: str) -> dict[IPAddress, PeerUsage]:
    """What a router counts, by NBMA address."""
    return {peer.nbma: peer for peer in world.counting(name).usage("Tunnel0")}


def numbers(world: World, name: str, peer: str) -> tuple[int, int, int, int]:
    """Packets sent and received, octets sent and received."""
    found = usage(world, name).get(nbma(peer), PeerUsage(nbma(peer), 0, 0))
    return found.sent, found.received, found.sent_octets, found.received_octets


@contract
def test_octets_of_a_peer_are_those_of_the_ip_packets_inside_gre(world: World) -> None:
    hub_and_spokes(world)
    for size in (0, 32, 1000):
        world.send("B", udp("B", host("C"), size=size))
    world.until(lambda: len(only_udp(world.received["C"])) == 3)
    octets = 3 * HEADERS + 1032
    assert numbers(world, "B", "A") == (3, 0, octets, 0)
    assert numbers(world, "A", "B") == (0, 3, 0, octets)
    assert numbers(world, "A", "C") == (3, 0, octets, 0)
    assert numbers(world, "C", "A") == (0, 3, 0, octets)


@contract
def test_a_packet_that_is_cut_for_the_tunnel_counts_as_its_pieces(world: World) -> None:
    hub_and_spokes(world, mtu=1000)
    world.send("B", udp("B", host("A"), size=1400))
    world.until(lambda: bool(only_udp(world.received["A"])))
    world.until(lambda: numbers(world, "A", "B")[1] == 2)
    octets = 1400 + HEADERS + HEADER_LENGTH
    assert numbers(world, "B", "A") == (2, 0, octets, 0)
    assert numbers(world, "A", "B") == (0, 2, 0, octets)


@contract
def test_a_packet_that_is_cut_for_a_narrow_path_counts_as_its_pieces(world: World) -> None:
    a_and_b(world, df=effects.DfBit.COPY)
    world.narrow("B", 1300)
    send_until_told(world, 1300)
    before = numbers(world, "A", "B")
    world.send("A", udp("A", host("B"), size=1300))
    world.until(lambda: numbers(world, "A", "B")[0] == before[0] + 2)
    assert numbers(world, "A", "B")[2] == before[2] + 1300 + HEADERS + HEADER_LENGTH


@contract
def test_a_packet_that_does_not_leave_is_not_counted(world: World) -> None:
    a_and_b(world, df=effects.DfBit.COPY)
    world.narrow("B", 1300)
    send_until_told(world, 1300)
    before = numbers(world, "A", "B")
    world.send("A", udp("A", host("B"), size=1300, df=True))
    world.run(0.1)
    assert numbers(world, "A", "B") == before


@contract
def test_messages_of_nhrp_count_without_any_header(world: World) -> None:
    hub_and_spokes(world)
    world.execute("B", effects.SendGre("Tunnel0", nbma("A"), effects.GRE_NHRP, bytes(77)))
    world.until(lambda: bool(world.of("A", NhrpReceived)))
    assert numbers(world, "B", "A") == (1, 0, 77, 0)
    assert numbers(world, "A", "B") == (0, 1, 0, 77)


@contract
def test_each_copy_of_a_multicast_packet_counts_for_its_peer(world: World) -> None:
    hub_and_spokes(world)
    world.execute("A", effects.SetMulticast("Tunnel0", (nbma("B"), nbma("C"))))
    world.execute("A", effects.SendIp("Tunnel0", TUNNEL["A"], GROUP, 88, bytes(40)))
    world.until(lambda: {peer.sent for peer in usage(world, "A").values()} == {1})
    assert numbers(world, "A", "B") == numbers(world, "A", "C") == (1, 0, HEADER_LENGTH + 40, 0)


@contract
def test_octets_are_the_same_with_checksums_and_numbers_in_gre(world: World) -> None:
    joined(world, checksum=True, sequence=True)
    world.send("A", udp("A", host("B"), size=900))
    world.execute("A", effects.SendGre("Tunnel0", nbma("B"), effects.GRE_NHRP, bytes(50)))
    world.until(lambda: bool(only_udp(world.received["B"])) and bool(world.of("B", NhrpReceived)))
    octets = 900 + HEADERS + 50
    assert numbers(world, "A", "B") == (2, 0, octets, 0)
    assert numbers(world, "B", "A") == (0, 2, 0, octets)


@contract
def test_octets_are_the_same_in_esp_and_belong_to_the_connection(world: World) -> None:
    a_and_b(world)
    for size in (0, 32, 1000):
        world.send("A", udp("A", host("B"), size=size))
    world.until(lambda: len(only_udp(world.received["B"])) == 3)
    octets = 3 * HEADERS + 1032
    assert usage(world, "A")[nbma("B")] == PeerUsage(nbma("B"), 3, 0, connection=7, sent_octets=octets)
    assert usage(world, "B")[nbma("A")] == PeerUsage(nbma("A"), 0, 3, connection=7, received_octets=octets)


@contract
def test_a_keepalive_counts_where_it_begins_and_its_return_has_no_octets(world: World) -> None:
    joined(world, key=None)
    world.execute("A", effects.SendKeepalive("Tunnel0"))
    world.until(lambda: bool(world.of("A", KeepaliveReceived)))
    octets = HEADER_LENGTH + 4  # the GRE packet that comes back, in its own IP header
    assert numbers(world, "A", "B") == (1, 1, octets, 0)
    assert numbers(world, "B", "A") == (0, 1, 0, octets)


@contract
def test_a_packet_that_is_out_of_order_counts_although_it_is_dropped(world: World) -> None:
    joined(world, sequence=True)
    for number in (6, 5, 6, 7):
        header = GreHeader(protocol_type=effects.GRE_NHRP, key=7, sequence=number)
        world.execute(
            "B", effects.SendIp(None, nbma("B"), nbma("A"), IpProtocol.GRE, header.serialize(bytes(10 * number)))
        )
    world.until(lambda: numbers(world, "A", "B")[1] == 4)
    assert numbers(world, "A", "B") == (0, 4, 0, 240)


@contract
def test_octets_behind_the_ip_packet_count_as_they_came(world: World) -> None:
    hub_and_spokes(world)
    inner = udp("B", host("A")).serialize() + bytes(10)
    gre = GreHeader(protocol_type=0x0800, key=KEY).serialize(inner)
    world.execute("B", effects.SendIp(None, nbma("B"), nbma("A"), IpProtocol.GRE, gre))
    world.until(lambda: bool(usage(world, "A")))
    assert numbers(world, "A", "B") == (0, 1, 0, len(inner))


@contract
def test_the_topic_peers_has_a_row_of_packets_and_octets_for_each_address(world: World) -> None:
    hub_and_spokes(world)
    for _ in range(2):
        world.send("B", udp("B", host("C"), size=100))
    world.send("C", udp("C", host("A"), size=500))
    world.until(lambda: len(only_udp(world.received["C"])) == 2 and bool(only_udp(world.received["A"])))
    labels, columns = COLUMNS["peers"]
    assert (*labels, *columns) == ("interface", "nbma", "packets_out", "packets_in", "octets_out", "octets_in")
    assert sorted(rows_of_peers(world.counting("A"))) == [
        ("Tunnel0", "10.0.2.1", 0, 2, 0, 256),
        ("Tunnel0", "10.0.3.1", 2, 1, 256, 528),
    ]


# Echoes that prove a direct path pass lists on a tunnel that deny all packets; nothing else does. None is counted.

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


def numbers_of_echoes(world: World, router: str) -> list[tuple[int, int]]:
    """The type and the number of each echo and answer that a router has heard of."""
    heard = [event.payload for event in world.of(router, IpReceived) if event.protocol == IpProtocol.ICMP]
    return sorted((one[0], int.from_bytes(one[6:8], "big")) for one in heard if one[0] in (0, 8))


def over_the_tunnel(world: World, *packets: Ipv4Packet) -> None:
    """B sends these straight to A, in GRE."""
    for packet in packets:
        world.execute("B", effects.SendGre("Tunnel0", nbma("A"), effects.GRE_IPV4, packet.serialize()))
    world.run(0.2)


@contract
def test_an_echo_of_a_peer_and_its_answer_pass_a_list_that_denies_everything_and_are_not_counted(world: World) -> None:
    hub_and_spokes(world)
    world.execute("A", effects.SetFilters("Tunnel0", SHUT))
    over_the_tunnel(world, echo(1), answer(2))
    world.until(lambda: numbers_of_echoes(world, "A") == [(0, 2), (8, 1)])
    world.until(lambda: numbers_of_echoes(world, "B") == [(0, 1)])
    assert counts(world) == {}


@contract
def test_a_hub_whose_lists_deny_everything_passes_echoes_on_from_peer_to_peer(world: World) -> None:
    hub_and_spokes(world)
    world.execute("A", effects.SetFilters("Tunnel0", SHUT))
    over_the_tunnel(world, echo(3, to=TUNNEL["C"]))
    world.until(lambda: numbers_of_echoes(world, "C") == [(8, 3)])
    assert counts(world) == {}


@contract
def test_nothing_that_looks_like_such_an_echo_passes(world: World) -> None:
    hub_and_spokes(world)
    world.execute("A", effects.SetFilters("Tunnel0", SHUT))
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
    assert [numbers_of_echoes(world, router) for router in ("A", "C")] == [[], []]
    assert (8, 4) not in [(one.payload[0], one.payload[7]) for one in world.received["A"] + world.received["C"]]


@contract
def test_no_echo_passes_where_no_subnet_is_named(world: World) -> None:
    hub_and_spokes(world)
    world.execute("A", effects.SetFilters("Tunnel0", replace(SHUT, echo_subnets=())))
    over_the_tunnel(world, echo(5), answer(6), echo(7, to=TUNNEL["C"]))
    world.until(lambda: counts(world) == {("Tunnel0", True, 10): 3})
    assert [numbers_of_echoes(world, router) for router in ("A", "C")] == [[], []]


@contract
def test_echoes_that_pass_a_list_are_asked_for_their_sender_nevertheless(world: World) -> None:
    hub_and_spokes(world)
    path = ReversePath(strict=True, allow_default=True)
    world.execute("A", effects.SetFilters("Tunnel0", replace(SHUT, reverse_path=path)))
    over_the_tunnel(world, echo(8), replace(echo(9), source=TUNNEL["A"]))
    world.until(lambda: numbers_of_echoes(world, "B") == [(0, 8)])
    assert numbers_of_echoes(world, "A") == [(8, 8)]


# Byte streams on every data plane: what one router sends another gets, in order, or both hear that it is over.

PORT = 179
EVERYBODY = Prefix.parse("10.0.0.0/8")
PATIENCE = 20.0


def connect(
    world: World, *, password: str = "", theirs: str = "", peers: tuple[streams.StreamPeer, ...] | None = None
) -> None:
    """B listens, A connects with stream 2."""
    taken = (streams.StreamPeer(EVERYBODY, password=theirs),) if peers is None else peers
    world.execute("B", streams.StreamListen(PORT, taken))
    world.execute("A", streams.StreamOpen(2, nbma("A"), nbma("B"), PORT, password=password))


def connected(world: World) -> int:
    """Wait until both ends are up; B's number."""
    world.until(lambda: bool(world.of("A", streams.StreamUp) and world.of("B", streams.StreamUp)), PATIENCE)
    return world.of("B", streams.StreamUp)[0].stream


def heard(world: World, router: str) -> bytes:
    """All that came to a router."""
    return b"".join(event.octets for event in world.of(router, streams.StreamData))


@contract
def test_what_is_sent_comes_in_order_both_ways(world: World) -> None:
    connect(world)
    theirs = connected(world)
    question, answer = bytes(range(256)) * 40, b"yes" * 3000
    for start in range(0, len(question), 700):
        world.execute("A", streams.StreamSend(2, question[start : start + 700]))
    world.execute("B", streams.StreamSend(theirs, answer))
    world.until(lambda: heard(world, "B") == question and heard(world, "A") == answer, PATIENCE)


@contract
def test_of_a_stream_that_is_paused_nothing_comes_until_it_goes_on(world: World) -> None:
    connect(world)
    theirs = connected(world)
    world.execute("B", streams.StreamPause(theirs, paused=True))
    world.execute("A", *(streams.StreamSend(2, bytes((number,)) * 1000) for number in range(40)))
    world.execute("B", streams.StreamSend(theirs, b"yes"))
    world.until(lambda: heard(world, "A") == b"yes", PATIENCE)
    assert not heard(world, "B")
    world.execute("B", streams.StreamPause(theirs, paused=False))
    world.until(lambda: heard(world, "B") == b"".join(bytes((number,)) * 1000 for number in range(40)), PATIENCE)


@contract
def test_each_end_knows_both_addresses_and_who_called(world: World) -> None:
    connect(world)
    connected(world)
    ours, theirs = world.of("A", streams.StreamUp)[0], world.of("B", streams.StreamUp)[0]
    assert (ours.local, ours.remote, ours.remote_port, ours.taken) == (nbma("A"), nbma("B"), PORT, False)
    assert (theirs.local, theirs.remote, theirs.local_port, theirs.taken) == (nbma("B"), nbma("A"), PORT, True)
    assert ours.local_port == theirs.remote_port
    assert (ours.stream % 2, theirs.stream % 2) == (0, 1)


@contract
def test_an_orderly_end_comes_after_the_last_octet(world: World) -> None:
    connect(world)
    connected(world)
    world.execute("A", streams.StreamSend(2, b"x" * 5000), streams.StreamClose(2))
    world.until(lambda: bool(world.of("B", streams.StreamDown)), PATIENCE)
    assert heard(world, "B") == b"x" * 5000
    assert world.of("B", streams.StreamDown)[0].end is streams.StreamEnd.CLOSED
    assert not world.of("A", streams.StreamDown)


@contract
def test_an_aborted_stream_is_reset(world: World) -> None:
    connect(world)
    connected(world)
    world.execute("A", streams.StreamClose(2, abort=True))
    world.until(lambda: bool(world.of("B", streams.StreamDown)), PATIENCE)
    assert world.of("B", streams.StreamDown)[0].end is streams.StreamEnd.RESET


@contract
def test_who_calls_a_closed_port_is_refused(world: World) -> None:
    world.execute("A", streams.StreamOpen(2, nbma("A"), nbma("B"), PORT))
    world.until(lambda: bool(world.of("A", streams.StreamDown)), PATIENCE)
    assert world.of("A", streams.StreamDown)[0].end is streams.StreamEnd.REFUSED


@contract
def test_a_stranger_gets_no_stream(world: World) -> None:
    connect(world, peers=(streams.StreamPeer(Prefix(nbma("C"), 32)),))
    world.until(lambda: bool(world.of("A", streams.StreamDown)), PATIENCE)
    assert not world.of("B", streams.StreamUp)


@contract
def test_a_port_that_was_closed_takes_nobody(world: World) -> None:
    world.execute("B", streams.StreamListen(PORT, (streams.StreamPeer(EVERYBODY),)), streams.StreamListen(PORT, ()))
    world.execute("A", streams.StreamOpen(2, nbma("A"), nbma("B"), PORT))
    world.until(lambda: bool(world.of("A", streams.StreamDown)), PATIENCE)
    assert world.of("A", streams.StreamDown)[0].end is streams.StreamEnd.REFUSED


@contract
def test_both_ends_with_the_same_password_talk(world: World) -> None:
    connect(world, password="sesame", theirs="sesame")
    theirs = connected(world)
    world.execute("B", streams.StreamSend(theirs, b"signed"))
    world.until(lambda: heard(world, "A") == b"signed", PATIENCE)


@contract
def test_a_stream_goes_on_with_another_password_that_both_ends_get_and_stands_still_meanwhile(world: World) -> None:
    connect(world, password="sesame", theirs="sesame")
    theirs = connected(world)
    world.execute("B", streams.StreamSign(theirs, "simsim"), streams.StreamSend(theirs, b"by the new one"))
    world.run(0.3)
    assert heard(world, "A") == b""
    world.execute("A", streams.StreamSign(2, "simsim"))
    world.until(lambda: heard(world, "A") == b"by the new one", PATIENCE)


@contract
def test_other_passwords_and_none_get_no_answer(world: World) -> None:
    connect(world, password="sesame", theirs="simsim")
    world.execute("C", streams.StreamOpen(2, nbma("C"), nbma("B"), PORT))
    world.run(1.0)
    assert not world.of("B", streams.StreamUp)
    assert not world.of("A", streams.StreamDown)
    assert not world.of("C", streams.StreamDown)


@contract
def test_packets_from_too_far_do_not_count(world: World) -> None:
    """B takes no packet that has crossed a router; the provider is one."""
    connect(world, peers=(streams.StreamPeer(EVERYBODY, minimum_ttl=255),))
    world.run(0.5)
    world.execute("A", streams.StreamSend(2, b"from afar"))
    world.run(0.5)
    assert not heard(world, "B")


@contract
def test_an_address_that_is_not_ours_opens_nothing(world: World) -> None:
    world.execute("A", streams.StreamOpen(2, IPv4Address("10.99.99.99"), nbma("B"), PORT))
    world.until(lambda: bool(world.of("A", streams.StreamDown)), PATIENCE)
    assert world.of("A", streams.StreamDown)[0].end is streams.StreamEnd.UNREACHABLE


@contract
def test_whoever_sends_much_is_told_when_there_is_room_again(world: World) -> None:
    connect(world)
    connected(world)
    world.execute("A", streams.StreamSend(2, bytes(streams.SEND_LIMIT)))
    world.until(lambda: bool(world.of("A", streams.StreamWritable)), PATIENCE)
    world.execute("A", streams.StreamSend(2, bytes(streams.SEND_LIMIT)))
    world.until(lambda: len(heard(world, "B")) == 2 * streams.SEND_LIMIT, PATIENCE)
    assert not world.of("A", streams.StreamDown)
