"""DHCP for IPv6: messages that lie, strangers behind no relay agent, floods; as events of a router."""

from __future__ import annotations

import json
from ipaddress import IPv6Address

import pytest

from dmvpn.base import events
from dmvpn.base.effects import InVrf, SendIp
from dmvpn.features.dhcp import FEATURE as DHCP
from dmvpn.features.dhcp.leases import Binding, Place
from dmvpn.features.dhcp.machine import DhcpMachine
from dmvpn.features.dhcp.model import AGENTS, Drop
from dmvpn.features.dhcp.packet6 import Code, Kind, Message6, leased, serialize
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.vrf import FEATURE as VRF
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol
from support.workbench import Workbench

TEXT = """ipv6 unicast-routing
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


class Bench(Workbench):
    """A router, and what it answers."""

    def __init__(self, text: str = TEXT, kept: bytes = b"[]", name: str = "dhcp6-bindings") -> None:
        super().__init__(INTERFACE, DHCP, VRF)
        self.ports.kept[name] = kept
        self.handle(events.PlaneAnnounced(ipv6=True, manages=True))
        self.configure(text)
        for port in ("GigabitEthernet0/1", "GigabitEthernet0/2"):
            self.handle(events.LinkChanged(port, True))
        self.drops = self.machine(DhcpMachine).drops

    def shown(self, what: str) -> str:
        return "\n".join((*self.show(f"show ipv6 dhcp {what}"), ""))

    def send(
        self, message: Message6, source: IPv6Address = CLIENT, to: IPv6Address = AGENTS, *, port: int = 547
    ) -> list[SendIp]:
        udp = UdpDatagram(source_port=546, destination_port=port, payload=message.serialize())
        packet = events.IpReceived("GigabitEthernet0/1", source, to, IpProtocol.UDP, udp.serialize(source, to))
        effects = [one.effect if isinstance(one, InVrf) else one for one in self.handle(packet)]
        return [one for one in effects if isinstance(one, SendIp)]

    def hear(self, message: Message6, source: IPv6Address = CLIENT, to: IPv6Address = AGENTS) -> list[Message6]:
        return [Message6.parse(one.payload[8:]) for one in self.send(message, source, to)]

    def hear_relayed(self, message: Message6, link: str) -> list[Message6]:
        """Return the answers to a message in that of a relay agent, which names this link."""
        agent = IPv6Address(link)
        forward = Message6(
            Kind.RELAY_FORW, b"\0" + agent.packed + CLIENT.packed, ((Code.RELAYED, message.serialize()),)
        )
        replies = self.hear(forward, agent, IPv6Address("2001:db8:1::1"))
        return [Message6.parse(one.get(Code.RELAYED)) for one in replies]

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


def bindings(bench: Bench) -> dict[Place, Binding]:
    version6 = bench.machine(DhcpMachine).version6
    assert version6 is not None
    return version6.leases.bindings


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
    assert bench.drops[Drop.POOL] == 399 - 254


def test_one_client_has_at_most_sixteen_addresses() -> None:
    bench = Bench()
    leases = [bench.lease(1, port) for port in range(20)]
    assert sum(one is not None for one in leases) == 16


def test_a_message_gets_no_more_than_four_addresses() -> None:
    """In a full pool each one is searched for among all that are leased: a stranger could cause much work."""
    bench = Bench()
    wish = ask(Kind.SOLICIT, 1)
    more = ((Code.IA_NA.value, port.to_bytes(4, "big") + bytes(8)) for port in range(2, 12))
    (offer,) = bench.hear(Message6(wish.kind, wish.head, (*wish.options, *more)))
    assert len(offer.all(Code.IA_NA)) == 4


def test_a_relay_agent_in_the_subnet_of_another_port_gets_no_answer() -> None:
    bench = Bench()
    assert bench.hear_relayed(ask(Kind.SOLICIT, 1), "2001:db8:2::66") == []
    assert bench.drops[Drop.UNTRUSTED] == 1


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
    assert "(99 in use, 1 conflicts)" in bench.shown("pool LAN")
    assert f"Address: {taken}".upper() not in bench.shown("binding").upper()


def test_a_client_on_another_link_is_told_so() -> None:
    bench = Bench()
    (wrong,) = bench.hear(ask(Kind.CONFIRM, 1, address=IPv6Address("2001:db8:9::1").packed + bytes(8)))
    (right,) = bench.hear(ask(Kind.CONFIRM, 1, address=IPv6Address("2001:db8:1::7").packed + bytes(8)))
    assert (wrong.get(Code.STATUS)[:2], right.get(Code.STATUS)[:2]) == (b"\0\4", b"\0\0")


def test_a_client_of_a_link_without_a_pool_hears_nothing_of_its_address() -> None:
    """Another server may have leased it; a client that is told so gives it up."""
    confirm = ask(Kind.CONFIRM, 1, address=IPv6Address("2001:db8:9::1").packed + bytes(8))
    assert Bench().hear_relayed(confirm, "2001:db8:9::66") == []


@pytest.mark.parametrize("kind", [Kind.ADVERTISE, Kind.REPLY, Kind.RECONFIGURE, Kind.INFORMATION_REQUEST])
def test_a_message_that_asks_for_no_lease_gets_none(kind: Kind) -> None:
    """A relay agent's message with that of a server inside got an address, without a client that it counts for."""
    bench, association = Bench(), (Code.IA_NA.value, b"\0\0\0\1" + bytes(8))
    assert bench.hear_relayed(Message6(kind, b"abc", (association,)), "2001:db8:1::66") == []
    assert bench.hear(Message6(kind, b"abc", (association,))) == []
    bench.lease(1)
    assert "(1 in use" in bench.shown("pool LAN")


