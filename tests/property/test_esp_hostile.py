"""Whatever comes as ESP or to UDP port 4500: the core counts it, and never falls over it."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.events import UnknownSpi
from dmvpn.base.protection import EspCipher, EspHash, EspSa, EspTransform
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.esp.table import Outbound, PeerPlace
from dmvpn.dataplane.python.core import PacketCore
from dmvpn.dataplane.python.tunnels import CoreTunnel
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol, Ipv4Packet
from support import traffic

OURS, THEIRS = IPv4Address("192.0.2.1"), IPv4Address("198.51.100.1")
SPI, KEY = 0x1000, 100

transforms = st.sampled_from([EspTransform(EspCipher.AES_GCM, 256), EspTransform(EspCipher.AES_CBC, 128, EspHash.SHA1)])
sas = st.builds(
    lambda transform, esn, window, tunnel_mode: EspSa(
        connection=1,
        spi_in=SPI,
        spi_out=SPI,
        transform=transform,
        key_in=bytes(EspSuite.of(transform).keymat),
        key_out=bytes(EspSuite.of(transform).keymat),
        hash_key_in=bytes(20),
        hash_key_out=bytes(20),
        local=OURS,
        remote=THEIRS,
        esn=esn,
        window=window,
        tunnel_mode=tunnel_mode,
    ),
    transforms,
    st.booleans(),
    st.sampled_from([0, 1024]),
    st.booleans(),
)
#: What a peer with keys may put into ESP: GRE, GRE in IP, and nonsense of both kinds.
inner = st.one_of(
    st.binary(max_size=80),
    traffic.gre_packets,
    traffic.gre_packets.map(lambda packet: packet[(packet[0] & 15) * 4 :] if packet else packet),
)
headers = st.one_of(st.sampled_from([4, 47, 59]), st.integers(0, 255))


@dataclass(frozen=True)
class Damage:
    """What happens to a packet on the way."""

    cut: int | None = None
    flip: int | None = None
    twice: bool = False
    front: bytes = field(default=b"")

    def to(self, packet: bytes) -> bytes:
        octets = bytearray(self.front + packet[: self.cut])
        if self.flip is not None and octets:
            octets[self.flip % len(octets)] ^= 0x10
        return bytes(octets)


damages = st.builds(
    Damage,
    cut=st.one_of(st.none(), st.integers(0, 120)),
    flip=st.one_of(st.none(), st.integers(0, 4000)),
    twice=st.booleans(),
    front=st.sampled_from([b"", b"", b"", bytes(4), b"\xff"]),
)
packets = st.one_of(
    st.tuples(st.just("raw"), st.binary(max_size=100), st.integers(0, 255), damages),
    st.tuples(st.just("sealed"), inner, headers, damages),
)


@given(sas, st.lists(packets, max_size=12), st.booleans())
def test_hostile_esp_is_counted_and_breaks_nothing(
    sa: EspSa, sent: list[tuple[str, bytes, int, Damage]], in_udp: bool
) -> None:
    core = PacketCore()
    core.tunnels.set(
        1, CoreTunnel(core.doors.number(OURS, ""), None, KEY, bytes(6), network=1, report=True, protected=True)
    )
    core.protection.table.install(sa, eager=True)
    peer = Outbound(EspSuite.of(sa.transform), SPI.to_bytes(4, "big"), sa.key_in, sa.hash_key_in, esn=sa.esn)
    good = 0
    for kind, payload, header, damage in sent:
        packet = damage.to(peer.seal(payload, header) if kind == "sealed" else payload)
        for _ in range(1 + damage.twice):
            good += 1
            if in_udp:
                core.inbound_udp(core.doors.number(OURS, ""), PeerPlace(THEIRS.packed, 4500), header, packet, 0.0)
            else:
                whole = packet[: 0xFFFF - HEADER_LENGTH]
                outer = Ipv4Packet(source=THEIRS, destination=OURS, protocol=IpProtocol.ESP, payload=whole)
                core.inbound_esp(core.doors.number(OURS, ""), outer.serialize(), 0.0)
    assert core.wire == [], "nothing leaves in clear"
    assert len(core.taps) <= good
    (pair,) = core.protection.table.pairs()
    if sa.window:
        assert pair.inbound.packets <= peer.packets, "nothing opens twice, nothing opens that was not sealed"
    assert all(frame.tunnel == 1 for frame in core.taps)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_octets_behind_any_header_are_no_crash(header: bytes, octets: bytes) -> None:
    core = PacketCore()
    core.inbound_esp(core.doors.number(OURS, ""), header + octets, 0.0)
    core.inbound(core.doors.number(OURS, ""), header + octets, 0.0)
    core.inbound_udp(core.doors.number(OURS, ""), PeerPlace(THEIRS.packed, 1), 0, octets, 0.0)
    assert core.taps == []


@given(st.lists(st.tuples(st.integers(0, 1 << 32), st.integers(1, 500)), max_size=400))
def test_strangers_are_told_of_at_a_bounded_rate(strangers: list[tuple[int, int]]) -> None:
    core = PacketCore()
    for number, (address, spi) in enumerate(strangers):
        place = PeerPlace((address & 0xFFFFFFFF).to_bytes(4, "big"), 4500)
        core.inbound_udp(core.doors.number(OURS, ""), place, 0, spi.to_bytes(4, "big") + bytes(20), number / 1000)
    told = [event for event in core.protection.events if isinstance(event, UnknownSpi)]
    assert len(told) <= 100
    assert core.dropped.no_spi == len(strangers)
