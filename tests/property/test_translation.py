"""NAT overload of a simulated router, whatever is sent: an answer finds whoever asked, and no two share an end."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.effects import SetInterface, SetTranslation
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.translation import Clause, Overload
from dmvpn.dataplane.nat.flows import Drop
from dmvpn.dataplane.simulated.chassis import RouterTranslation
from dmvpn.dataplane.simulated.forwarding import ForwardingTable
from dmvpn.net import translate
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.net.translate import Side
from dmvpn.net.udp import UdpDatagram

PUBLIC = IPv4Address("203.0.113.1")
ENDS = st.tuples(st.integers(1, 6), st.one_of(st.integers(0, 65535), st.sampled_from([500, 4500, 4000])))
REMOTES = st.tuples(st.integers(1, 3), st.sampled_from([53, 500, 4500]))


def datagram(source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    here, there = IPv4Address(source[0]), IPv4Address(destination[0])
    message = UdpDatagram(source_port=source[1], destination_port=destination[1], payload=b"x").serialize(here, there)
    return Ipv4Packet(source=here, destination=there, protocol=IpProtocol.UDP, payload=message).serialize()


@given(st.lists(st.tuples(ENDS, REMOTES), max_size=40))
def test_every_answer_finds_whoever_asked_and_no_port_of_ike_is_taken(
    packets: list[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    table = ForwardingTable()
    table.set_interface(SetInterface("WAN", True, ((PUBLIC, 24),)))
    translation = RouterTranslation(table.ports, SeededEntropy(1))
    translation.set(SetTranslation(("LAN",), (Overload("WAN", (Clause(True),)),)))
    holders: dict[int, tuple[str, int]] = {}
    for (host, port), (remote, remote_port) in packets:
        inside, outside = (f"10.1.1.{host}", port), (f"198.51.100.{remote}", remote_port)
        sent = translation.outwards("WAN", datagram(inside, outside), 0.0)
        assert not isinstance(sent, Drop)
        assert translate.address(sent, Side.SOURCE) == PUBLIC
        public = translate.port(sent, Side.SOURCE)
        assert public > 1023
        assert public != 4500
        assert holders.setdefault(public, inside) == inside
        answer = translation.inwards("WAN", datagram(outside, (str(PUBLIC), public)), 0.0)
        assert answer is not None
        assert answer == ("", datagram(outside, inside))
    assert len(translation.translations(0.0).flows) == len({(end, remote) for end, remote in packets})
