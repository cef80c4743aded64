"""What a router does with what it should not have been sent: count it, drop it, answer as the RFC says, log one line.

Nothing of it may change what a router knows or how it forwards.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import GRE_NHRP, SendGre
from dmvpn.features.nhrp import packet as nhrp
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.model import DEFAULT_HEARSAY
from dmvpn.features.nhrp.packet import (
    NhrpPacket,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionRequest,
    TrafficIndication,
    parse,
)
from dmvpn.features.nhrp.parts import (
    Authentication,
    CieCode,
    ClientInfo,
    Extensions,
    ForwardTransitRecord,
    UnknownExtension,
)
from dmvpn.net import gre, ipv4
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import Ipv4Packet
from support.nats import lost
from support.secured import said
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import Event
    from support.world import Wiretap

UNDERLAY = "GigabitEthernet0/1"
R31_TO_HUB = ("172.16.31.1", "172.16.11.1")
NHRP = gre.GreHeader(protocol_type=gre.ProtocolType.NHRP, key=100)
IPV4 = gre.GreHeader(protocol_type=gre.ProtocolType.IPV4, key=100)


NETWORK, SETTLED_AFTER = "notes-phase3", 20


def knowledge(world: World, router: str) -> str:
    """What a router knows, without the ages."""
    text = "".join(world.show(router, what) for what in ("dmvpn detail", "ip nhrp detail", "ip route", "ip cef"))
    return re.sub(r"\d\d:\d\d:\d\d", "", text)


def count(world: World, router: str, command: str, what: str) -> int:
    """The number before `what` in a show command; 0 without such a line."""
    match = re.search(rf"(\d+) {re.escape(what)}", world.show(router, command))
    return int(match[1]) if match else 0


def from_r31(world: World, header: gre.GreHeader, payload: bytes) -> None:
    """A GRE packet reaches the hub as if R31 had sent it."""
    world.deliver_gre("R11", UNDERLAY, R31_TO_HUB, header.serialize(payload))


def inner(protocol: int, payload: bytes, destination: str, ttl: int = 2) -> bytes:
    """An IP packet from R31's tunnel address."""
    return ipv4.Ipv4Packet(
        source=IPv4Address("192.168.100.31"),
        destination=IPv4Address(destination),
        protocol=protocol,
        payload=payload,
        ttl=ttl,
    ).serialize()


def garbage(number: int) -> list[bytes]:
    """So many packets of random octets, some of them short, the same in every run."""
    chance = random.Random(7)
    return [chance.randbytes(chance.randrange(120)) for _ in range(number)]


# --------------------------------------------------------------------------------------------------------- malformed


def test_malformed_gre_is_counted_and_dropped(world: World) -> None:
    before = knowledge(world, "R11")
    for message in (
        b"",
        b"\x00",
        b"\xff\xff\x08\x00",
        b"\x20\x00\x08\x00",
        b"\x10\x00\x08\x00",
        b"\x80\x00\x08\x00\0\1\0\0",
    ):
        world.deliver_gre("R11", UNDERLAY, R31_TO_HUB, message)
    world.run_for(6)
    assert count(world, "R11", "tunnel traffic", "malformed") == 6
    assert knowledge(world, "R11") == before


def test_gre_with_the_wrong_key_or_none_is_dropped_in_silence(world: World) -> None:
    before, tap = knowledge(world, "R11"), world.watch("R11", UNDERLAY)
    for key in (None, 0, 99, 0xFFFFFFFF):
        for kind in (gre.ProtocolType.NHRP, gre.ProtocolType.IPV4):
            from_r31(world, gre.GreHeader(protocol_type=kind, key=key), bytes(64))
    assert [octets for _, octets in tap.packets] == []
    world.run_for(6)
    assert count(world, "R11", "tunnel traffic", "for no tunnel with these addresses and this key") == 8
    assert knowledge(world, "R11") == before
    assert world.messages("R11")[-1].startswith("%DUAL-5-NBRCHANGE")


def test_a_gre_payload_that_is_not_ip_is_counted_and_dropped(world: World) -> None:
    before = knowledge(world, "R11")
    from_r31(world, gre.GreHeader(protocol_type=0x8847, key=100), bytes(40))
    from_r31(world, IPV4, b"\x60" + bytes(39))  # a whole IPv6 header, under the number of IPv4
    from_r31(world, IPV4, b"")
    world.run_for(6)
    assert count(world, "R11", "tunnel traffic", "with a payload that is not carried here") == 3
    assert knowledge(world, "R11") == before


