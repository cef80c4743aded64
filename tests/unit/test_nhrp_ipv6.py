"""NHRP for IPv6: the same machine, the octets of IOS (vectors/nhrp.json), and link-local addresses besides."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import GRE_NHRP, ClearAdjacency, InVrf, SendGre, SetAdjacency, SetMulticast, SetRoute
from dmvpn.base.events import IpReceived, NhrpReceived, Tick, Unresolved
from dmvpn.base.notices import Configured, InterfaceChanged, InterfaceState, Ipv6State, TunnelState
from dmvpn.dataplane.contract import NhrpNetworks
from dmvpn.features.nhrp import reception
from dmvpn.features.nhrp.client import NhsState
from dmvpn.features.nhrp.machine import NhrpMachine, peek_version
from dmvpn.features.nhrp.model import NhrpConfig, NhsConfig, TunnelConfig
from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
    NhrpPacket,
    PurgeFlag,
    PurgeRequest,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
    parse,
)
from dmvpn.features.nhrp.parts import Authentication, CieCode, ClientInfo
from dmvpn.features.nhrp.renewals import Renewals
from dmvpn.net import icmp
from support.fakes import FakeTunnels, fake_ports
from support.overlay import address
from support.whole_router import GI, WholeRouter
from support.wire import vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice

VECTORS = vectors("nhrp")
HUB_NBMA, SPOKE_NBMA = address("203.0.113.1"), address("203.0.113.2")
HUB, SPOKE = address("2001:db8:ff::1"), address("2001:db8:ff::2")


def member(number: int, *, nhs: tuple[NhsConfig, ...] = (), local: str = "", version: int = 6) -> NhrpMachine:
    """The machine of router `number`, its tunnel up."""
    ipv6 = Ipv6State(
        link_local=IPv6Address(local or f"fe80::{number}"), addresses=((address(f"2001:db8:ff::{number}"), 64),)
    )
    ports = fake_ports(InterfaceState(name="Tunnel100", enabled=True, line=True, ipv6=ipv6))
    tunnel = TunnelState(
        name="Tunnel100",
        multipoint=True,
        source=address(f"203.0.113.{number}"),
        source_interface="GigabitEthernet0/1",
        destination=None,
        key=None,
        transport_mtu=17916,
        up=True,
    )
    machine = NhrpMachine(replace(ports, tunnels=FakeTunnels([tunnel])))
    config = TunnelConfig(name="Tunnel100", version=version, network_id=6, authentication="DMVPN", nhs=nhs)
    machine.effects = machine.handle(Configured("nhrp", NhrpConfig(tunnels=(config,))), 0.0)  # type: ignore[attr-defined]
    return machine


def with_two_tunnels() -> NhrpMachine:
    """A hub with two tunnels of one network, both up."""
    names = ("Tunnel100", "Tunnel200")
    interfaces = [
        InterfaceState(
            name=name,
            enabled=True,
            line=True,
            ipv6=Ipv6State(link_local=IPv6Address("fe80::1"), addresses=((address(subnet), 64),)),
        )
        for name, subnet in zip(names, ("2001:db8:ff::1", "2001:db8:fe::1"), strict=True)
    ]
    tunnels = [
        TunnelState(
            name=name,
            multipoint=True,
            source=HUB_NBMA,
            source_interface="GigabitEthernet0/1",
            destination=None,
            key=number,
            transport_mtu=17916,
            up=True,
        )
        for number, name in enumerate(names)
    ]
    machine = NhrpMachine(replace(fake_ports(*interfaces), tunnels=FakeTunnels(tunnels)))
    configs = tuple(TunnelConfig(name=name, version=6, network_id=6, authentication="DMVPN") for name in names)
    machine.handle(Configured("nhrp", NhrpConfig(tunnels=configs)), 0.0)
    return machine


def spoke() -> NhrpMachine:
    """One that registers with the hub."""
    return member(2, nhs=(NhsConfig(address=HUB, nbma=HUB_NBMA),))


def sent(effects: Iterable[Effect | Notice]) -> list[bytes]:
    """The NHRP packets among these."""
    return [effect.payload for effect in effects if isinstance(effect, SendGre) and effect.protocol == GRE_NHRP]


def with_id(octets: bytes, request_id: int) -> bytes:
    """The same packet with another request identifier."""
    packet = parse(octets)
    assert isinstance(packet, RegistrationRequest | RegistrationReply)
    return replace(packet, request_id=request_id).serialize()


def request_id(octets: bytes) -> int:
    """Of a registration."""
    packet = parse(octets)
    assert isinstance(packet, RegistrationRequest)
    return packet.request_id


def targets(machine: NhrpMachine) -> list[str]:
    """What is in the cache."""
    return [str(entry.target) for tunnel in machine.of_version(6) for entry in tunnel.cache.entries()]


@pytest.mark.conforms("cisco-ipv6")
def test_a_registration_is_octet_for_octet_that_of_ios() -> None:
    (request,) = sent(spoke().effects)  # type: ignore[attr-defined]
    assert with_id(request, 5) == VECTORS["registration_request_ios_style_ipv6_overlay"]


@pytest.mark.conforms("cisco-ipv6-entries")
def test_the_reply_is_octet_for_octet_that_of_ios() -> None:
    hub = member(1)
    request = VECTORS["registration_request_ios_style_ipv6_overlay"]
    effects = hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, request), 1.0)
    assert sent(effects) == [VECTORS["registration_reply_ios_style_ipv6_overlay"]]
    assert targets(hub) == ["2001:db8:ff::2/128", "fe80::2/128"]
    adjacencies = [effect for effect in effects if isinstance(effect, SetAdjacency)]
    assert [str(effect.next_hop) for effect in adjacencies] == ["2001:db8:ff::2", "fe80::2"]


def test_a_client_learns_the_link_local_address_of_its_server() -> None:
    client = spoke()
    reply = with_id(VECTORS["registration_reply_ios_style_ipv6_overlay"], 1)
    client.handle(NhrpReceived("Tunnel100", HUB_NBMA, reply), 0.1)
    assert targets(client) == ["2001:db8:ff::1/128", "fe80::1/128"]
    (tunnel,) = client.of_version(6)
    entry = tunnel.cache.get(Prefix.parse("fe80::1/128"))
    assert entry is not None
    assert entry.nbma == HUB_NBMA
    assert entry.expires is None
    (request,) = sent(client.handle(Tick(), 5000.0))
    effects = client.handle(NhrpReceived("Tunnel100", HUB_NBMA, with_id(reply, request_id(request))), 5000.1)
    assert not [effect for effect in effects if isinstance(effect, SetAdjacency | ClearAdjacency)]
    assert tunnel.cache.get(entry.target) is entry, "a refresh changes nothing"


def test_a_server_that_names_no_link_local_address_is_asked_at_once_to_register_both_of_ours() -> None:
    """FRR's nhrpd registers what the entry names: a spoke with IOS's request was there by its link-local one alone."""
    client = spoke()
    reply = parse(with_id(VECTORS["registration_reply_ios_style_ipv6_overlay"], 1))
    assert isinstance(reply, RegistrationReply)
    silent = replace(reply, cies=reply.cies[:1]).serialize()
    (again,) = sent(client.handle(NhrpReceived("Tunnel100", HUB_NBMA, silent), 0.1))
    request = parse(again)
    assert isinstance(request, RegistrationRequest)
    assert [cie.protocol for cie in request.cies] == [None, IPv6Address("fe80::2")]
    answered = client.handle(NhrpReceived("Tunnel100", HUB_NBMA, with_id(silent, request.request_id)), 0.2)
    assert sent(answered) == []
    hub = member(1)
    hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, again), 1.0)
    assert targets(hub) == ["2001:db8:ff::2/128", "fe80::2/128"]


def test_a_client_that_names_no_link_local_address_is_registered_with_its_global_one() -> None:
    """So FRR registers; it has no use for the link-local one, and none is told to it."""
    hub = member(1)
    packet = parse(VECTORS["registration_request_ipv6_overlay"])
    assert isinstance(packet, RegistrationRequest)
    request = parse(VECTORS["registration_request_ios_style_ipv6_overlay"])
    authentic = replace(packet, extensions=request.extensions).serialize()
    (reply,) = sent(hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, authentic), 1.0))
    answer = parse(reply)
    assert isinstance(answer, RegistrationReply)
    assert len(answer.cies) == 1
    assert targets(hub) == ["2001:db8:ff::2/128"]


def _register(hub: NhrpMachine, number: int, now: float, *cies: ClientInfo) -> list[Effect | Notice]:
    """Let client 2 to 9 register, with its link-local address if there are no other entries."""
    first, nbma = parse(VECTORS["registration_request_ios_style_ipv6_overlay"]), address(f"203.0.113.{number}")
    assert isinstance(first, RegistrationRequest)
    request = replace(
        first,
        source_nbma=nbma,
        source_protocol=address(f"2001:db8:ff::{number}"),
        cies=cies or (replace(first.cies[0], nbma=nbma, protocol=IPv6Address(f"fe80::{number}")),),
        request_id=int(10 * now),
    )
    return hub.handle(NhrpReceived("Tunnel100", nbma, request.serialize()), now)


_PURGE_OF_TWO = PurgeRequest(
    source_nbma=SPOKE_NBMA,
    source_protocol=SPOKE,
    destination_protocol=HUB,
    flags=PurgeFlag.NO_REPLY,
    request_id=8,
    cies=(ClientInfo(prefix_length=128, protocol=SPOKE),),
    extensions=(Authentication(data=b"DMVPN"),),
)
#: What happens between two registrations, and how many of the eight that follow are read then.
_BETWEEN: dict[str, tuple[Callable[[NhrpMachine], object], int]] = {
    "nothing": (lambda hub: None, 0),
    "it registers without its link-local address": (lambda hub: _register(hub, 2, 3.0, ClientInfo()), 1),
    "another client claims its link-local address": (
        lambda hub: _register(
            hub, 4, 3.0, ClientInfo(prefix_length=128, holding_time=600, protocol=IPv6Address("fe80::2"))
        ),
        0,
    ),
    "a purge": (lambda hub: hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, _PURGE_OF_TWO.serialize()), 3.0), 1),
    "one of its two entries changes": (lambda hub: hub.of_version(6)[0].cache.entries()[0].explain(None), 1),
}


@pytest.mark.parametrize(("between", "most"), _BETWEEN.values(), ids=_BETWEEN)
def test_a_registration_of_two_addresses_that_is_repeated_is_answered_and_prolonged_as_one_that_is_read(
    between: Callable[[NhrpMachine], object], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For clients with and without a link-local address."""
    plain = ClientInfo(prefix_length=128, holding_time=600)
    done: list[list[object]] = []
    for remembers in (True, False):
        hub, read = member(1), list[bytes]()

        def reads(octets: bytes, read: list[bytes] = read) -> NhrpPacket:
            read.append(octets)
            return parse(octets)

        with monkeypatch.context() as patch:
            if not remembers:
                patch.setattr(Renewals, "renew", lambda *_: False)
                patch.setattr(Renewals, "answer", lambda *_: False)
            said = [_register(hub, 2, 1.0), _register(hub, 5, 1.1, plain), _register(hub, 3, 1.2)]
            said.append(_register(hub, 6, 1.3, plain))
            between(hub)
            patch.setattr(reception, "parse", reads)
            for now in (5.0, 6.0):
                said += [_register(hub, number, now) for number in (2, 3)]
                said += [_register(hub, number, now, plain) for number in (5, 6)]
        (tunnel,) = hub.of_version(6)
        entries = [(entry.target, entry.expires, entry.nbma) for entry in tunnel.cache.entries()]
        done.append([*said, entries, tunnel.counters])
        assert all(expires is not None and expires > 600 for _, expires, _ in entries)
        assert len(read) == (most if remembers else 8)
    assert done[0] == done[1]
    assert all(sent(effects) for effects in said)


