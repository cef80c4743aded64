"""For which packets the SAs of quick mode are: identities of addresses, subnets and ranges."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dmvpn.base.errors import WireError
from dmvpn.features.ike.selectors import TrafficSelector
from dmvpn.features.ike.v1.packet import IdentificationPayload, identity_of, selector_of
from support.ikev1_capture import Capture, opened


def selector(first: str, last: str, protocol: int = 47, ports: tuple[int, int] = (0, 65535)) -> TrafficSelector:
    return TrafficSelector(ip_address(first), ip_address(last), protocol, ports)


HEXES = [
    (1, "c0000201", selector("192.0.2.1", "192.0.2.1")),
    (4, "0a000105ffffff00", selector("10.0.1.0", "10.0.1.255")),
    (4, "0000000000000000", selector("0.0.0.0", "255.255.255.255")),
    (7, "0a0000010a000009", selector("10.0.0.1", "10.0.0.9")),
    (5, "20010db8" + "00" * 11 + "01", selector("2001:db8::1", "2001:db8::1")),
    (6, "20010db8" + "00" * 12 + "ff" * 15 + "00", selector("2001:db8::", "2001:db8::ff")),
]  # fmt: skip


@pytest.mark.conforms("doi:4.6.2-packets")
@pytest.mark.parametrize(("kind", "octets", "packets"), HEXES)
def test_an_identity_names_packets(kind: int, octets: str, packets: TrafficSelector) -> None:
    assert selector_of(IdentificationPayload(kind, bytes.fromhex(octets), 47)) == packets


@pytest.mark.conforms("doi:4.6.2-packets")
@pytest.mark.parametrize(
    "packets",
    [
        selector("192.0.2.1", "192.0.2.1"),
        selector("192.0.2.1", "192.0.2.1", 17, (500, 500)),
        selector("10.0.0.0", "10.0.0.255", 0),
        selector("2001:db8::1", "2001:db8::1"),
        selector("2001:db8::", "2001:db8::ff"),
    ],
)
def test_packets_come_through_as_an_identity(packets: TrafficSelector) -> None:
    assert selector_of(identity_of(packets)) == packets


def test_a_host_with_gre_is_an_address_as_ios_sends_it() -> None:
    assert identity_of(selector("203.0.113.2", "203.0.113.2")).body().hex() == "012f0000cb007102"


def test_several_ports_have_no_identity() -> None:
    with pytest.raises(ValueError, match="500 to 501"):
        identity_of(selector("192.0.2.1", "192.0.2.1", 17, (500, 501)))


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        (2, "687562"),
        (1, "c00002"),
        (1, ""),
        (4, "c0000200"),
        (4, "c0000200ff00ff00"),
        (7, "0a0000090a000001"),
        (99, ""),
    ],
    ids=["a name", "short", "empty", "no mask", "a mask with gaps", "backwards", "unknown"],
)
def test_an_identity_that_names_no_packets_is_refused(kind: int, octets: str) -> None:
    with pytest.raises(WireError):
        selector_of(IdentificationPayload(kind, bytes.fromhex(octets)))


def test_strongswans_networks_are_read() -> None:
    (sa,) = opened(Capture("ikev1-psk-cbc"))
    found = {
        str(selector_of(identity))
        for read in sa.messages
        if read.inside and read.message.header.message_id
        for identity in read.inside.all(IdentificationPayload)
    }
    assert "192.0.2.2/47" in found
    assert any("-" in each for each in found)
