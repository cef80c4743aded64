"""The packets of `tests/captures`, taken out of link headers, GRE and ESP: what the decoders are fed with.

`payloads("nhrp")` are all different NHRP packets of all captures, each with the place where it was found first.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.net.gre import GreHeader, ProtocolType
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.net.pcap import LinkType

if TYPE_CHECKING:
    from collections.abc import Iterator

CAPTURES = Path(__file__).parents[1] / "captures"
_RIP_PORT = 520
_ESP_IN_UDP_PORT = 4500
_IPV4 = 0x0800
_IPV6 = 0x86DD
_VLAN = b"\x81\x00"
_EIGRP_IN_IPV6 = 40  # the fixed header is all there is before EIGRP


@dataclass(frozen=True, slots=True)
class Found:
    """Octets of a protocol and where they were found: "nhrp-frr-hub.pcap #31"."""

    protocol: str
    where: str
    octets: bytes

    def __str__(self) -> str:
        return self.where


@cache
def payloads(protocol: str) -> tuple[Found, ...]:
    """Return all different packets of "ipv4", "gre", "nhrp", "eigrp", "ospf" or "rip"."""
    different: dict[bytes, Found] = {}
    for found in _everything():
        if found.protocol == protocol:
            different.setdefault(found.octets, found)
    return tuple(different.values())


@cache
def _everything() -> tuple[Found, ...]:
    found: list[Found] = []
    for path in sorted([*CAPTURES.glob("**/*.pcap"), *CAPTURES.glob("**/*.pcapng")]):
        keys = esp_keys(path)
        for number, frame in enumerate(frames(path), 1):
            layer = network_layer(*frame)
            if layer is not None:
                found += _in_network_layer(f"{path.name} #{number}", *layer, keys)
    return tuple(found)


def frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """Link type and octets of every frame of a file of either format."""
    data = path.read_bytes()
    if path.suffix == ".pcapng":
        position = 0
        link_type = -1
        while position < len(data):
            kind, length = struct.unpack_from("<II", data, position)
            if kind == 1:
                (link_type,) = struct.unpack_from("<H", data, position + 8)
            elif kind == 6:
                (captured,) = struct.unpack_from("<I", data, position + 20)
                yield link_type, data[position + 28 : position + 28 + captured]
            position += length
    else:
        capture = read(data)
        for frame in capture.frames:
            yield capture.link_type, frame.data


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedFrame:
    """One frame. time_ns: since 1970; original_length: octets on the wire, of which `data` may be only the first."""

    time_ns: int
    data: bytes
    original_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A whole file of libpcap. Every frame has the same link type."""

    link_type: int
    frames: tuple[CapturedFrame, ...]


def read(file: bytes) -> Capture:
    """Read a whole file, of either byte order and unit of time."""
    order, unit = ">" if file[:1] == b"\xa1" else "<", 1 if b"\x3c" in file[:4] else 1000
    frames: list[CapturedFrame] = []
    position = 24
    while position < len(file):
        seconds, units, length, original = struct.unpack_from(f"{order}IIII", file, position)
        time, data = seconds * 1_000_000_000 + units * unit, file[position + 16 : position + 16 + length]
        frames.append(CapturedFrame(time_ns=time, data=data, original_length=original))
        position += 16 + length
    assert position == len(file)
    return Capture(link_type=struct.unpack_from(f"{order}I", file, 20)[0] & 0xFFFF, frames=tuple(frames))


def network_layer(link_type: int, frame: bytes) -> tuple[int, bytes] | None:
    """Return the Ethernet type and the octets of the packet in a frame; None if the frame is too short or the link
    unknown.
    """
    match link_type:
        case LinkType.ETHERNET:
            start = 14
            while frame[start - 2 : start] == _VLAN:
                start += 4
            return _typed(frame, type_at=start - 2, start=start)
        case LinkType.LINUX_SLL:
            return _typed(frame, type_at=14, start=16)
        case LinkType.LINUX_SLL2:
            return _typed(frame, type_at=0, start=20)
        case LinkType.NULL:
            return _ip(frame[4:])
        case LinkType.RAW | LinkType.IPV4 | LinkType.IPV6:
            return _ip(frame)
        case _:
            return None