def test_a_client_whose_source_is_its_link_local_address_ends_with_its_registration() -> None:
    """It was counted twice as a receiver of multicasts, so these still went to it when it was over."""
    hub = member(1)
    config = TunnelConfig(name="Tunnel100", version=6, network_id=6, authentication="DMVPN", multicast_dynamic=True)
    hub.handle(Configured("nhrp", NhrpConfig(tunnels=(config,))), 0.5)
    first = parse(VECTORS["registration_request_ios_style_ipv6_overlay"])
    assert isinstance(first, RegistrationRequest)
    request = replace(first, source_protocol=IPv6Address("fe80::2"))
    receivers = [
        effect.nbmas
        for now, event in ((1.0, NhrpReceived("Tunnel100", SPOKE_NBMA, request.serialize())), (9000.0, Tick()))
        for effect in hub.handle(event, now)
        if isinstance(effect, SetMulticast)
    ]
    assert targets(hub) == []
    assert receivers == [(SPOKE_NBMA,), ()]


@pytest.mark.conforms("cisco-ipv6-entries")
def test_a_link_local_address_that_somebody_else_has_refuses_the_whole_registration() -> None:
    hub = member(1)
    hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, VECTORS["registration_request_ios_style_ipv6_overlay"]), 1.0)
    first = parse(VECTORS["registration_request_ios_style_ipv6_overlay"])
    assert isinstance(first, RegistrationRequest)
    third = replace(
        first,
        source_nbma=address("203.0.113.3"),
        source_protocol=address("2001:db8:ff::3"),
        cies=(replace(first.cies[0], nbma=address("203.0.113.3")),),
    )
    (reply,) = sent(hub.handle(NhrpReceived("Tunnel100", address("203.0.113.3"), third.serialize()), 2.0))
    answer = parse(reply)
    assert isinstance(answer, RegistrationReply)
    assert [cie.code for cie in answer.cies] == [14]
    assert targets(hub) == ["2001:db8:ff::2/128", "fe80::2/128"]