def test_malformed_nhrp_is_counted_and_dropped(world: World) -> None:
    before, tap = knowledge(world, "R11"), world.watch("R11", UNDERLAY)
    packets = [b"", bytes(19), bytes(20), b"\xff" * 100, *garbage(200)]
    for payload in packets:
        from_r31(world, NHRP, payload)
    assert tap.packets == []
    assert count(world, "R11", "ip nhrp traffic detail", "malformed") == len(packets)
    assert knowledge(world, "R11") == before


def test_every_truncation_and_every_flipped_octet_of_a_registration_changes_nothing(world: World) -> None:
    request = nhrp.RegistrationRequest(
        source_nbma=IPv4Address("172.16.31.1"),
        source_protocol=IPv4Address("192.168.100.31"),
        destination_protocol=IPv4Address("192.168.100.11"),
        flags=nhrp.RegistrationFlag.UNIQUE,
        request_id=99,
        cies=(ClientInfo(prefix_length=32, holding_time=7200, preference=255),),
    ).serialize()
    before = knowledge(world, "R11")
    for length in range(len(request)):
        from_r31(world, NHRP, request[:length])
    for position in range(len(request)):
        from_r31(world, NHRP, request[:position] + bytes((request[position] ^ 0x55,)) + request[position + 1 :])
    # Each has a wrong length or a wrong checksum.
    assert count(world, "R11", "ip nhrp traffic detail", "malformed") == 2 * len(request)
    assert knowledge(world, "R11") == before


def dropped_eigrp(world: World, router: str) -> int:
    """EIGRP packets that a router dropped, whatever the reason: a few even while neighbors meet."""
    return sum(map(int, re.findall(r"Dropped, .*: (\d+)", world.show(router, "ip eigrp traffic"))))


def test_malformed_eigrp_is_counted_and_dropped_and_logged_once(world: World) -> None:
    before, logged, early = knowledge(world, "R11"), len(world.messages("R11")), dropped_eigrp(world, "R11")
    packets = [b"", bytes(20), b"\x02\x05" + bytes(18), *garbage(100)]
    for payload in packets:
        from_r31(world, IPV4, inner(88, payload, "224.0.0.10"))
        from_r31(world, IPV4, inner(88, payload, "192.168.100.11"))
    assert dropped_eigrp(world, "R11") - early == 2 * len(packets)
    assert len(world.messages("R11")) - logged <= 1
    world.run_for(30)
    assert knowledge(world, "R11") == before


def rip(source: IPv4Address, destination: IPv4Address, datagram: bytes) -> ipv4.Ipv4Packet:
    """An IP packet around a RIP datagram."""
    udp = ipv4.IpProtocol.UDP
    return ipv4.Ipv4Packet(source=source, destination=destination, protocol=udp, payload=datagram, ttl=2)


def test_malformed_rip_is_counted_and_dropped() -> None:
    world = World("notes-gre").converge()
    before = knowledge(world, "R11")
    source, group = IPv4Address("172.16.11.2"), IPv4Address("224.0.0.9")
    packets = [b"", b"\x02", bytes(24), b"\x02\x02\x00\x00" + bytes(19), b"\x02\x09\x00\x00" + bytes(20)]
    for payload in packets:
        datagram = UdpDatagram(source_port=520, destination_port=520, payload=payload).serialize(source, group)
        packet = ipv4.Ipv4Packet(
            source=source, destination=group, protocol=ipv4.IpProtocol.UDP, payload=datagram, ttl=2
        )
        world.deliver("R11", UNDERLAY, packet)
    assert f"{UNDERLAY} ignored {len(packets)} packets, the last one from 172.16.11.2: " in world.show(
        "R11", "ip protocols"
    )
    assert knowledge(world, "R11") == before


def test_a_rip_response_from_a_stranger_or_a_wrong_port_is_not_believed() -> None:
    world = World("notes-gre").converge()
    group = IPv4Address("224.0.0.9")
    route = bytes.fromhex("00020000 0a630000 ffff0000 00000000 00000001")  # 10.99.0.0/16, metric 1
    for source, port in ((IPv4Address("203.0.113.9"), 520), (IPv4Address("172.16.11.2"), 521)):
        datagram = UdpDatagram(source_port=port, destination_port=520, payload=b"\x02\x02\0\0" + route)
        world.deliver("R11", UNDERLAY, rip(source, group, datagram.serialize(source, group)))
    assert "10.99.0.0" not in world.show("R11", "ip route")
    assert f"{UNDERLAY} ignored 2 packets" in world.show("R11", "ip protocols")


def test_garbage_of_all_kinds_at_once_loses_no_packet_of_a_stream(world: World) -> None:
    world.stream("H3", "10.4.4.100", seconds=1, rate=100)
    for payload in garbage(300):
        for header in (NHRP, IPV4):
            from_r31(world, header, payload)
        world.ping("H3", "10.4.4.100", 1000)
        world.run_for(0.01)
    world.run_for(1)
    assert len(world.replies("H3")) == 400


# ------------------------------------------------------------------------------------------ refused as the RFC says


def with_passwords(hub: str, r31: str) -> World:
    """Everybody has the hub's NHRP password, but R31 has its own."""

    def change(router: str, text: str) -> str:
        password = {"R31": r31, "TRANSPORT": ""}.get(router, hub)
        lines = f" ip nhrp authentication {password}\n" if password else ""
        text = text.replace(" ip mtu 1400\n", f" ip mtu 1400\n{lines}")
        return text.replace("!\nip route 0.0.0.0", "!\nlogging dmvpn\n!\nip route 0.0.0.0")

    return World("notes-phase3", change=change)


@pytest.mark.parametrize(("hub", "spoke"), [("RIGHT", "WRONG"), ("RIGHT", ""), ("RIGHT", "RIGHTX")])
def test_wrong_or_missing_authentication_gets_error_11_and_no_registration(hub: str, spoke: str) -> None:
    world = with_passwords(hub, spoke)
    tap = world.watch("R31", UNDERLAY)
    world.run_for(30)
    indications = [packet for found, packet in tap.nhrp(nhrp.ErrorIndication) if found.way[1] == "172.16.31.1"]
    assert {packet.error_code for packet in indications} == {nhrp.ErrorCode.AUTHENTICATION_FAILURE}
    # R31 may be there as a next hop that nobody could resolve, never as a client.
    assert "via 192.168.100.31" not in world.show("R11", "ip nhrp")
    assert "via 192.168.100.41" in world.show("R11", "ip nhrp")
    assert world.lines("R31", "dmvpn")[-2].split()[3] == "NHRP"
    assert count(world, "R11", "ip nhrp traffic detail", "wrong authentication") == len(indications)


def test_wrong_authentication_is_one_rate_limited_line_on_either_side() -> None:
    world = with_passwords("RIGHT", "WRONG")
    tap = world.watch("R31", UNDERLAY)
    world.run_for(60)
    hub = [line for line in world.messages("R11") if "DMVPN_NHRP_ERROR" in line]
    spoke = [line for line in world.messages("R31") if "NHRP-3-PAKERROR" in line]
    assert set(hub) == {
        "%DMVPN-3-DMVPN_NHRP_ERROR:  Tunnel100: Recieved wrong authentication string for  Registration Request ,"
        " Reason:  authentication failure (11) on (Tunnel: 192.168.100.31 NBMA: 172.16.31.1)"
    }
    assert set(spoke) == {
        "%NHRP-3-PAKERROR: Receive Error Indication for our Registration Request, code: authentication failure (11),"
        " from (Tunnel: 192.168.100.11 NBMA: 172.16.11.1)"
    }
    refused = len(tap.nhrp(nhrp.ErrorIndication))
    assert len(hub) < refused / 2
    assert len(spoke) < refused


def test_without_logging_dmvpn_the_hub_still_says_whose_password_it_refused() -> None:
    world = with_passwords("RIGHT", "WRONG")
    world.configure("R11", "no logging dmvpn")
    before = len(world.messages("R11"))
    world.run_for(60)
    assert {line for line in world.messages("R11")[before:] if "NHRP" in line} == {
        "%NHRP-3-PAKAUTH: Tunnel100: Registration Request of (Tunnel: 192.168.100.31 NBMA: 172.16.31.1)"
        " refused: its password is not ours"
    }


