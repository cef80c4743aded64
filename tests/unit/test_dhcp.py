"""DHCP: the codec, leases that lie, servers that refuse, floods; all as events of a router with a clock of the test."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base import events
from dmvpn.base.addresses import UNSPECIFIED, IPAddress
from dmvpn.base.effects import Effect, InVrf, SendIp, SetInterface
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import WireError, surely
from dmvpn.features.dhcp.client import Client, ClientState
from dmvpn.features.dhcp.machine import DhcpMachine
from dmvpn.features.dhcp.model import Drop
from dmvpn.features.dhcp.packet import BROADCAST, CLIENT_PORT, SERVER_PORT, Code, Message, MessageType, datagram, packed
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.router.router import Router
from support.work import calls

HARDWARE = b"\x02\x00\x00\x00\x00\x01"
SERVER, ADDRESS = IPv4Address("10.1.1.1"), IPv4Address("10.1.1.10")
POOL = """hostname R1
ip dhcp excluded-address 10.1.1.1 10.1.1.9
ip dhcp pool LAN
 network 10.1.1.0 /24
 default-router 10.1.1.1
 option 150 ip 10.1.1.5 10.1.1.6
ip dhcp pool PRINTER
 host 10.1.1.200 /24
 hardware-address 0200.0000.00aa
interface GigabitEthernet0/1
 ip address 10.1.1.1 255.255.255.0
 no shutdown
