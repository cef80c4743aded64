"""What `lab capture --keys` writes, read by tshark: whatever IKE and ESP may agree on, Wireshark opens it."""

from __future__ import annotations

import os
import shutil
import subprocess
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import ReportKey
from dmvpn.base.protection import EspCipher, EspHash, EspTransform
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.esp.table import Outbound
from dmvpn.net import ipv4, pcap
from dmvpn.net.ipv4 import IpProtocol, checksum
from dmvpn.shells import storage
from support.cases import one_in
from support.ike_machines import PSK, MachineNet, Node

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

HUB, SPOKE = "192.0.2.1", "198.51.100.7"
GRE = bytes.fromhex("00000800")
IKE = [
    *(f"aes-cbc-{bits} {name}" for bits in (128, 192, 256) for name in ("sha1", "sha256", "sha384", "sha512")),
    *(f"aes-gcm-{bits}" for bits in (128, 256)),
]
ESP = [
    *(EspTransform(EspCipher.AES_CBC, bits, name) for bits in (128, 192, 256) for name in EspHash),
    *(EspTransform(EspCipher.AES_GCM, bits) for bits in (128, 192, 256)),
]


def proposal(words: str) -> str:
    encryption, _, integrity = words.partition(" ")
    lines = [f"encryption {encryption}", "prf sha256", "group 19", *([f"integrity {integrity}"] if integrity else [])]
    text = "".join(f" {line}\n" for line in lines)
    return f"{PSK}crypto ikev2 proposal ONLY\n{text}crypto ikev2 policy ONLY\n proposal ONLY\n"


def meet(ike: str, esp: EspTransform) -> tuple[MachineNet, Node, Node]:
    net = MachineNet()
    hub = net.node(HUB, proposal(ike), transforms=(esp,))
    spoke = net.node(SPOKE, proposal(ike), transforms=(esp,))
    hub.machine._settings.key_log.wanted = True
    spoke.want(hub)
    net.run(2)
    assert hub.pairs
    assert spoke.pairs
    return net, hub, spoke


def ping() -> bytes:
    """An echo request in GRE, as a tunnel carries it."""
    echo = bytes.fromhex("0800000012340001") + bytes(48)
    echo = echo[:2] + checksum(echo).to_bytes(2, "big") + echo[4:]
    inner = ipv4.build(
        source=IPv4Address("10.0.0.2"), destination=IPv4Address("10.0.0.1"), protocol=IpProtocol.ICMP, payload=echo
    )
    return GRE + inner


def captured(net: MachineNet, spoke: Node) -> bytes:
    """What was on the wire: IKE as it went, and a packet over the pair of SAs that it made."""
    frames = [
        ipv4.build(
            source=flight.source,
            destination=flight.target,
            protocol=IpProtocol.UDP,
            payload=flight.datagram.serialize(flight.source, flight.target),
        )
        for flight in net.log
    ]
    (pair,) = (made.sa for made in spoke.pairs.values())
    suite = EspSuite.of(pair.transform)
    sealed = Outbound(suite, pair.spi_out.to_bytes(4, "big"), pair.key_out, pair.hash_key_out).seal(ping(), 47)
    source, destination = IPv4Address(SPOKE), IPv4Address(HUB)
    frames.append(ipv4.build(source=source, destination=destination, protocol=IpProtocol.ESP, payload=sealed))
    records = b"".join(pcap.record(frame, number) for number, frame in enumerate(frames))
    return pcap.file_header(pcap.LinkType.RAW) + records


def dissected(net: MachineNet, hub: Node, spoke: Node, folder: Path) -> str:
    storage.make_folder(folder / "keys")
    for report in hub.heard(ReportKey):
        storage.write(folder / "keys", report)
    (folder / "wire.pcap").write_bytes(captured(net, spoke))
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(folder / "keys")}
    command = ["tshark", "-V", "-r", str(folder / "wire.pcap")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert "rror" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "esp", one_in(3, ESP), ids=lambda esp: f"{esp.cipher.value}-{esp.bits}-{esp.hash and esp.hash.value}"
)
def test_every_cipher_of_esp_is_opened(esp: EspTransform, tmp_path: Path) -> None:
    """AES-GCM was written under a name that leaves the check value out: 76 of 80 packets stayed opaque."""
    text = dissected(*meet("aes-cbc-256 sha256", esp), tmp_path)
    assert "Type: 8 (Echo (ping) request)" in text


@pytest.mark.parametrize("ike", one_in(3, IKE))
def test_every_cipher_of_ike_is_opened(ike: str, tmp_path: Path) -> None:
    text = dissected(*meet(ike, EspTransform(EspCipher.AES_GCM, 256)), tmp_path)
    assert f"ID_IPV4_ADDR:{SPOKE}" in text or f"Identification Data:{SPOKE}" in text, text[-4000:]