def test_debug_nhrp_detail_alone_shows_who_refuses_whose_password_on_both_ends() -> None:
    """`debug nhrp condition peer nbma ...` and `debug nhrp detail`, as a guide has it, printed nothing."""
    world = with_passwords("RIGHT", "WRONG")
    printed: dict[str, list[str]] = {}
    for router, peer in (("R11", "172.16.31.1"), ("R31", "172.16.11.1")):
        assert world.do(router, f"debug nhrp condition peer nbma {peer}") == "Condition 1 set\n"
        assert world.do(router, "debug nhrp detail") == "NHRP detail debugging is on\n"
    world.run_for(20)
    for router in ("R11", "R31"):
        printed[router] = [line.partition(": ")[2] for line in world.console[router] if "%" not in line]
    assert printed["R11"][:3] == [
        "NHRP: Receive Registration Request via Tunnel100 vrf: global(0x0), packet size: 105",
        "      src: 192.168.100.31, dst: 192.168.100.11",
        "NHRP: Authentication string mismatch, Tunnel100: Registration Request of"
        " (Tunnel: 192.168.100.31 NBMA: 172.16.31.1) refused: wrong authentication",
    ]
    assert (
        "NHRP: Tunnel100: (Tunnel: 192.168.100.11 NBMA: 172.16.11.1) refuses our Registration Request:"
        " authentication failure (11)"
    ) in printed["R31"]
    assert not any("172.16.41.1" in line or "192.168.100.41" in line for line in printed["R11"])


def test_the_spoke_comes_up_by_itself_once_its_password_is_right() -> None:
    world = with_passwords("RIGHT", "WRONG")
    world.run_for(300)
    world.configure("R31", "interface Tunnel100", "ip nhrp authentication RIGHT")
    assert world.wait_until(lambda: not world.lacks(), 64)


def unknown_request(kind: type[nhrp.ClientMessage], *, compulsory: bool, destination: str) -> bytes:
    """A request of R31's with an extension that nobody knows."""
    extensions: Extensions = (UnknownExtension(type=99, value=b"what?", compulsory=compulsory),)
    return kind(
        source_nbma=IPv4Address("172.16.31.1"),
        source_protocol=IPv4Address("192.168.100.31"),
        destination_protocol=IPv4Address(destination),
        flags=nhrp.RegistrationFlag(0),
        request_id=77,
        cies=(ClientInfo(prefix_length=32, holding_time=7200, preference=255),),
        extensions=extensions,
    ).serialize()


@pytest.mark.parametrize(
    ("kind", "destination"), [(nhrp.RegistrationRequest, "192.168.100.11"), (nhrp.ResolutionRequest, "10.1.1.1")]
)
def test_an_unknown_compulsory_extension_gets_error_1(
    world: World, kind: type[nhrp.ClientMessage], destination: str
) -> None:
    before, tap = knowledge(world, "R11"), world.watch("R31", UNDERLAY)
    from_r31(world, NHRP, unknown_request(kind, compulsory=True, destination=destination))
    world.run_for(1)
    ((found, indication),) = tap.nhrp(nhrp.ErrorIndication)
    assert found.way == ("172.16.11.1", "172.16.31.1")
    assert indication.error_code == nhrp.ErrorCode.UNRECOGNIZED_EXTENSION
    assert tap.nhrp(nhrp.ClientMessage) == []
    assert count(world, "R11", "ip nhrp traffic detail", "unrecognized compulsory extension") == 1
    assert knowledge(world, "R11") == before


def test_an_unknown_extension_that_is_not_compulsory_comes_back_in_the_reply(world: World) -> None:
    tap = world.watch("R31", UNDERLAY)
    from_r31(world, NHRP, unknown_request(nhrp.RegistrationRequest, compulsory=False, destination="192.168.100.11"))
    world.run_for(1)
    ((_, reply),) = tap.nhrp(nhrp.RegistrationReply)
    assert UnknownExtension(type=99, value=b"what?", compulsory=False) in reply.extensions


def test_unknown_compulsory_extensions_are_one_rate_limited_line(world: World) -> None:
    world.configure("R11", "logging dmvpn")
    before = len(world.messages("R11"))
    for _ in range(50):
        from_r31(world, NHRP, unknown_request(nhrp.RegistrationRequest, compulsory=True, destination="192.168.100.11"))
        world.run_for(0.1)
    assert len([line for line in world.messages("R11")[before:] if "NHRP_ERROR" in line]) == 1