def test_the_link_local_address_of_the_server_itself_cannot_be_registered() -> None:
    hub = member(1, local="fe80::2")
    request = VECTORS["registration_request_ios_style_ipv6_overlay"]
    (reply,) = sent(hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, request), 1.0))
    answer = parse(reply)
    assert isinstance(answer, RegistrationReply)
    assert [cie.code for cie in answer.cies] == [4]
    assert targets(hub) == []


def test_a_link_local_address_is_purged_on_the_link_of_the_purge_alone() -> None:
    hub = with_two_tunnels()
    first = parse(VECTORS["registration_request_ios_style_ipv6_overlay"])
    assert isinstance(first, RegistrationRequest)
    beside = replace(first, source_protocol=address("2001:db8:fe::2"), destination_protocol=address("2001:db8:fe::1"))
    hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, first.serialize()), 1.0)
    hub.handle(NhrpReceived("Tunnel200", SPOKE_NBMA, beside.serialize()), 1.0)
    assert targets(hub).count("fe80::2/128") == 2
    purge = PurgeRequest(
        source_nbma=SPOKE_NBMA,
        source_protocol=SPOKE,
        destination_protocol=HUB,
        flags=PurgeFlag.NO_REPLY,
        request_id=8,
        cies=(ClientInfo(prefix_length=128, protocol=address("fe80::2")),),
        extensions=(Authentication(data=b"DMVPN"),),
    )
    hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, purge.serialize()), 2.0)
    left = {tunnel.name: [str(entry.target) for entry in tunnel.cache.entries()] for tunnel in hub.of_version(6)}
    assert left == {"Tunnel100": [], "Tunnel200": ["2001:db8:fe::2/128", "fe80::2/128"]}


