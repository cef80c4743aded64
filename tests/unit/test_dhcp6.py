"""DHCP for IPv6: messages that lie, strangers behind no relay agent, floods; as events of a router."""

from __future__ import annotations

from ipaddress import IPv6Address

from dmvpn.base import events
from dmvpn.base.effects import InVrf, SendIp
from dmvpn.base.entropy import SeededEntropy
from dmvpn.features.dhcp.machine import DhcpMachine
from dmvpn.features.dhcp.model import Drop
from dmvpn.features.dhcp.packet6 import AGENTS, Code, Kind, Message6, leased, serialize
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.router.router import Router

TEXT = """hostname R1
ipv6 unicast-routing
ipv6 dhcp pool LAN
 address prefix 2001:DB8:1::/120
ipv6 dhcp pool OTHER
 address prefix 2001:DB8:2::/64
interface GigabitEthernet0/1
 ipv6 address 2001:DB8:1::1/64
 ipv6 dhcp server LAN
 no shutdown
interface GigabitEthernet0/2
 ipv6 address 2001:DB8:2::1/64
 ipv6 dhcp server OTHER
 no shutdown
"""
CLIENT = IPv6Address("fe80::9")


class Bench:
    """A router, and what it answers."""

    def __init__(self, text: str = TEXT) -> None:
        self.router = Router(SeededEntropy(1))
        self.router.handle(events.PlaneAnnounced(ipv6=True, manages=True), 0.0)
        self.router.handle(events.ConfigurationEntered(text), 0.0)
        for port in ("GigabitEthernet0/1", "GigabitEthernet0/2"):
            self.router.handle(events.LinkChanged(port, True), 0.0)

    @property
    def machine(self) -> DhcpMachine:
        return next(one for one in self.router.machines.values() if isinstance(one, DhcpMachine))

    def hear(self, message: Message6, source: IPv6Address = CLIENT, to: IPv6Address = AGENTS) -> list[Message6]:
        udp = UdpDatagram(source_port=546, destination_port=547, payload=message.serialize())
        packet = events.IpReceived("GigabitEthernet0/1", source, to, IpProtocol.UDP, udp.serialize(source, to))
        effects = [one.effect if isinstance(one, InVrf) else one for one in self.router.handle(packet, 1.0)]
        return [Message6.parse(one.payload[8:]) for one in effects if isinstance(one, SendIp)]

    def lease(self, number: int, port: int = 1) -> IPv6Address | None:
        """Return the address that a client gets."""
        (offer,) = self.hear(ask(Kind.SOLICIT, number, port))
        found = leased(offer.get(Code.IA_NA))
        if not found:
            return None
        wish = ask(Kind.REQUEST, number, port, found[0])
        (reply,) = self.hear(Message6(wish.kind, wish.head, (*wish.options, (2, offer.get(Code.SERVER)))))
        assert leased(reply.get(Code.IA_NA))[0][:16] == found[0][:16]
        return IPv6Address(found[0][:16])


def ask(kind: Kind, number: int, port: int = 1, address: bytes = b"") -> Message6:
    duid = b"\0\3\0\1" + number.to_bytes(6, "big")
    asked = serialize(((5, address),)) if address else b""
    return Message6(kind, b"abc", ((1, duid), (3, port.to_bytes(4, "big") + bytes(8) + asked)))


def test_each_client_gets_an_address_of_its_own_and_the_same_again() -> None:
    bench = Bench()
    first, second = bench.lease(1), bench.lease(2)
    assert first is not None
    assert first != second
    assert first != IPv6Address("2001:db8:1::1"), "the router's own"
    assert bench.lease(1) == first


def test_all_addresses_of_a_prefix_are_leased_and_no_more() -> None:
    bench = Bench()
    leases = [bench.lease(number) for number in range(1, 400)]
    given = [one for one in leases if one is not None]
    assert len(given) == len(set(given)) == 254, "all but the router's own, and that of all routers"
    assert bench.machine.drops[Drop.POOL] == 399 - 254


def test_one_client_has_at_most_sixteen_addresses() -> None:
    bench = Bench()
    leases = [bench.lease(1, port) for port in range(20)]
    assert sum(one is not None for one in leases) == 16


def test_a_relay_agent_in_the_subnet_of_another_port_gets_no_answer() -> None:
    bench = Bench()
    stranger = IPv6Address("2001:db8:1::66")
    head = b"\0" + IPv6Address("2001:db8:2::66").packed + CLIENT.packed
    forward = Message6(Kind.RELAY_FORW, head, ((Code.RELAYED, ask(Kind.SOLICIT, 1).serialize()),))
    assert bench.hear(forward, stranger, IPv6Address("2001:db8:1::1")) == []
    assert bench.machine.drops[Drop.UNTRUSTED] == 1


def test_a_message_that_is_not_of_the_link_or_is_for_another_server_gets_no_answer() -> None:
    bench = Bench()
    assert bench.hear(ask(Kind.SOLICIT, 1), IPv6Address("2001:db8:9::9")) == []
    assert bench.hear(ask(Kind.SOLICIT, 1), to=IPv6Address("2001:db8:1::1")) == []
    other = ask(Kind.REQUEST, 1)
    assert bench.hear(Message6(other.kind, other.head, (*other.options, (2, b"\0\3\0\1\0")))) == []
    assert bench.hear(Message6(Kind.RELAY_REPL, bytes(33), ((18, b"GigabitEthernet0/2"), (9, bytes(4))))) == []


def test_a_declined_address_is_leased_to_nobody_else() -> None:
    bench = Bench()
    taken = bench.lease(1)
    assert taken is not None
    decline = ask(Kind.DECLINE, 1, address=taken.packed + bytes(8))
    server = bench.hear(ask(Kind.SOLICIT, 1))[0].get(Code.SERVER)
    assert bench.hear(Message6(decline.kind, decline.head, (*decline.options, (2, server))))
    assert taken not in [bench.lease(number) for number in range(1, 100)]


def test_a_client_on_another_link_is_told_so() -> None:
    bench = Bench()
    (wrong,) = bench.hear(ask(Kind.CONFIRM, 1, address=IPv6Address("2001:db8:9::1").packed + bytes(8)))
    (right,) = bench.hear(ask(Kind.CONFIRM, 1, address=IPv6Address("2001:db8:1::7").packed + bytes(8)))
    assert (wrong.get(Code.STATUS)[:2], right.get(Code.STATUS)[:2]) == (b"\0\4", b"\0\0")