def test_an_error_indication_is_never_answered_by_another(world: World) -> None:
    tap = world.watch("R11", UNDERLAY)
    for code in (1, 3, 6, 7, 11, 15, 999):
        indication = nhrp.ErrorIndication(
            source_nbma=IPv4Address("172.16.31.1"),
            source_protocol=IPv4Address("192.168.100.31"),
            destination_protocol=IPv4Address("192.168.100.11"),
            error_code=code,
            packet=bytes(28),
        )
        from_r31(world, NHRP, indication.serialize())
    assert tap.packets == []


def test_a_reply_that_nobody_asked_for_makes_no_shortcut(world: World) -> None:
    reply = nhrp.ResolutionReply(
        source_nbma=IPv4Address("172.16.31.1"),
        source_protocol=IPv4Address("192.168.100.31"),
        destination_protocol=IPv4Address("10.1.1.1"),
        flags=nhrp.ResolutionFlag.ROUTER,
        request_id=4711,
        cies=(
            ClientInfo(
                prefix_length=8,
                holding_time=7200,
                nbma=IPv4Address("203.0.113.66"),
                protocol=IPv4Address("192.168.100.66"),
            ),
        ),
    )
    before = knowledge(world, "R31")
    world.deliver_gre("R31", UNDERLAY, ("203.0.113.66", "172.16.31.1"), NHRP.serialize(reply.serialize()))
    assert knowledge(world, "R31") == before
    assert count(world, "R31", "ip nhrp traffic detail", "reply that nobody asked for") == 1


# A member of the network turns against it: valid keys, our own protocol, and words that are not true.


@dataclass(slots=True)
class HostileMember:
    """The router `name` of a world, whose first tunnel is used. sent: octets of NHRP that it made others read."""

    world: World
    name: str
    sent: int = 0

    @property
    def own(self) -> tuple[IPAddress, IPAddress]:
        """Its tunnel and NBMA addresses."""
        return self.world.sim.routers[self.name].router.machine(NhrpMachine).tunnels[0].own

    def say(self, packet: NhrpPacket, nbma: str) -> None:
        """Send a message straight to a station."""
        node = self.world.sim.routers[self.name]
        tunnel = node.router.machine(NhrpMachine).tunnels[0]
        password = tunnel.config.password
        if password:
            packet = replace(packet, extensions=(*packet.extensions, Authentication(data=password)))
        octets = packet.serialize()
        self.sent += len(octets)
        node.plane.now = self.world.now
        node.plane.execute(SendGre(tunnel.name, ip_address(nbma), GRE_NHRP, octets))
        self.world.sim.schedule(node)

    def register(
        self, server: str, nbma: str, *cies: ClientInfo, extensions: Extensions = (), nbma_in_it: str = ""
    ) -> None:
        """A Registration Request to a server's tunnel and NBMA address. nbma_in_it: what it gives as its own."""
        address, own_nbma = self.own
        packet = RegistrationRequest(
            source_nbma=ip_address(nbma_in_it) if nbma_in_it else own_nbma,
            source_protocol=address,
            destination_protocol=ip_address(server),
            flags=RegistrationFlag.NAT,
            request_id=0x70000000,
            cies=cies,
            extensions=extensions,
        )
        self.say(packet, nbma)

    def ask(self, address: str, nbma: str, *, as_if: tuple[IPAddress, IPAddress]) -> None:
        """A Resolution Request for an address, in the name of a station with this tunnel and NBMA address."""
        packet = ResolutionRequest(
            source_nbma=as_if[1],
            source_protocol=as_if[0],
            destination_protocol=ip_address(address),
            flags=ResolutionFlag(0xC802),
            request_id=0x70000001,
            cies=(ClientInfo(prefix_length=32, holding_time=65535),),
        )
        self.say(packet, nbma)

    def redirect(self, source: str, destination: str, nbma: str) -> None:
        """A Traffic Indication to the router that lets packets of a source in: there is a shorter way."""
        address, own_nbma = self.own
        packet = Ipv4Packet(
            source=IPv4Address(source), destination=IPv4Address(destination), protocol=1, payload=bytes(8)
        )
        indication = TrafficIndication(
            source_nbma=own_nbma,
            source_protocol=address,
            destination_protocol=ip_address(source),
            packet=packet.serialize(),
        )
        self.say(indication, nbma)

    def answers(self) -> list[int]:
        """From now on: the codes of the CIEs in Registration Replies that it gets. The list grows."""
        codes: list[int] = []
        node = self.world.sim.routers[self.name]

        def watch(event: Event) -> None:
            data = getattr(event, "data", None)
            if type(event).__name__ == "NhrpReceived" and isinstance(data, bytes):
                packet = parse(data)
                if isinstance(packet, RegistrationReply):
                    codes.extend(cie.code for cie in packet.cies)

        node.watch = watch
        return codes