@pytest.mark.parametrize("purged", ["fe80::2", "2001:db8:ff::2"])
def test_a_purge_of_one_of_a_clients_two_addresses_ends_its_registration(purged: str) -> None:
    """A hub without the link-local one was a black hole until the next registration: the client pings the other."""
    hub = member(1)
    (request,) = sent(spoke().effects)  # type: ignore[attr-defined]
    hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, request), 1.0)
    purge = PurgeRequest(
        source_nbma=SPOKE_NBMA,
        source_protocol=SPOKE,
        destination_protocol=HUB,
        flags=PurgeFlag.NO_REPLY,
        request_id=8,
        cies=(ClientInfo(prefix_length=128, protocol=IPv6Address(purged)),),
        extensions=(Authentication(data=b"DMVPN"),),
    )
    hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, purge.serialize()), 2.0)
    assert targets(hub) == []


def test_nobody_teaches_us_our_own_link_local_address() -> None:
    hub = member(1)
    forged = ResolutionRequest(
        source_nbma=SPOKE_NBMA,
        source_protocol=address("fe80::1"),
        destination_protocol=HUB,
        flags=ResolutionFlag.SOURCE_STABLE,
        request_id=7,
        cies=(ClientInfo(prefix_length=128, holding_time=600),),
        extensions=(Authentication(data=b"DMVPN"),),
    )
    effects = hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, forged.serialize()), 1.0)
    assert not [effect for effect in effects if isinstance(effect, SetAdjacency)]
    assert "fe80::1/128" not in targets(hub)