def test_a_server_without_any_pool_has_no_addresses() -> None:
    port = "interface GigabitEthernet0/1\n ipv6 enable\n ipv6 dhcp server NONE\n no shutdown\n"
    assert Bench("ipv6 unicast-routing\n" + port).lease(1) is None


def test_a_pool_of_one_address_leases_it() -> None:
    assert Bench(TEXT.replace("1::/120", "1::77/128")).lease(1) == IPv6Address("2001:db8:1::77")


def test_what_comes_to_other_ports_is_no_message_of_dhcp() -> None:
    bench = Bench()
    assert bench.send(ask(Kind.SOLICIT, 1), port=67) == []
    assert not sum(bench.drops.values())


def test_a_lease_without_end_is_not_renewed() -> None:
    bench = Bench(TEXT.replace("/120", "/120 lifetime infinite"))
    bench.lease(1)
    (reply,) = bench.hear(ask(Kind.SOLICIT, 1))
    assert reply.get(Code.IA_NA)[4:12] == b"\xff" * 8
    assert "            preferred lifetime INFINITY, valid lifetime INFINITY" in bench.shown("binding")
    assert "expires" not in bench.shown("binding")


RELAYS = (
    TEXT + " ipv6 dhcp relay destination 2001:DB8:5::5\n ipv6 dhcp relay destination FF02::1:2 GigabitEthernet0/1\n"
)


def test_a_reply_finds_its_way_through_two_relay_agents() -> None:
    bench = Bench(RELAYS.replace(" ipv6 dhcp server OTHER\n", ""))
    reply = Message6(Kind.REPLY, b"abc")
    far = IPv6Address("2001:db8:2::99")
    inner = Message6(Kind.RELAY_REPL, bytes(17) + CLIENT.packed, ((Code.RELAYED, reply.serialize()),))
    for message, peer, to in ((reply, CLIENT, 546), (inner, far, 547)):
        options = ((Code.INTERFACE.value, b"GigabitEthernet0/2"), (Code.RELAYED.value, message.serialize()))
        (sent,) = bench.send(Message6(Kind.RELAY_REPL, bytes(17) + peer.packed, options), IPv6Address("2001:db8:5::5"))
        assert (sent.destination, sent.payload[2:4]) == (peer, to.to_bytes(2, "big"))
        assert Message6.parse(sent.payload[8:]) == message
    forged = ((Code.INTERFACE.value, b"GigabitEthernet0/2"), (Code.RELAYED.value, reply.serialize()))
    assert bench.send(Message6(Kind.RELAY_REPL, bytes(17) + far.packed, forged)) == []
    shown = bench.shown("interface")
    assert "GigabitEthernet0/1 is in server mode\n  Using pool: LAN\n  Preference value: 0\n" in shown
    assert "  Relay destinations:\n    2001:DB8:5::5\n    FF02::1:2 via GigabitEthernet0/1\n" in shown