HUB, HUB_NBMA = "10.0.0.1", "198.51.100.1"
VICTIM_HOST = "192.168.10.100"


def _with(line: str, router: str = "HUB") -> Callable[[str, str], str]:
    """One more NHRP line on a router."""

    def change(name: str, text: str) -> str:
        return text.replace(" ip nhrp network-id", f" {line}\n ip nhrp network-id") if name == router and line else text

    return change


@pytest.mark.parametrize("line", ["", "ip nhrp bind identity"])
def test_nobody_gets_the_packets_of_a_host_in_another_site_by_registering_it(line: str) -> None:
    """SPOKE20 registered H10's address: the hub took it, and whoever asked for H10 was sent to SPOKE20."""
    world = World("intro-phase3", change=_with(line)).converge()
    world.run_for(5)
    thief = HostileMember(world, "SPOKE20")
    codes = thief.answers()
    thief.register(HUB, HUB_NBMA, ClientInfo(prefix_length=32, holding_time=7200, protocol=ip_address(VICTIM_HOST)))
    world.run_for(2)
    assert codes == [CieCode.ADMINISTRATIVELY_PROHIBITED]
    assert not re.search(rf"^{VICTIM_HOST}", world.do("HUB", "show ip nhrp"), re.M)
    (told,) = said(world, "HUB", "%NHRP-4-REGREFUSED")
    assert VICTIM_HOST in told
    assert "Refused: 1 registered address that is routed to another station" in world.show(
        "HUB", "ip nhrp traffic detail"
    )
    assert lost(world, "H20", VICTIM_HOST, seconds=5) == 0


@pytest.mark.parametrize("guarded", [True, False])
def test_what_was_free_when_a_member_took_it_is_given_back_when_routing_says_whose_it_is(guarded: bool) -> None:
    """guarded: the hub has a Null0 route for all sites, so that nothing of them is ever free."""
    guard = r"^ip route 192\.168\.0\.0 255\.255\.0\.0 Null0.*\n"

    def change(router: str, text: str) -> str:
        if router != "HUB" or guarded:
            return text
        assert re.search(guard, text, re.M)
        return re.sub(guard, "", text, flags=re.M)

    world = World("intro-phase3", change=change).converge()
    world.run_for(5)
    world.configure("SPOKE10", "interface GigabitEthernet2", "shutdown")
    world.run_for(5)
    thief = HostileMember(world, "SPOKE20")
    codes = thief.answers()
    thief.register(HUB, HUB_NBMA, ClientInfo(prefix_length=32, holding_time=7200, protocol=ip_address(VICTIM_HOST)))
    world.run_for(2)
    assert codes == [CieCode.ADMINISTRATIVELY_PROHIBITED if guarded else CieCode.SUCCESS]
    world.configure("SPOKE10", "interface GigabitEthernet2", "no shutdown")
    world.run_for(20)
    assert not re.search(rf"^{VICTIM_HOST}", world.do("HUB", "show ip nhrp"), re.M)
    assert lost(world, "H20", VICTIM_HOST, seconds=5) == 0


def test_a_host_is_given_back_when_the_station_takes_its_own_address_back() -> None:
    """SPOKE20 registered SPOKE10's address and a host behind it; SPOKE10 got its own back, the thief kept the host."""
    world = World("intro-phase3", change=_with("ip nhrp registration no-unique", "SPOKE10")).converge()
    world.run_for(5)
    thief = HostileMember(world, "SPOKE20")
    codes = thief.answers()
    thief.register(
        HUB,
        HUB_NBMA,
        ClientInfo(prefix_length=32, holding_time=7200, protocol=ip_address("10.0.0.10")),
        ClientInfo(prefix_length=32, holding_time=7200, protocol=ip_address(VICTIM_HOST)),
    )
    world.run_for(1)
    assert codes == [CieCode.SUCCESS] * 2  # without `bind identity` and unique addresses
    world.configure("SPOKE10", "interface Tunnel0", "ip nhrp registration timeout 60")
    world.run_for(3)
    assert "203.0.113.10" in world.show("HUB", "ip nhrp 10.0.0.10")
    assert re.search(r"^D +192\.168\.10\.0/24 .* via 10\.0\.0\.10,", world.do("HUB", "show ip route"), re.M)
    assert not re.search(rf"^{VICTIM_HOST}", world.do("HUB", "show ip nhrp"), re.M)