@pytest.mark.conforms("cisco-ipv6-version")
def test_a_packet_goes_to_the_overlay_of_its_version_alone() -> None:
    """A router with NHRP for IPv4 only has no network for it, and does not mistake it for one of the other."""
    hub = member(1, version=4)
    request = VECTORS["registration_request_ios_style_ipv6_overlay"]
    assert sent(hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, request), 1.0)) == []
    assert all(not len(tunnel.cache) for tunnel in hub.tunnels)


def test_orders_say_which_version_they_are_for() -> None:
    effects = member(1).effects  # type: ignore[attr-defined]
    assert [effect.version for effect in effects if isinstance(effect, SetMulticast)] == [6]


def test_ipv6_that_goes_ends_its_registrations_and_ipv4_does_not_care() -> None:
    client = spoke()
    four = TunnelConfig(
        name="Tunnel100", network_id=4, nhs=(NhsConfig(address=address("10.0.0.1"), nbma=HUB_NBMA),), authentication=""
    )
    (six,) = client.of_version(6)
    client.handle(Configured("nhrp", NhrpConfig(tunnels=(four, six.config))), 1.0)
    assert six.interface is not None
    both = InterfaceState(name="Tunnel100", enabled=True, line=True, address=address("10.0.0.2"), prefix_length=24)
    client.handle(InterfaceChanged("Tunnel100", six.interface, replace(both, ipv6=six.interface.ipv6)), 2.0)
    (other,) = client.of_version(4)
    states = [[c.state for c in tunnel.clients.values()] for tunnel in (other, six)]
    assert states == [[NhsState.EXPECTING], [NhsState.EXPECTING]]
    effects = client.handle(InterfaceChanged("Tunnel100", other.interface, both), 3.0)
    states = [[c.state for c in tunnel.clients.values()] for tunnel in (other, six)]
    assert states == [[NhsState.EXPECTING], [NhsState.DOWN]]
    assert sent(effects) == [], "what IPv4 has asked for is still on its way"