def test_what_names_no_client_leases_nothing_however_it_comes() -> None:
    """Each number of a port was an address then, without the share of a client: a stranger emptied the pool."""
    bench = Bench()
    nameless = ask(Kind.INFORMATION_REQUEST, 1).options[1:]
    assert bench.hear(Message6(Kind.INFORMATION_REQUEST, b"abc", nameless)) == []
    head = b"\0" + IPv6Address("2001:db8:1::66").packed + CLIENT.packed
    inner = [Message6(kind, b"abc", nameless) for kind in Kind if kind < Kind.RELAY_FORW]
    for message in (*inner, Message6(Kind.RELAY_FORW, head, ask(Kind.SOLICIT, 1).options)):
        for depth in (1, 9):
            relayed = message
            for _ in range(depth):
                relayed = Message6(Kind.RELAY_FORW, head, ((Code.RELAYED, relayed.serialize()),))
            bench.hear(relayed, IPv6Address("2001:db8:1::66"), IPv6Address("2001:db8:1::1"))
    assert not bindings(bench)
    assert bench.hear(Message6(Kind.INFORMATION_REQUEST, b"abc"))


def test_addresses_that_were_declined_before_they_were_leased_keep_no_new_client_out() -> None:
    """They counted as offers for as long as they stay declined: no client of the port got an address for two days."""
    bench = Bench(TEXT.replace("/120", "/64"))
    for number in range(1, 300):
        (offer,) = bench.hear(ask(Kind.SOLICIT, number))
        decline = ask(Kind.DECLINE, number, address=leased(offer.get(Code.IA_NA))[0])
        named = Message6(decline.kind, decline.head, (*decline.options, (2, offer.get(Code.SERVER))))
        bench.hear(named)
        bench.advance(60)
    assert leased(bench.hear(ask(Kind.SOLICIT, 999))[0].get(Code.IA_NA))


def test_nobody_is_the_owner_of_a_declined_address() -> None:
    bench = Bench()
    (offer,) = bench.hear(ask(Kind.SOLICIT, 1))
    taken, server = leased(offer.get(Code.IA_NA))[0], (2, offer.get(Code.SERVER))
    decline = ask(Kind.DECLINE, 1, address=taken)
    bench.hear(Message6(decline.kind, decline.head, (*decline.options, server)))
    own = ((1, b"declined" + taken[:12]), (3, taken[12:16] + bytes(8) + serialize(((5, taken),))))
    bench.hear(Message6(Kind.RELEASE, b"abc", (*own, server)))
    assert taken[:16] not in [one.packed for one in map(bench.lease, range(2, 400)) if one is not None]


VRFS = """vrf definition RED
 address-family ipv6
vrf definition BLUE
 address-family ipv6
"""
OF_VRFS = (
    VRFS
    + TEXT.replace("interface GigabitEthernet0/1\n", "interface GigabitEthernet0/1\n vrf forwarding BLUE\n").replace(
        "interface GigabitEthernet0/2\n", "interface GigabitEthernet0/2\n vrf forwarding RED\n"
    )
    + """interface GigabitEthernet0/3
 vrf forwarding RED
 ipv6 address 2001:DB8:3::1/64
 ipv6 dhcp relay destination 2001:DB8:2::9
 no shutdown
"""
)


def test_a_stranger_in_a_vrf_neither_takes_addresses_of_another_one_nor_sends_into_it() -> None:
    bench = Bench(OF_VRFS)
    bench.handle(events.LinkChanged("GigabitEthernet0/3", True))
    stranger, own = IPv6Address("2001:db8:1::66"), IPv6Address("2001:db8:1::1")
    head = b"\0" + IPv6Address("2001:db8:2::66").packed + CLIENT.packed
    forward = Message6(Kind.RELAY_FORW, head, ((Code.RELAYED, ask(Kind.SOLICIT, 1).serialize()),))
    (answer,) = bench.hear(forward, stranger, own)
    assert not leased(Message6.parse(answer.get(Code.RELAYED)).get(Code.IA_NA))
    reply = (Code.RELAYED.value, ask(Kind.REPLY, 1).serialize())
    back = Message6(Kind.RELAY_REPL, head, ((Code.INTERFACE, b"GigabitEthernet0/3"), reply))
    assert bench.hear(back, stranger, own) == []


def test_a_relay_agent_without_an_address_gets_no_answer() -> None:
    bench = Bench()
    head = b"\0" + IPv6Address("2001:db8:1::66").packed + CLIENT.packed
    forward = Message6(Kind.RELAY_FORW, head, ((Code.RELAYED, ask(Kind.SOLICIT, 1).serialize()),))
    for source in ("::", "::1", "ff02::1", "::ffff:127.0.0.1"):
        assert bench.hear(forward, IPv6Address(source), IPv6Address("2001:db8:1::1")) == []