"""
SECOND_PORT = "interface GigabitEthernet0/2\n ip address 10.2.2.1 255.255.255.0\n no shutdown\n"


class Bench:
    """A router, and what it sent."""

    def __init__(self, text: str) -> None:
        self.router, self.now = Router(SeededEntropy(1)), 0.0
        self.router.handle(events.PlaneAnnounced(ipv6=True, manages=True), 0.0)
        self.router.handle(events.ConfigurationEntered(text), 0.0)
        for port in ("GigabitEthernet0/1", "GigabitEthernet0/2"):
            self.sent = self._sent(self.router.handle(events.LinkChanged(port, True), 0.0))

    def _sent(self, effects: list[Effect]) -> list[SendIp]:
        whole = [effect.effect if isinstance(effect, InVrf) else effect for effect in effects]
        return [effect for effect in whole if isinstance(effect, SendIp)]

    def hear(
        self, message: Message, to: IPv4Address = BROADCAST, port: int = 67, source: IPv4Address = UNSPECIFIED
    ) -> list[Message]:
        payload = datagram(message, source, to, (135 - port, port))
        event = events.IpReceived("GigabitEthernet0/1", source, to, IpProtocol.UDP, payload)
        return self.replies(self.router.handle(event, self.now))

    def wait(self, seconds: float) -> list[Message]:
        found, end = list[Message](), self.now + seconds
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(due, self.now)
            found += self.replies(self.router.handle(events.Tick(), self.now))
        self.now = end
        return found

    def replies(self, effects: list[Effect]) -> list[Message]:
        self.sent = self._sent(effects)
        packets = [
            UdpDatagram.parse(one.payload, one.source or SERVER, one.destination)
            for one in self.sent
            if one.protocol == IpProtocol.UDP
        ]
        ours = (SERVER_PORT, CLIENT_PORT)
        return [Message.parse(one.payload) for one in packets if one.destination_port in ours]

    @property
    def machine(self) -> DhcpMachine:
        return next(one for one in self.router.machines.values() if isinstance(one, DhcpMachine))

    def lease(self, client: int) -> Message | None:
        """Return the reply to a client that takes what it is offered."""
        discover = ask(MessageType.DISCOVER, client)
        offers = self.hear(discover) + self.wait(2)
        if not offers:
            return None
        wish: dict[int, bytes] = {Code.REQUESTED_ADDRESS: offers[0].yiaddr.packed, Code.SERVER: SERVER.packed}
        return self.hear(ask(MessageType.REQUEST, client, wish))[0]


def ask(kind: MessageType, client: int = 1, options: dict[int, bytes] | None = None) -> Message:
    every: dict[int, bytes] = {Code.MESSAGE_TYPE: bytes((kind,)), **(options or {})}
    return Message(xid=7, hardware=b"\x02" + client.to_bytes(5, "big"), options=every)


def offer(options: dict[int, bytes] | None = None, **changes: object) -> Message:
    """Return an offer to a client, with other fields or options."""
    every: dict[int, bytes] = {
        Code.MESSAGE_TYPE: b"\2",
        Code.SERVER: SERVER.packed,
        Code.SUBNET_MASK: b"\xff\xff\xff\0",
        Code.LEASE_TIME: (600).to_bytes(4, "big"),
        Code.ROUTER: SERVER.packed,
    }
    message = Message(is_reply=True, xid=0, hardware=HARDWARE, yiaddr=ADDRESS, options=every | (options or {}))
    return replace(message, **changes)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ the codec


def test_options_of_more_than_255_octets_come_in_pieces_and_option_82_is_the_last() -> None:
    options = {53: b"\1", 82: b"\1\2ab", 43: bytes(range(256)) * 2, 200: b""}
    message = Message(xid=5, hardware=HARDWARE, server_name=b"boot", options=options)
    octets = message.serialize()
    assert Message.parse(octets) == message
    assert octets[octets.index(bytes((82, 4))) :].rstrip(b"\0") == b"\x52\x04\1\2ab\xff"


def test_options_are_read_where_option_52_says() -> None:
    octets = bytearray(Message(xid=5, hardware=HARDWARE, options={53: b"\1", 52: b"\3"}).serialize())
    octets[44:47], octets[108:114] = b"\x0c\x01a", b"\x0c\x01b\xff\0\0"
    assert Message.parse(bytes(octets)).options == {53: b"\1", 12: b"ba"}


@given(st.data())
def test_a_changed_message_is_refused_or_read_and_never_an_error_of_ours(data: st.DataObject) -> None:
    octets = bytearray(offer(options={121: b"\x18\x0a\x02\x03\x0a\x01\x01\x01", 61: b"\1ab"}).serialize())
    for _ in range(data.draw(st.integers(1, 6))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    octets = octets[: data.draw(st.integers(0, len(octets)))]
    bench = Bench(POOL + "interface GigabitEthernet0/2\n ip address dhcp\n no shutdown\n")
    for port in (67, 68):
        payload = bytes((0, 68, 0, port)) + (8 + len(octets)).to_bytes(2, "big") + b"\0\0" + octets
        for interface in ("GigabitEthernet0/1", "GigabitEthernet0/2"):
            bench.router.handle(events.IpReceived(interface, SERVER, BROADCAST, IpProtocol.UDP, payload), 1.0)
    with suppress(WireError):
        assert Message.parse(Message.parse(bytes(octets)).serialize())


# ------------------------------------------------------------------------------------------------ the client


def client() -> Client:
    made = Client(HARDWARE, b"", "R1", SeededEntropy(1))
    made.begin(0.0)
    return made


@pytest.mark.parametrize(
    "lie",
    [
        {"yiaddr": SERVER},
        {"yiaddr": IPv4Address("10.1.1.255")},
        {"yiaddr": IPv4Address("224.0.0.9")},
        {"yiaddr": IPv4Address("127.0.0.1")},
        {"options": {Code.SUBNET_MASK: b"\0\0\0\0"}},
        {"options": {Code.SUBNET_MASK: b"\xff\0\xff\0"}},
        {"options": {Code.LEASE_TIME: b"\0\0\0\0"}},
        {"options": {Code.LEASE_TIME: b"\0\0\0\1"}},
        {"options": {Code.ROUTER: b"\x0a\x01\x01\xff"}},
        {"options": {Code.CLASSLESS_ROUTES: b"\x18\x0a\x09\x09\x0a\x01\x01\x0a"}},
        {"options": {Code.CLASSLESS_ROUTES: b"\x01\x80\x0a\x01\x01\x01"}},
        {"options": {Code.CLASSLESS_ROUTES: b"\x18\x0a\x09\x09\x0a\x01\x01\x01" * 65}},
        {"xid": 99},
        {"hardware": b"\x02\0\0\0\0\x09"},
    ],
)
def test_an_offer_that_lies_is_not_taken(lie: dict[str, Any]) -> None:
    made = client()
    assert made.hear(offer(**{"xid": made.xid, **lie}), 1.0) == []
    assert made.state is ClientState.SELECTING


def test_a_lease_whose_router_is_in_another_subnet_is_taken_without_that_router() -> None:
    """Files of users have such pools, and dhclient, Windows and IOS take their leases: all offers were ignored."""
    made = client()
    options: dict[str, dict[int, bytes]] = {"options": {Code.ROUTER: b"\x0a\x02\x02\x01"}}
    made.hear(offer(xid=made.xid, **options), 1.0)
    options["options"][Code.MESSAGE_TYPE] = b"\5"
    made.hear(offer(xid=made.xid, **options), 1.0)
    assert made.state is ClientState.BOUND
    assert made.station == (IPv4Interface((ADDRESS, 24)), None)


@pytest.mark.parametrize("length", [31, 32])
def test_a_lease_of_a_point_to_point_link_needs_no_router(length: int) -> None:
    """No router was taken for the broadcast address that such a subnet does not have: every offer was ignored."""
    made = client()
    whole = offer(xid=made.xid, options={Code.SUBNET_MASK: (2**32 - 2 ** (32 - length)).to_bytes(4, "big")})
    bare = {code: octets for code, octets in whole.options.items() if code != Code.ROUTER}
    for kind in (b"\2", b"\5"):
        made.hear(replace(whole, options=bare | {Code.MESSAGE_TYPE: kind}), 1.0)
    assert made.state is ClientState.BOUND
    assert made.station == (IPv4Interface((ADDRESS, length)), None)


def test_the_answer_of_another_server_and_a_late_one_change_nothing() -> None:
    made = client()
    made.hear(offer(xid=made.xid), 1.0)
    other: dict[int, bytes] = {Code.SERVER: b"\x0a\x01\x01\x07"}
    for kind in (MessageType.ACK, MessageType.NAK):
        assert made.hear(offer(xid=made.xid, options={Code.MESSAGE_TYPE: bytes((kind,)), **other}), 1.1) == []
    assert made.lease is None
    made.hear(offer(xid=made.xid, options={Code.MESSAGE_TYPE: b"\5"}), 1.2)
    assert made.state == ClientState.BOUND
    made.hear(offer(xid=made.xid, options={Code.MESSAGE_TYPE: b"\6"}), 1.3)
    assert made.state is ClientState.BOUND, "a NAK that nobody asked for"


def test_a_lease_is_renewed_by_a_unicast_then_by_a_broadcast_and_then_it_is_over() -> None:
    made = client()
    made.hear(offer(xid=made.xid), 0.0)
    made.hear(offer(xid=made.xid, options={Code.MESSAGE_TYPE: b"\5"}), 0.0)
    to: list[tuple[float, IPv4Address]] = []
    while made.lease is not None and made.due is not None:
        now = made.due
        to += [(now, each.destination) for each in made.fire(now) if made.lease is not None]
    assert to[0] == (300.0, SERVER)
    assert all((where == SERVER) == (when < 525) for when, where in to)
    assert (now, len(to) < 20) == (600.0, True)


def test_a_port_gets_another_address_and_loses_it_with_a_nak() -> None:
    bench = Bench("interface GigabitEthernet0/1\n ip address dhcp\n no shutdown\n")
    one = bench.machine.clients["GigabitEthernet0/1"]
    xid, hardware = one.xid, one.hardware
    for kind in (2, 5):
        said = offer(xid=xid, hardware=hardware, options={Code.MESSAGE_TYPE: bytes((kind,))})
        bench.hear(said, port=68, source=SERVER)
    state = bench.router.ports.interfaces.get("GigabitEthernet0/1")
    assert state is not None
    assert state.address == ADDRESS
    bench.wait(301)
    bench.hear(offer(xid=xid, hardware=hardware, options={Code.MESSAGE_TYPE: b"\6"}), port=68, source=SERVER)
    state = bench.router.ports.interfaces.get("GigabitEthernet0/1")
    assert state is not None
    assert state.address is None
    assert [one.type for one in bench.wait(11)] == [MessageType.DISCOVER]


def test_a_stranger_whose_offers_differ_writes_few_lines_into_the_log() -> None:
    bench = Bench("interface GigabitEthernet0/1\n ip address dhcp\n no shutdown\n")
    one, said = bench.machine.clients["GigabitEthernet0/1"], 0
    for number in range(500):
        lie = offer(xid=one.xid, hardware=one.hardware, yiaddr=IPv4Address(0xE0000001 + number))
        payload = datagram(lie, SERVER, BROADCAST, (67, 68))
        event = events.IpReceived("GigabitEthernet0/1", SERVER, BROADCAST, IpProtocol.UDP, payload)
        said += sum("LEASE_REFUSED" in str(each) for each in bench.router.handle(event, 1.0))
    assert said == 1
    assert bench.machine.drops[Drop.IGNORED] == 500


def test_the_words_of_a_server_fill_no_page() -> None:
    made = client()
    made.hear(offer(xid=made.xid), 1.0)
    made.hear(offer(xid=made.xid, options={Code.MESSAGE_TYPE: b"\6", Code.MESSAGE: b"no" * 1000}), 1.1)
    assert (made.state, len(made.why)) == (ClientState.INIT, 255)


PROTECTED = """crypto ipsec transform-set T esp-gcm
 mode transport
