"""Nothing in clear: what the watcher of the simulated wires complains of, and what it leaves alone."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.protection import EspCipher, EspSa, EspTransform
from dmvpn.dataplane.esp.table import SaTable
from dmvpn.judge.clear import ClearWatch, protected_keys
from dmvpn.judge.sealed import SealedMarks
from dmvpn.judge.traffic import Mark
from dmvpn.net import gre, ip, udp
from dmvpn.net.ipv4 import IpProtocol

HERE, THERE = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
CONFIGURATION = """\
hostname R1
!
interface Tunnel1
 tunnel source GigabitEthernet0/1
 tunnel key 100
 tunnel protection ipsec profile DMVPN
!
interface Tunnel2
 tunnel source GigabitEthernet0/1
 tunnel key 200
!
end
"""


def outer(protocol: int, payload: bytes) -> bytes:
    return ip.build(source=HERE, destination=THERE, protocol=protocol, payload=payload)


def greeting(key: int | None) -> bytes:
    return gre.header_of(gre.ProtocolType.NHRP, key).serialize(bytes(20))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (CONFIGURATION, [100]),
        (CONFIGURATION.replace(" tunnel key 100\n", ""), [None]),
        (CONFIGURATION.replace("profile DMVPN", "profile DMVPN shared"), [100]),
        (CONFIGURATION.replace(" tunnel protection ipsec profile DMVPN\n", ""), []),
    ],
)
def test_what_a_configuration_protects_is_known_by_the_key_of_its_gre_packets(text: str, keys: list[int]) -> None:
    assert list(protected_keys(text)) == keys


@pytest.mark.parametrize(
    ("sender", "packet", "wrong"),
    [
        ("R1", outer(IpProtocol.GRE, greeting(100)), True),
        ("R1", outer(IpProtocol.GRE, greeting(200)), False),
        ("R1", outer(IpProtocol.ESP, greeting(100)), False),
        ("R1", outer(IpProtocol.UDP, udp.without_checksum(4500, 4500, greeting(100))), False),
        ("TRANSPORT", outer(IpProtocol.GRE, greeting(100)), False),  # it was seen when it left R1
    ],
)
def test_only_gre_of_a_protected_tunnel_is_complained_of(sender: str, packet: bytes, wrong: bool) -> None:
    watch = ClearWatch({"R1": CONFIGURATION, "TRANSPORT": "hostname TRANSPORT\n"})
    complaint = watch.complaint(sender, "GigabitEthernet0/1", packet)
    assert (complaint is not None) == wrong
    if complaint is not None:
        assert "from 192.0.2.1 to 192.0.2.2" in complaint


TWO_DOORS = """\
hostname R1
vrf definition A
 address-family ipv4
vrf definition B
 address-family ipv4
interface GigabitEthernet0/1
 vrf forwarding A
interface GigabitEthernet0/2
 vrf forwarding B
interface Tunnel1
 tunnel source GigabitEthernet0/1
 tunnel key 7
 tunnel vrf A
 tunnel protection ipsec profile DMVPN
interface Tunnel2
 tunnel source GigabitEthernet0/2
 tunnel key 7
 tunnel vrf B
"""


def test_a_tunnel_in_clear_may_have_the_key_of_a_protected_one_in_another_front_door() -> None:
    watch = ClearWatch({"R1": TWO_DOORS})
    wrong = {port: watch.complaint("R1", f"GigabitEthernet0/{port}", outer(47, greeting(7))) for port in (1, 2, 3)}
    assert [port for port, complaint in wrong.items() if complaint is not None] == [1, 3]


@pytest.mark.parametrize("port", [0, 4500, 1025])
def test_the_judge_knows_a_packet_of_a_flow_inside_esp_by_what_the_plane_said(port: int) -> None:
    sa = EspSa(
        connection=1,
        spi_in=0x1000,
        spi_out=0x2000,
        transform=EspTransform(EspCipher.AES_GCM, 128),
        key_in=bytes(20),
        key_out=bytes(20),
        local=HERE,
        remote=THERE,
    )
    table = SaTable()
    table.install(sa, eager=True)
    link = table.between(table.doors.number(HERE, ""), THERE.packed)
    assert link is not None
    flow = outer(IpProtocol.UDP, b"\x00\x07\x00\x07\x00\x12\x00\x00" + b"\x1ddMv\x00\x03\x00\x00\x00\x09")
    message = gre.header_of(gre.ProtocolType.IPV4, 100).serialize(flow)
    sealed = link.current.seal(message, IpProtocol.GRE)
    assert sealed is not None
    marks = SealedMarks()
    packet = outer(IpProtocol.UDP, udp.without_checksum(4500, port, sealed)) if port else outer(IpProtocol.ESP, sealed)
    assert marks.mark_of(packet) is None
    marks.note(message, sealed, 1.0)
    assert marks.mark_of(packet) == Mark(3, 9)
    assert marks.mark_of(outer(IpProtocol.GRE, message)) == Mark(3, 9), "one in clear is known, too"