@pytest.mark.parametrize("name", ["registration_request_ios_style_ipv6_overlay", "resolution_request_ipv6_underlay"])
def test_nbma_addresses_that_the_underlay_cannot_carry_are_refused(name: str) -> None:
    """One such packet made a hub order what no data plane can do, and killed a simulated one."""
    hub = member(1)
    request = parse(VECTORS[name])
    assert isinstance(request, RegistrationRequest | ResolutionRequest)
    forged = replace(
        request,
        source_nbma=address("2001:db8:1::2"),
        source_protocol=SPOKE,
        destination_protocol=HUB,
        cies=tuple(replace(cie, nbma=address("2001:db8:1::3"), protocol=None) for cie in request.cies),
        extensions=(Authentication(data=b"DMVPN"),),
    )
    effects = hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, forged.serialize()), 1.0)
    (answer,) = [effect for effect in effects if isinstance(effect, SendGre)]
    error = parse(answer.payload)
    assert isinstance(error, ErrorIndication)
    assert (answer.nbma, error.error_code) == (SPOKE_NBMA, ErrorCode.PROTOCOL_ERROR)
    assert targets(hub) == []


@pytest.mark.parametrize(
    ("source", "prefix"),
    [
        ("::", ""),
        ("::1", ""),
        ("ff02::2", ""),
        ("::ffff:10.0.0.2", ""),
        ("2001:db8:ff::1", ""),
        ("2001:db8:ff::2", "fe80::1"),
        ("ff02::2", "fe80::2"),
        ("ff02::2", "2001:db8:ff::8000/113"),
    ],
)
def test_what_cannot_be_the_address_of_a_client_is_not_registered(source: str, prefix: str) -> None:
    hub = member(1)
    request = parse(VECTORS["registration_request_ios_style_ipv6_overlay"])
    assert isinstance(request, RegistrationRequest)
    protocol, _, length = prefix.partition("/")
    cie = replace(
        request.cies[0], protocol=address(protocol) if protocol else None, prefix_length=int(length) if length else 255
    )
    forged = replace(request, source_protocol=address(source), cies=(cie,), flags=RegistrationFlag(0))
    (reply,) = sent(hub.handle(NhrpReceived("Tunnel100", SPOKE_NBMA, forged.serialize()), 1.0))
    answer = parse(reply)
    assert isinstance(answer, RegistrationReply)
    assert [cie.code for cie in answer.cies] == [CieCode.ADMINISTRATIVELY_PROHIBITED]
    assert targets(hub) == []


@pytest.mark.parametrize(
    ("name", "version"), [("registration_request_ios_style_ipv6_overlay", 6), ("resolution_request_ipv6_underlay", 4)]
)
def test_the_version_of_a_packet_is_that_of_its_overlay(name: str, version: int) -> None:
    assert peek_version(VECTORS[name]) == version
    assert peek_version(b"") == 4


def test_packets_of_an_ipv6_underlay_are_read_and_written() -> None:
    """ar$afn 2: NBMA addresses of 16 octets, in the header, in records and in the NAT extension alike."""
    packet = parse(VECTORS["resolution_request_ipv6_underlay"])
    assert isinstance(packet, ResolutionRequest)
    assert packet.source_nbma.version == 6
    assert packet.source_protocol.version == 4
    assert packet.serialize() == VECTORS["resolution_request_ipv6_underlay"]
    both = parse(VECTORS["registration_reply_ios_style_ipv6_overlay"])
    assert isinstance(both, RegistrationReply)
    underlay6 = replace(
        both,
        source_nbma=address("2001:db8:1::2"),
        cies=tuple(replace(cie, nbma=address("2001:db8:1::2")) for cie in both.cies),
        extensions=(),
    )
    assert parse(underlay6.serialize()) == underlay6
    assert underlay6.serialize()[:4] == bytes.fromhex("000286dd")