def test_nobody_gets_what_leaves_the_network_by_the_hub_by_registering_an_address_of_the_internet() -> None:
    """SPOKE20 registered an address that the hub sends by its default route, and told SPOKE10 of a shorter way."""
    far = "192.0.2.80"
    world = World("intro-phase3").converge()
    world.configure("SPOKE10", "ip route 192.0.2.0 255.255.255.0 10.0.0.1")  # the Internet, by the hub
    world.configure("SPOKE20", "interface Loopback8", f"ip address {far} 255.255.255.255")
    thief = HostileMember(world, "SPOKE20")
    thief.register(HUB, HUB_NBMA, ClientInfo(prefix_length=32, holding_time=7200, protocol=ip_address(far)))
    world.run_for(1)
    thief.redirect("192.168.10.100", far, "203.0.113.10")
    thief.redirect("192.168.10.100", far, HUB_NBMA)
    world.run_for(3)
    assert "203.0.113.20" not in world.show("SPOKE10", f"ip nhrp {far}")
    assert not re.search(r"^H .*192\.0\.2\.80", world.do("SPOKE10", "show ip route"), re.M)


@pytest.mark.parametrize("edge", ["10.0.0.0", "10.0.0.255"])
def test_nobody_registers_the_subnet_or_everybody_in_it(edge: str) -> None:
    world = World("intro-phase3").converge()
    thief = HostileMember(world, "SPOKE20")
    codes = thief.answers()
    thief.register(HUB, HUB_NBMA, ClientInfo(prefix_length=32, holding_time=7200, protocol=ip_address(edge)))
    world.run_for(2)
    assert codes == [CieCode.ADMINISTRATIVELY_PROHIBITED]
    assert "network or broadcast address" in world.show("HUB", "ip nhrp traffic detail")


def test_nobody_registers_half_of_the_subnet_and_locks_out_those_who_are_not_there_yet() -> None:
    """A /25 was one entry of 32, held for hours; with `bind identity` no spoke in it could register any more."""
    world = World("intro-phase3", change=_with("ip nhrp bind identity")).converge()
    thief = HostileMember(world, "SPOKE20")
    codes = thief.answers()
    prefixes = (("10.0.0.128", 25), ("10.0.0.254", 31), ("10.0.0.64", 26))
    for address, length in prefixes:
        thief.register(HUB, HUB_NBMA, ClientInfo(prefix_length=length, holding_time=7200, protocol=ip_address(address)))
        world.run_for(1)
    prohibited, full = CieCode.ADMINISTRATIVELY_PROHIBITED, CieCode.INSUFFICIENT_RESOURCES
    assert codes == [prohibited, prohibited, full]  # two of them hold the broadcast address
    for address, length in (("10.0.0.64", 28), ("10.0.0.80", 28)):
        thief.register(HUB, HUB_NBMA, ClientInfo(prefix_length=length, holding_time=7200, protocol=ip_address(address)))
        world.run_for(1)
    assert codes[3:] == [CieCode.SUCCESS, full]  # 1 + 16 addresses, and 16 more


# ------------------------------------------------------------------------------------------------- IKE to strangers


def _strangers(count: int) -> tuple[ClientInfo, ...]:
    """Stations that nobody has, each at another address of the Internet."""
    return tuple(
        ClientInfo(
            prefix_length=32,
            holding_time=65535,
            nbma=ip_address("192.0.2.1") + number,
            protocol=ip_address("10.0.0.100") + number,
        )
        for number in range(count)
    )


def _knocked_on(tap: Wiretap) -> set[str]:
    """Addresses of the invented stations to which something went."""
    return {destination for _, destination in tap.ends() if destination.startswith("192.0.2.")}


def test_a_hub_sends_no_ike_to_addresses_that_a_member_registers() -> None:
    """1,280 octets made it send IKE to 20 chosen addresses for hours, 363 times as many octets."""
    world = World("intro-phase3").converge()
    world.run_for(5)
    tap = world.watch("HUB", "GigabitEthernet1")
    member = HostileMember(world, "SPOKE20")
    codes = member.answers()
    member.register(HUB, HUB_NBMA, *_strangers(20))
    world.run_for(120)
    assert codes == [CieCode.ADMINISTRATIVELY_PROHIBITED] * 20
    assert _knocked_on(tap) == set()
    assert "Refused: 20 NBMA address of another station, which only a server may register" in world.show(
        "HUB", "ip nhrp traffic detail"
    )