def test_a_pool_with_thousands_of_name_servers_still_answers() -> None:
    lines = "".join(f" dns-server 2001:DB8::{number:X}\n" for number in range(1, 4200))
    bench = Bench(TEXT.replace("ipv6 dhcp pool OTHER\n", f"{lines}ipv6 dhcp pool OTHER\n"))
    assert bench.lease(1) is not None


@pytest.mark.parametrize(
    "kept",
    [
        f'[["2001:db8:1::5", "", "LAN", "00", "Gi0/1", 1{"0" * 400}]]'.encode(),
        b'[["2001:db8:1::5", "", "LAN", "00", "Gi0/1", 1e300]]',
        b"[" * 100_000,
        json.dumps([["10.0.0.1", "", "LAN", "00", "Gi0/1", None], ["2001:db8:7::1", "", "LAN", "", "", None]]).encode(),
    ],
    ids=["far", "late", "deep", "strange"],
)
def test_a_damaged_file_of_bindings_harms_nobody(kept: bytes) -> None:
    bench = Bench("ip dhcp database flash:leases\n" + TEXT, kept)
    assert bench.lease(1) is not None
    assert len(bindings(bench)) == 1


def test_an_address_of_ipv6_in_the_file_of_ipv4_is_no_binding() -> None:
    pool = "ip dhcp database flash:leases\nip dhcp pool LAN\n network 10.1.1.0 /24\n"
    kept = json.dumps([["::a01:105", "", "LAN", "00", "Gi0/1", None], ["10.1.1.5", "", "LAN", "01", "Gi0/1", None]])
    assert len(Bench(pool + TEXT, kept.encode(), "dhcp-bindings").machine(DhcpMachine).server.bindings) == 1


def test_a_reply_from_anywhere_but_the_servers_of_the_port_is_not_passed_on() -> None:
    """Any station of the VRF could give clients behind a relay agent an address and name servers."""
    bench = Bench(RELAYS.replace(" ipv6 dhcp server OTHER\n", ""))
    octets = Message6(Kind.REPLY, b"abc").serialize()
    options = ((Code.INTERFACE.value, b"GigabitEthernet0/2"), (Code.RELAYED.value, octets))
    reply = Message6(Kind.RELAY_REPL, bytes(17) + CLIENT.packed, options)
    assert bench.send(reply, IPv6Address("2001:db8:5::5"))
    assert bench.send(reply, IPv6Address("2001:db8:1::66")), "the port where the group is asked"
    alone = Bench(RELAYS.replace(" ipv6 dhcp relay destination FF02::1:2 GigabitEthernet0/1\n", ""))
    assert alone.send(reply, IPv6Address("2001:db8:5::5"))
    assert alone.send(reply, IPv6Address("2001:db8:1::66")) == []


def test_the_identifier_of_the_server_is_the_same_after_a_restart_with_other_ports() -> None:
    bench = Bench()
    (before,) = bench.hear(ask(Kind.SOLICIT, 1))
    again = Bench(TEXT + "interface Ethernet0/0\n", before.get(Code.SERVER), "dhcp6-duid")
    (after,) = again.hear(ask(Kind.SOLICIT, 1))
    assert after.get(Code.SERVER) == before.get(Code.SERVER)


@pytest.mark.parametrize(("line", "kind"), [("LAN rapid-commit", Kind.REPLY), ("LAN", Kind.ADVERTISE)])
def test_a_client_in_a_hurry_gets_its_lease_at_once_where_the_line_says_so(line: str, kind: Kind) -> None:
    bench = Bench(TEXT.replace("server LAN", f"server {line}"))
    wish = ask(Kind.SOLICIT, 1)
    (answer,) = bench.hear(Message6(wish.kind, wish.head, (*wish.options, (Code.RAPID, b""))))
    assert (answer.kind, len(answer.all(Code.RAPID))) == (kind, int(kind is Kind.REPLY))
    assert [one.state.value for one in bindings(bench).values()] == ["Active" if kind is Kind.REPLY else "Selecting"]
    assert f"Rapid-Commit: {'enabled' if kind is Kind.REPLY else 'disabled'}" in bench.shown("interface")


def test_bindings_are_cleared_one_by_one_or_all() -> None:
    bench = Bench()
    first, _ = bench.lease(1), bench.lease(2)
    bench.do(f"clear ipv6 dhcp binding {first}")
    assert len(bindings(bench)) == 1
    bench.do("clear ipv6 dhcp binding")
    assert not bindings(bench)