crypto ipsec profile P
 set transform-set T
interface Tunnel0
 ip address 10.0.0.2 255.255.255.0
 tunnel source GigabitEthernet0/1
 tunnel destination 192.0.2.1
 tunnel protection ipsec profile P
interface GigabitEthernet0/1
 ip address dhcp
 no shutdown
"""


@pytest.mark.parametrize(
    ("more", "taken"), [("", 0), ("interface Tunnel0\n no tunnel protection ipsec profile P\n", 1)]
)
def test_a_server_outside_leads_nothing_past_a_protected_tunnel_by_routes_of_its_lease(more: str, taken: int) -> None:
    bench = Bench(PROTECTED + more)
    one = bench.machine.clients["GigabitEthernet0/1"]
    routes = b"\x18\x0a\x63\x01\x0a\x01\x01\x01" + b"\0\x0a\x01\x01\x01"
    for kind in (2, 5):
        options: dict[int, bytes] = {Code.MESSAGE_TYPE: bytes((kind,)), Code.CLASSLESS_ROUTES: routes}
        bench.hear(offer(xid=one.xid, hardware=one.hardware, options=options), port=68, source=SERVER)
    rib = bench.router.ports.rib
    assert surely(rib.lookup(IPv4Address("8.8.8.8"))).prefix.length == 0, "the default route is what a lease is for"
    assert surely(rib.lookup(IPv4Address("10.99.1.1"))).prefix.length == 24 * taken


@pytest.mark.parametrize("earlier", [b"", b"\xff damaged", b"GigabitEthernet0/1 10.1.1.10\n"])
def test_a_port_that_a_program_of_the_host_gave_an_address_has_no_client_unless_an_earlier_life_did(
    earlier: bytes,
) -> None:
    router = Router(SeededEntropy(1))
    router.handle(events.PlaneAnnounced(ipv6=True, manages=True, shares=True), 0.0)
    router.handle(events.Remembered("dhcp-leases", earlier), 0.0)
    router.handle(events.ConfigurationEntered("interface GigabitEthernet0/1\n ip address dhcp\n no shutdown\n"), 0.0)
    router.handle(events.LinkChanged("GigabitEthernet0/1", True), 0.0)
    orders = router.handle(events.AddressAssigned("GigabitEthernet0/1", ADDRESS, 24), 0.0)
    (machine,) = (one for one in router.machines.values() if isinstance(one, DhcpMachine))
    assert bool(machine.clients) is (b"GigabitEthernet0/1 10.1.1.10" in earlier)
    assert all(one.leased for one in orders if isinstance(one, SetInterface))


# ------------------------------------------------------------------------------------------------ the server


def test_a_client_gets_its_address_again_and_a_binding_by_hand_its_own() -> None:
    bench = Bench(POOL)
    first = bench.lease(1)
    assert first is not None
    assert first.type is MessageType.ACK
    assert (first.yiaddr, first.options[150]) == (ADDRESS, packed(map(IPv4Address, ("10.1.1.5", "10.1.1.6"))))
    assert bench.lease(1) == first
    assert [one.yiaddr for one in (bench.lease(2), bench.lease(0xAA)) if one is not None] == [
        IPv4Address("10.1.1.11"),
        IPv4Address("10.1.1.200"),
    ]


def test_a_client_of_another_network_is_refused_and_an_unknown_one_that_may_be_right_is_not() -> None:
    bench = Bench(POOL)
    wrong = ask(MessageType.REQUEST, 3, {Code.REQUESTED_ADDRESS: b"\x0a\x02\x02\x02"})
    assert [one.type for one in bench.hear(wrong)] == [MessageType.NAK]
    assert bench.hear(ask(MessageType.REQUEST, 3, {Code.REQUESTED_ADDRESS: ADDRESS.packed})) == []


def test_an_address_that_answers_is_not_offered_until_the_conflict_is_cleared() -> None:
    bench = Bench(POOL)
    bench.hear(ask(MessageType.DISCOVER))
    ping = bench.sent[0]
    echo = b"\0" + ping.payload[1:]
    bench.router.handle(events.IpReceived("GigabitEthernet0/1", ping.destination, SERVER, 1, echo), 0.1)
    assert [one.yiaddr for one in bench.wait(2)] == [IPv4Address("10.1.1.11")]


def test_an_address_is_kept_for_its_client_while_it_is_pinged_however_long_that_takes() -> None:
    """Its record ended after 60 s, and no offer came of 100 s of pings."""
    bench = Bench(POOL + "ip dhcp ping packets 10\nip dhcp ping timeout 10000\n")
    bench.hear(ask(MessageType.DISCOVER))
    assert [one.yiaddr for one in bench.wait(110)] == [ADDRESS]


def test_a_flood_on_one_port_takes_its_share_and_no_more() -> None:
    bench = Bench(POOL.replace("/24\n default", "/16\n default") + "ip dhcp ping packets 0\n")
    offers = [one for number in range(1000) for one in bench.hear(ask(MessageType.DISCOVER, 1000 + number))]
    assert len(offers) == 256
    bench.wait(61)
    assert bench.lease(1) is not None


def test_a_full_pool_is_searched_no_longer_than_an_empty_one_and_serves_what_becomes_free() -> None:
    bench = Bench("ip dhcp ping packets 0\n" + POOL.replace("/24\n default", "/22\n default"))
    leases = [bench.lease(number) for number in range(1, 1100)]
    assert sum(one is not None for one in leases) == 1022 - 9, "one of them is bound by hand"
    assert calls(lambda: bench.hear(ask(MessageType.DISCOVER, 5000))) < 400
    given = surely(leases[700])
    bench.hear(replace(ask(MessageType.RELEASE, 701), ciaddr=given.yiaddr), SERVER, source=given.yiaddr)
    assert surely(bench.lease(5000)).yiaddr == given.yiaddr
    assert bench.machine.drops[Drop.POOL] == 86 + 1


def test_one_hardware_address_and_one_port_get_their_shares_and_declined_addresses_come_back() -> None:
    bench = Bench("ip dhcp ping packets 0\n" + POOL.replace("/24\n default", "/16\n default"))
    for number in range(40):
        wish: dict[int, bytes] = {Code.CLIENT: bytes((1, number))}
        bench.hear(ask(MessageType.DISCOVER, 1, wish))
    assert bench.machine.drops[Drop.CLIENT] == 40 - 16
    for number in range(100, 200):
        wish = {Code.REQUESTED_ADDRESS: surely(bench.lease(number)).yiaddr.packed}
        bench.hear(ask(MessageType.DECLINE, number, wish))
    assert 16 <= len(bench.machine.server.conflicts) <= 20


def test_a_relay_agent_in_the_subnet_of_another_port_takes_none_of_its_addresses() -> None:
    bench = Bench(POOL.replace("pool LAN\n network 10.1.1.0", "pool FAR\n network 10.2.2.0") + SECOND_PORT)
    assert bench.hear(replace(ask(MessageType.DISCOVER), giaddr=IPv4Address("10.2.2.7"))) + bench.wait(2) == []
    assert bench.machine.drops[Drop.UNTRUSTED] == 1


def test_a_client_that_names_no_hardware_has_one_share_too() -> None:
    bench = Bench("ip dhcp ping packets 0\n" + POOL)
    for number in range(40):
        wish: dict[int, bytes] = {Code.CLIENT: bytes((1, number))}
        bench.hear(replace(ask(MessageType.DISCOVER, 1, wish), hardware=b""))
    assert bench.machine.drops[Drop.CLIENT] == 40 - 16


@pytest.mark.parametrize("padding", [256, 3000, 9000])
def test_an_identifier_or_a_message_of_any_length_is_not_kept(padding: int) -> None:
    bench = Bench(POOL)
    bench.hear(ask(MessageType.DISCOVER, 1, {Code.CLIENT: bytes(256)} if padding == 256 else {200: bytes(padding)}))
    assert bench.machine.drops[Drop.MALFORMED] == (padding != 3000)
    assert len(bench.machine.server.bindings) == (padding == 3000)


def test_only_a_station_that_hears_the_ping_can_answer_it() -> None:
    bench = Bench(POOL + SECOND_PORT)
    bench.hear(ask(MessageType.DISCOVER))
    (ping,) = bench.sent
    replies = [bytes(4) + ping.payload[4:8] + payload for payload in (bytes(32), ping.payload[8:])]
    for payload in replies:
        event = events.IpReceived("GigabitEthernet0/2", ADDRESS, SERVER, IpProtocol.ICMP, payload)
        bench.router.handle(event, bench.now)
        assert len(bench.machine.server.conflicts) == (payload is replies[1])


@pytest.mark.parametrize("kind", [MessageType.RELEASE, MessageType.REQUEST, MessageType.INFORM])
def test_a_stranger_on_another_port_speaks_for_no_client(kind: MessageType) -> None:
    bench = Bench(POOL + SECOND_PORT)
    given = surely(bench.lease(1)).yiaddr
    message = replace(ask(kind), ciaddr=given)
    payload = datagram(message, given, SERVER, (68, 67))
    event = events.IpReceived("GigabitEthernet0/2", given, SERVER, IpProtocol.UDP, payload)
    assert bench.replies(bench.router.handle(event, bench.now)) == []
    assert bench.machine.drops[Drop.UNTRUSTED] == 1
    assert len(bench.machine.server.bindings) == 1


def test_an_answer_goes_to_an_address_only_if_it_came_from_there() -> None:
    bench = Bench(POOL)
    inform = replace(ask(MessageType.INFORM), ciaddr=IPv4Address("10.1.1.77"))
    assert bench.hear(inform, SERVER, source=IPv4Address("10.1.1.66")) == []
    assert [one.type for one in bench.hear(inform, SERVER, source=inform.ciaddr)] == [MessageType.ACK]
    assert bench.sent[0].destination == inform.ciaddr


def test_a_flood_of_one_port_leaves_time_for_the_others() -> None:
    bench = Bench("ip dhcp ping packets 0\n" + POOL + SECOND_PORT)
    wrong: dict[int, bytes] = {Code.REQUESTED_ADDRESS: b"\x0a\x09\x09\x09"}
    refused = [one for number in range(9000) for one in bench.hear(ask(MessageType.REQUEST, number, wrong))]
    assert 0 < len(refused) <= 4001
    assert bench.machine.drops[Drop.BUSY] == 9000 - len(refused)
    bench.wait(2)
    assert bench.lease(1) is not None


@given(st.lists(st.tuples(st.sampled_from(MessageType), st.integers(0, 3), st.integers(8, 14), st.integers(0, 90))))
def test_no_sequence_of_messages_gives_two_clients_one_address_or_keeps_what_is_over(
    steps: list[tuple[MessageType, int, int, int]],
) -> None:
    bench = Bench(POOL.replace("/24\n default", "/29\n default").replace("10.1.1.0 /29", "10.1.1.8 /29"))
    held: dict[IPAddress, bytes] = {}
    for kind, number, last, seconds in steps:
        address = IPv4Address(f"10.1.1.{last}")
        wish: dict[int, bytes] = {Code.REQUESTED_ADDRESS: address.packed, Code.SERVER: SERVER.packed}
        asked = ask(kind, number, wish if seconds % 3 else {})
        for reply in bench.hear(replace(asked, ciaddr=UNSPECIFIED if seconds % 3 else address)) + bench.wait(seconds):
            if reply.type is MessageType.ACK and reply.yiaddr != UNSPECIFIED:
                assert held.setdefault(reply.yiaddr, reply.hardware) == reply.hardware
        held = {one.address: one.hardware for one in bench.machine.server.bindings.values()}
    bench.wait(90_000)
    assert not bench.machine.server.bindings


def test_without_service_dhcp_nobody_gets_an_answer() -> None:
    bench = Bench("no service dhcp\n" + POOL)
    assert bench.hear(ask(MessageType.DISCOVER)) + bench.wait(2) == []


def test_a_client_with_an_address_that_cannot_hear_broadcasts_is_answered_by_its_hardware_address() -> None:
    bench = Bench(POOL)
    bench.hear(ask(MessageType.DISCOVER))
    bench.wait(2)
    assert (bench.sent[0].destination, bench.sent[0].hardware) == (ADDRESS, b"\x02\0\0\0\0\x01")


# ------------------------------------------------------------------------------------------------ the relay agent


def test_a_request_goes_on_to_the_helper_with_option_82_and_the_reply_comes_back_without() -> None:
    bench = Bench(
        "ip dhcp relay information option\ninterface GigabitEthernet0/1\n ip address 10.1.1.1 255.255.255.0\n"
        " ip helper-address 10.9.9.9\n no shutdown\n"
    )
    (relayed,) = bench.hear(ask(MessageType.DISCOVER))
    assert (relayed.giaddr, relayed.hops, bench.sent[0].destination) == (SERVER, 1, IPv4Address("10.9.9.9"))
    assert b"GigabitEthernet0/1" in relayed.options[Code.RELAY_INFORMATION]
    given = offer(xid=7, giaddr=SERVER, broadcast=True, options={82: relayed.options[Code.RELAY_INFORMATION]})
    (reply,) = bench.hear(given, SERVER, source=IPv4Address("10.9.9.9"))
    assert (Code.RELAY_INFORMATION in reply.options, bench.sent[0].destination) == (False, BROADCAST)
    assert bench.hear(replace(ask(MessageType.DISCOVER), hops=16)) == []
    assert bench.hear(replace(ask(MessageType.DISCOVER), giaddr=SERVER)) == [], "our own"
    assert sum(len(bench.hear(ask(MessageType.DISCOVER))) for _ in range(1000)) < 450


def test_a_reply_that_no_client_waits_for_stays_out_whoever_sends_it() -> None:
    bench = Bench(
        "interface GigabitEthernet0/1\n ip address 10.1.1.1 255.255.255.0\n ip helper-address 10.9.9.9\n no shutdown\n"
    )
    bench.hear(ask(MessageType.DISCOVER))
    for xid in (8, 7):
        given = offer(xid=xid, giaddr=SERVER, options={Code.MESSAGE_TYPE: b"\6"})
        assert len(bench.hear(given, SERVER, source=IPv4Address("10.9.9.7"))) == (xid == 7)
    assert bench.machine.drops[Drop.IGNORED] == 1


def test_a_reply_for_a_port_whose_clients_never_asked_through_the_router_stays_out() -> None:
    assert Bench(POOL).hear(offer(giaddr=SERVER), SERVER, source=IPv4Address("198.51.100.9")) == []