def test_a_forward_record_that_a_member_writes_itself_makes_nobody_elses_address_true() -> None:
    world = World("intro-phase3").converge()
    world.run_for(5)
    tap = world.watch("HUB", "GigabitEthernet1")
    member = HostileMember(world, "SPOKE20")
    server = ClientInfo(prefix_length=32, nbma=ip_address("192.0.2.99"), protocol=ip_address("10.0.0.99"))
    member.register(
        HUB,
        HUB_NBMA,
        ClientInfo(prefix_length=32, holding_time=600, protocol=ip_address("10.0.0.66")),
        extensions=(ForwardTransitRecord(entries=(server,)),),
        nbma_in_it="192.0.2.66",
    )
    world.run_for(30)
    assert _knocked_on(tap) == set()
    shown = world.show("HUB", "ip nhrp 10.0.0.66")
    assert "NBMA address: 203.0.113.20" in shown
    assert "(Claimed NBMA address: 192.0.2.66)" in shown


@pytest.mark.parametrize("way", ["straight", "by the hub"])
def test_what_one_member_says_of_others_sends_ike_to_a_few_new_addresses_a_minute(way: str) -> None:
    world = World("intro-phase3").converge()
    lost(world, "H10", "192.168.20.100", seconds=3)  # the two spokes know each other
    tap = world.watch("SPOKE10", "GigabitEthernet1")
    member = HostileMember(world, "SPOKE20")
    to = "203.0.113.10" if way == "straight" else HUB_NBMA
    for number in range(100):
        station = ip_address("10.0.0.100") + number, ip_address("192.0.2.1") + number
        member.ask("192.168.10.100", to, as_if=station)
        world.run_for(0.5)
    assert 0 < len(_knocked_on(tap)) <= DEFAULT_HEARSAY // 2
    assert "new NBMA address by the word of one station, held back" in world.show("SPOKE10", "ip nhrp traffic detail")
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0


def test_the_limit_of_hearsay_can_be_configured() -> None:
    world = World("intro-phase3", change=_with("ip nhrp hearsay limit 4", "SPOKE10")).converge()
    tap = world.watch("SPOKE10", "GigabitEthernet1")
    member = HostileMember(world, "SPOKE20")
    for number in range(20):
        station = ip_address("10.0.0.100") + number, ip_address("192.0.2.1") + number
        member.ask("192.168.10.100", HUB_NBMA, as_if=station)
        world.run_for(0.5)
    assert len(_knocked_on(tap)) == 2


# ------------------------------------------------------------------------------------------------- a full table


def _addresses(first: int, count: int) -> tuple[ClientInfo, ...]:
    """Addresses that no route leads to."""
    start = ip_address("10.77.0.0")
    return tuple(
        ClientInfo(prefix_length=32, holding_time=65535, protocol=start + number)
        for number in range(first, first + count)
    )


def test_one_member_fills_no_table_and_the_others_are_served() -> None:
    """656 packets of one member filled all 65,536 entries; then honest spokes were refused."""
    world = World("intro-phase3").converge()
    member = HostileMember(world, "SPOKE20")
    codes = member.answers()
    for packet in range(30):
        member.register(HUB, HUB_NBMA, *_addresses(1 + 50 * packet, 50))
        world.run_for(0.1)
    assert codes == [CieCode.SUCCESS] * 31 + [CieCode.INSUFFICIENT_RESOURCES] * (30 * 50 - 31)  # and its own address
    assert "more registrations than one station may have" in world.show("HUB", "ip nhrp traffic detail")
    assert said(world, "HUB", "%NHRP-4-REGREFUSED")
    world.do("HUB", "clear ip nhrp 10.0.0.10")
    world.run_for(15)
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0


def test_how_many_addresses_one_identity_may_register_can_be_configured() -> None:
    world = World("intro-phase3", change=_with("ip nhrp registration limit 100")).converge()
    member = HostileMember(world, "SPOKE20")
    codes = member.answers()
    member.register(HUB, HUB_NBMA, *_addresses(1, 120))
    world.run_for(1)
    assert codes.count(CieCode.SUCCESS) == 99