def _typed(frame: bytes, *, type_at: int, start: int) -> tuple[int, bytes] | None:
    return (int.from_bytes(frame[type_at : type_at + 2], "big"), frame[start:]) if len(frame) >= start else None


def _ip(packet: bytes) -> tuple[int, bytes] | None:
    """Return a packet that tells its family itself."""
    if not packet:
        return None
    return (_IPV6 if packet[0] >> 4 == 6 else _IPV4, packet)


def _in_network_layer(where: str, ether_type: int, octets: bytes, keys: dict[bytes, bytes]) -> Iterator[Found]:
    if ether_type == _IPV4:
        packet = Ipv4Packet.parse(octets)
        yield Found("ipv4", where, packet.serialize())
        match packet.protocol:
            case IpProtocol.GRE:
                yield from _in_gre(where, packet.payload, keys)
            case IpProtocol.EIGRP:
                yield Found("eigrp", where, packet.payload)
            case IpProtocol.OSPF:
                yield Found("ospf", where, packet.payload)
            case IpProtocol.ESP:
                yield from _in_esp(where, packet.payload, keys)
            case IpProtocol.UDP:
                # The checksums of datagrams captured on their way out may be left to the interface: do not look.
                port, payload = int.from_bytes(packet.payload[2:4], "big"), packet.payload[8:]
                if port == _RIP_PORT:
                    yield Found("rip", where, payload)
                elif port == _ESP_IN_UDP_PORT and payload[:4] != bytes(4):
                    yield from _in_esp(where, payload, keys)
    elif ether_type == _IPV6 and octets[6] == IpProtocol.EIGRP:
        yield Found("eigrp", where, octets[_EIGRP_IN_IPV6:])


def _in_gre(where: str, octets: bytes, keys: dict[bytes, bytes]) -> Iterator[Found]:
    yield Found("gre", where, octets)
    header, start = GreHeader.parse(octets)
    if header.protocol_type == ProtocolType.NHRP:
        yield Found("nhrp", where, octets[start:])
    elif header.protocol_type == ProtocolType.IPV4:
        yield from _in_network_layer(where, _IPV4, octets[start:], keys)


def _in_esp(where: str, octets: bytes, keys: dict[bytes, bytes]) -> Iterator[Found]:
    opened = open_esp(octets, keys)
    if opened is not None:
        yield from _in_gre(where, opened, keys)


def open_esp(octets: bytes, keys: dict[bytes, bytes]) -> bytes | None:
    """Return the GRE packet in ESP with AES-GCM, RFC 4106.

    None where there is none, its key is unknown or the cryptography package is not there.
    """
    key = keys.get(octets[:4])
    if key is None:
        return None
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        return None
    opened = AESGCM(key[:-4]).decrypt(key[-4:] + octets[8:16], octets[16:], octets[:8])
    pad_length, next_header = opened[-2:]
    return opened[: -2 - pad_length] if next_header == IpProtocol.GRE else None


def esp_keys(path: Path) -> dict[bytes, bytes]:
    """SPI to key (with salt) of the capture's run: dmvpn-full-nat-hub.pcap has dmvpn-full-nat.keys.json."""
    file = path.with_name(path.stem.rpartition("-")[0] + ".keys.json")
    if not file.exists():
        return {}
    run = json.loads(file.read_text())
    return {bytes.fromhex(sa["spi"][2:]): bytes.fromhex(sa["key"][2:]) for sa in run["esp_sas"] if "key" in sa}


def dissected(capture: Path, configuration: Path) -> str:
    """Return what tshark says of a capture."""
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(configuration)}
    command = ["tshark", "-r", str(capture)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout
