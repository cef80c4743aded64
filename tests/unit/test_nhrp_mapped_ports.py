"""Our vendor extension: its octets, who writes it, who passes it on, and who is believed."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.events import NhrpReceived
from dmvpn.features.nhrp import parts
from dmvpn.features.nhrp.debug import extension_lines
from dmvpn.features.nhrp.model import DEFAULT_HEARSAY
from dmvpn.features.nhrp.packet import ResolutionFlag, ResolutionReply, ResolutionRequest
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.shared import MINUTE
from dmvpn.features.nhrp.vendor import (
    VENDOR,
    MappedPort,
    MappedPorts,
    group_extension,
    group_of,
    mapped_ports,
    with_mapped_ports,
)
from support.cloud import HUB, HUB_NBMA, PEER, SPOKE, SPOKE_NBMA, refused, tunnel_of
from support.nhrp_strategies import ipv4_addresses, ipv6_addresses
from support.overlay import TUNNEL, address, cloud, make_shortcut
from support.protected import ProtectedOverlay, protected

#: What the translators of R31 and R41 show.
OUTSIDE = {"R31": "203.0.113.3", "R41": "203.0.113.4"}
AT = {name: address(text) for name, text in OUTSIDE.items()}
PORTS = {"R31": 31_000, "R41": 41_000}
BOTH = MappedPort(SPOKE, AT["R31"], 31_000), MappedPort(PEER, AT["R41"], 41_000)

# ------------------------------------------------------------------------------------------------ octets

_TABLE = [
    (MappedPorts(), "0008000702444d56504e01"),
    (
        MappedPorts((MappedPort(IPv4Address("192.168.100.31"), IPv4Address("203.0.113.3"), 31_000),)),
        "0008001402444d56504e01010b791804cb007103c0a8641f",
    ),
    (
        MappedPorts((MappedPort(ip_address("2001:db8::1"), IPv4Address("203.0.113.3"), 4500),), ((9, b"new"),)),
        "0008002502444d56504e010117119404cb00710320010db800000000000000000000000109036e6577",
    ),
]


@pytest.mark.parametrize(("ports", "octets"), _TABLE)
def test_it_has_exactly_one_encoding(ports: MappedPorts, octets: str) -> None:
    extension = ports.extension
    assert extension.serialize().hex() == octets
    assert not extension.compulsory
    assert MappedPorts.parse(extension) == ports


@pytest.mark.parametrize(
    "data",
    [
        "",
        "56504e",
        "56504e02",
        "56504e0101",
        "56504e01010b7918",
        "56504e01010a791804cb007103c0a864",
        "56504e01010b791805cb007103c0a8641f",
        "56504e01" + "010b791804cb007103c0a8641f" * 5,
    ],
)
def test_what_is_not_well_formed_is_somebody_elses(data: str) -> None:
    assert MappedPorts.parse(parts.VendorPrivate(vendor=VENDOR, data=bytes.fromhex(data))) is None


def test_another_vendor_with_the_same_octets_is_another_vendor() -> None:
    extension = MappedPorts(BOTH).extension
    assert MappedPorts.parse(replace(extension, vendor=b"\x00\x00\x0c")) is None
    assert group_of(extension) is None


@given(st.binary(max_size=80))
def test_whatever_stands_in_it_is_read_or_left_alone(data: bytes) -> None:
    extension = parts.VendorPrivate(vendor=VENDOR, data=b"VPN\x01" + data)
    ports = MappedPorts.parse(extension)
    assert ports is None or ports.extension == extension


_addresses = ipv4_addresses | ipv6_addresses


@given(st.lists(st.builds(MappedPort, _addresses, _addresses, st.integers(0, 0xFFFF)), max_size=4))
def test_what_is_written_is_read(entries: list[MappedPort]) -> None:
    ports = MappedPorts(tuple(entries))
    assert mapped_ports((parts.ResponderAddress(), ports.extension)) == ports


def test_a_second_one_goes_and_all_others_stay() -> None:
    group = group_extension("G")
    before: parts.Extensions = (parts.ResponderAddress(), MappedPorts().extension, group, MappedPorts(BOTH).extension)
    after = with_mapped_ports(before, MappedPorts(BOTH[:1]))
    assert after == (parts.ResponderAddress(), MappedPorts(BOTH[:1]).extension, group)


def test_debug_nhrp_extension_spells_it_out() -> None:
    packet = _request("192.168.100.31", "203.0.113.3", BOTH[0])
    lines = [*extension_lines(packet)]
    assert "  mapped port:31000, NBMA: 203.0.113.3, protocol: 192.168.100.31" in lines


# ------------------------------------------------------------------------------------------------ who writes it


def _ready(**settings: object) -> ProtectedOverlay:
    overlay = protected(behind=OUTSIDE, **settings)  # type: ignore[arg-type]
    overlay.mapped = PORTS
    return overlay.settled()


def _said(overlay: ProtectedOverlay, kind: type[ResolutionRequest] | type[ResolutionReply], to: str) -> MappedPorts:
    """What the packet of this type says that the hub sent to a spoke."""
    found = [sent.packet for sent in overlay.packets if sent.source == HUB_NBMA and sent.destination == AT[to]]
    (ports,) = [mapped_ports(packet.extensions) for packet in found if isinstance(packet, kind)]
    assert ports is not None
    return ports


def _wanted(overlay: ProtectedOverlay, name: str) -> list[tuple[IPv4Address, int]]:
    """Whom a spoke wants SAs with besides the hub, and by which port."""
    wishes = overlay.ipsec[name].book.wishes()
    return [(IPv4Address(str(nbma)), port) for _, nbma, port in wishes if nbma != HUB_NBMA]


def test_the_hub_writes_into_request_and_reply_where_it_hears_each_end() -> None:
    overlay = _ready()
    make_shortcut(overlay)
    assert _said(overlay, ResolutionRequest, "R41").entries == BOTH[:1]
    assert _said(overlay, ResolutionReply, "R31").entries == BOTH[1:]


def test_both_ends_want_each_other_by_these_ports() -> None:
    overlay = _ready()
    make_shortcut(overlay)
    assert _wanted(overlay, "R31") == [(AT["R41"], 41_000)]
    assert _wanted(overlay, "R41") == [(AT["R31"], 31_000)]


def test_who_has_no_translator_has_no_port() -> None:
    overlay = protected(behind={"R31": OUTSIDE["R31"]})
    overlay.mapped = {"R31": 31_000, "R41": 4500}
    overlay.start().run(5)
    make_shortcut(overlay)
    assert _wanted(overlay, "R31")[0][1] == 0


def test_a_tunnel_in_clear_carries_no_such_extension() -> None:
    overlay = cloud().settled()
    make_shortcut(overlay)
    requests = [sent.packet for sent in overlay.packets if isinstance(sent.packet, ResolutionRequest)]
    assert requests
    assert not any(isinstance(each, parts.VendorPrivate) for packet in requests for each in packet.extensions)


def test_a_peer_that_shows_itself_by_another_port_is_wanted_there_and_no_longer_where_it_was() -> None:
    overlay = _ready()
    make_shortcut(overlay)
    overlay.mapped = {"R31": 31_000, "R41": 42_000}
    overlay.disconnect("R11", "R41")
    overlay.connect("R41", "R11")
    overlay.run(70)
    assert _wanted(overlay, "R31") == [(AT["R41"], 42_000)]


# ------------------------------------------------------------------------------------------------ who is believed


def _request(source: str, nat: str, *ports: MappedPort, record: tuple[parts.ClientInfo, ...] = ()) -> ResolutionRequest:
    """A request for a host behind R41. source: tunnel address; nat: translated address of its sender."""
    cie = parts.ClientInfo(prefix_length=32, nbma=address(nat), protocol=address(source))
    return ResolutionRequest(
        source_nbma=address("10.99.3.2"),
        source_protocol=address(source),
        destination_protocol=address("10.4.4.1"),
        flags=ResolutionFlag.SOURCE_STABLE | ResolutionFlag.NAT,
        request_id=7,
        cies=(parts.ClientInfo(prefix_length=32, holding_time=600),),
        extensions=(
            parts.ForwardTransitRecord(entries=record),
            parts.ReverseTransitRecord(),
            parts.NatAddress(entries=(cie,)),
            MappedPorts(ports).extension,
        ),
    )


def _from_client(overlay: ProtectedOverlay, packet: ResolutionRequest) -> None:
    number = next(c.number for c in overlay.ipsec["R11"].known if c.identity == "R31.example")
    overlay.handle("R11", NhrpReceived(TUNNEL, AT["R31"], packet.serialize(), number))
    overlay.run(0.005)


def _by_hub(packet: ResolutionRequest) -> bytes:
    """The request, as the hub has passed it on."""
    hub = parts.ClientInfo(prefix_length=32, nbma=HUB_NBMA, protocol=HUB)
    return replace(packet, extensions=(parts.ForwardTransitRecord(entries=(hub,)), *packet.extensions[1:])).serialize()


def _from_server(overlay: ProtectedOverlay, packet: ResolutionRequest) -> None:
    number = tunnel_of(overlay, "R41").clients[HUB].connection
    overlay.handle("R41", NhrpReceived(TUNNEL, HUB_NBMA, _by_hub(packet), number))


def test_what_a_client_says_of_itself_is_replaced_by_what_its_server_sees() -> None:
    overlay = _ready()
    forged = MappedPort(SPOKE, AT["R31"], 9999), MappedPort(PEER, SPOKE_NBMA, 9999)
    _from_client(overlay, _request("192.168.100.31", OUTSIDE["R31"], *forged))
    assert _said(overlay, ResolutionRequest, "R41").entries == BOTH[:1]


def test_what_a_client_says_of_somebody_the_server_does_not_know_is_dropped() -> None:
    overlay = _ready()
    victim = MappedPort(address("192.168.100.66"), address("198.51.100.66"), 5353)
    _from_client(overlay, _request("192.168.100.66", "198.51.100.66", victim))
    assert _said(overlay, ResolutionRequest, "R41").entries == ()


def test_what_another_server_wrote_is_passed_on() -> None:
    overlay = _ready()
    known = MappedPort(address("192.168.100.66"), address("198.51.100.66"), 20_000)
    server = parts.ClientInfo(prefix_length=32, nbma=address("172.16.99.1"), protocol=address("192.168.100.99"))
    _from_client(overlay, _request("192.168.100.66", "198.51.100.66", known, record=(server,)))
    assert _said(overlay, ResolutionRequest, "R41").entries == (known,)


VICTIM, VICTIM_NBMA = address("192.168.100.66"), address("198.51.100.66")


@pytest.mark.parametrize(
    ("port", "said_of", "wanted"), [(20_000, VICTIM_NBMA, 20_000), (53, VICTIM_NBMA, 0), (20_000, SPOKE_NBMA, 0)]
)
def test_a_port_is_believed_if_a_translator_may_show_it_at_the_very_address(
    port: int, said_of: IPv4Address, wanted: int
) -> None:
    overlay = _ready()
    _from_server(overlay, _request(str(VICTIM), str(VICTIM_NBMA), MappedPort(VICTIM, said_of, port)))
    assert _wanted(overlay, "R41") == [(VICTIM_NBMA, wanted)]


def test_a_peer_is_not_believed_what_only_a_server_can_know() -> None:
    overlay = _ready()
    _, number = overlay.connect("R31", "R41")
    packet = _request(str(VICTIM), str(VICTIM_NBMA), MappedPort(VICTIM, VICTIM_NBMA, 20_000))
    overlay.handle("R41", NhrpReceived(TUNNEL, AT["R31"], _by_hub(packet), number))
    assert _wanted(overlay, "R41") == [(VICTIM_NBMA, 0)]


def test_requests_without_end_make_ike_begin_only_so_often() -> None:
    """Somebody in the network invents requesters, each at another address of the Internet."""
    overlay = _ready()
    for number in range(300):
        tail = f"{number // 250}.{1 + number % 250}"
        source, nat = f"192.168.1{tail}", f"198.51.{tail}"
        _from_server(overlay, _request(source, nat, MappedPort(address(source), address(nat), 20_000)))
    unasked = DEFAULT_HEARSAY // 2
    assert len(_wanted(overlay, "R41")) == unasked
    assert refused(overlay, "R41")[Refusal.HELD_BACK] == 300 - unasked
    overlay.run(MINUTE + 1)
    source, nat = "192.168.100.66", "198.51.100.66"
    _from_server(overlay, _request(source, nat))
    assert len(_wanted(overlay, "R41")) == unasked + 1