# NHRP and VRFs: networks with equal prefixes and numbers, each inside a VRF of its own, over one front door.

HUB_IN_VRF, OWN, PEER = (IPv4Address(f"192.168.100.{number}") for number in (11, 31, 41))
HUB_IN_FRONT, PEER_NBMA = IPv4Address("172.16.11.1"), IPv4Address("172.16.41.1")
FRONT_DOOR = f"""vrf definition WAN
 address-family ipv4
vrf definition RED
 address-family ipv4
vrf definition BLUE
 address-family ipv4
interface {GI}
 vrf forwarding WAN
 ip address 172.16.31.1 255.255.255.252
ip route vrf WAN 0.0.0.0 0.0.0.0 172.16.31.2
"""


def tunnels(address: IPv4Address, *lines: str) -> str:
    """Two tunnels with equal addresses, in RED and in BLUE."""
    more = "".join(f" {line}\n" for line in lines)
    return "".join(
        f"interface Tunnel{key}\n vrf forwarding {vrf}\n ip address {address} 255.255.255.0\n"
        f" ip nhrp network-id 1\n{more} tunnel source {GI}\n tunnel mode gre multipoint\n"
        f" tunnel key {key}\n tunnel vrf WAN\n"
        for vrf, key in (("RED", 1), ("BLUE", 2))
    )


SPOKE_LINES = FRONT_DOOR + tunnels(OWN, f"ip nhrp nhs {HUB_IN_VRF} nbma {HUB_IN_FRONT} multicast", "ip nhrp shortcut")


def packets(effects: list[Effect], kind: type[NhrpPacket]) -> list[tuple[str, NhrpPacket]]:
    """Return the packets of NHRP of this kind, each with its tunnel."""
    sent = [(one.tunnel, parse(one.payload)) for one in effects if isinstance(one, SendGre)]
    return [(tunnel, packet) for tunnel, packet in sent if isinstance(packet, kind)]


def registration(number: int) -> bytes:
    return RegistrationRequest(
        source_nbma=PEER_NBMA,
        source_protocol=PEER,
        destination_protocol=HUB_IN_VRF,
        flags=RegistrationFlag.NAT,
        request_id=number,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
    ).serialize()


def test_a_client_of_one_vrf_is_unknown_in_another() -> None:
    hub = WholeRouter(FRONT_DOOR + tunnels(HUB_IN_VRF, "ip nhrp map multicast dynamic"))
    effects = hub.take(NhrpReceived("Tunnel1", PEER_NBMA, registration(1)))
    assert [tunnel for tunnel, _ in packets(effects, RegistrationReply)] == ["Tunnel1"]
    assert any(str(PEER) in line for line in hub.show("show ip nhrp vrf RED"))
    assert not any(str(PEER) in line for line in hub.show("show ip nhrp vrf BLUE"))
    assert any(str(PEER) in line for line in hub.show("show dmvpn vrf RED"))
    assert not any(str(PEER) in line for line in hub.show("show dmvpn vrf BLUE"))
    assert 'Interface Tunnel1 is up/up, Addr. is 192.168.100.11, VRF "RED" ' in hub.show("show dmvpn detail")
    assert '   Tunnel Src./Dest. addr: 172.16.31.1/MGRE, Tunnel VRF "WAN"' in hub.show("show dmvpn detail")


def test_networks_of_one_number_in_two_vrfs_are_two_networks() -> None:
    """A request that comes by the tunnel of BLUE never leaves by the tunnel of RED."""
    hub = WholeRouter(FRONT_DOOR + tunnels(HUB_IN_VRF))
    hub.take(NhrpReceived("Tunnel1", PEER_NBMA, registration(1)))
    question = ResolutionRequest(
        source_nbma=IPv4Address("172.16.51.1"),
        source_protocol=IPv4Address("192.168.100.51"),
        destination_protocol=PEER,
        flags=ResolutionFlag.ROUTER,
        request_id=9,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
    )
    effects = hub.take(NhrpReceived("Tunnel2", IPv4Address("172.16.51.1"), question.serialize()))
    assert "Tunnel1" not in [one.tunnel for one in effects if isinstance(one, SendGre)]


def test_a_shortcut_is_a_route_of_the_vrf_inside() -> None:
    spoke = WholeRouter(SPOKE_LINES)
    requests = dict(packets(spoke.effects, RegistrationRequest))
    assert sorted(requests) == ["Tunnel1", "Tunnel2"]
    for tunnel, request in requests.items():
        assert isinstance(request, RegistrationRequest)
        confirmed = RegistrationReply(
            source_nbma=request.source_nbma,
            source_protocol=OWN,
            destination_protocol=HUB_IN_VRF,
            flags=request.flags,
            request_id=request.request_id,
            cies=(ClientInfo(prefix_length=32, holding_time=600),),
            extensions=(),
        )
        spoke.take(NhrpReceived(tunnel, HUB_IN_FRONT, confirmed.serialize()))
    [(tunnel, question)] = packets(spoke.take(Unresolved("Tunnel1", PEER)), ResolutionRequest)
    assert isinstance(question, ResolutionRequest)
    assert tunnel == "Tunnel1"
    answer = ResolutionReply(
        source_nbma=question.source_nbma,
        source_protocol=OWN,
        destination_protocol=PEER,
        flags=question.flags,
        request_id=question.request_id,
        cies=(ClientInfo(prefix_length=32, holding_time=600, nbma=PEER_NBMA, protocol=PEER),),
    )
    effects = spoke.take(NhrpReceived("Tunnel1", PEER_NBMA, answer.serialize()))
    [echo] = [one.payload for one in effects if isinstance(one, SendGre) and one.protocol == 0x0800]
    reply = icmp.EchoReply(identifier=int.from_bytes(echo[24:26], "big"), sequence=int.from_bytes(echo[26:28], "big"))
    effects = spoke.take(IpReceived("Tunnel1", PEER, OWN, 1, reply.serialize(), ttl=255, tos=192, vrf="RED"))
    assert [one.vrf for one in effects if isinstance(one, InVrf) and isinstance(one.effect, SetRoute)] == ["RED"]
    assert any(f"{PEER}/32" in line for line in spoke.show("show ip nhrp vrf RED"))
    assert not any(f"{PEER}/32" in line for line in spoke.show("show ip nhrp vrf BLUE"))
    routes = spoke.router.ports.rib_of("RED")
    assert routes is not None
    assert str(PEER) in {str(route.prefix.address) for route in routes.routes()}
    for vrf in ("", "BLUE", "WAN"):
        others = spoke.router.ports.rib_of(vrf)
        assert others is not None
        assert str(PEER) not in {str(route.prefix.address) for route in others.routes()}


def test_a_tunnel_that_moves_to_another_vrf_takes_its_shortcuts_out_of_the_old_one() -> None:
    spoke = WholeRouter(SPOKE_LINES)
    effects = spoke.enter("interface Tunnel1", " vrf forwarding BLUE")
    assert not [one for one in effects if isinstance(one, SetRoute)]
    assert not [
        one for one in effects if isinstance(one, InVrf) and one.vrf == "RED" and isinstance(one.effect, SetRoute)
    ]
    assert not any("Tunnel1" in line for line in spoke.show("show ip nhrp vrf RED"))


# Numbers of NHRP networks on the data plane.


def test_a_network_id_is_another_network_in_another_vrf() -> None:
    networks = NhrpNetworks()
    numbers = [networks.number(vrf, 1) for vrf in ("", "RED", "BLUE")]
    assert len(set(numbers)) == 3
    assert [networks.number(vrf, 1) for vrf in ("", "RED", "BLUE")] == numbers, "they stay"
    assert networks.number("RED", None) is None
