"""Engines and a path that is narrower than the tunnel: TCP buffers of the kernel, which they cut and send in trains."""

from __future__ import annotations

import importlib.util
import random
import selectors
import socket
import subprocess
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import GRE_NHRP, DfBit, TunnelSpec
from dmvpn.base.events import GreDrops
from dmvpn.base.protection import EspCipher, EspSa, EspTransform
from dmvpn.dataplane.engines import choose
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.esp.table import Inbound, ReplayWindow
from dmvpn.dataplane.netlink import LinkSettings, NetlinkSocket, set_link, set_up
from dmvpn.dataplane.sockets import EspSocket, GreSocket, UdpSocket
from dmvpn.dataplane.tap import GSO_TCPV4, NEEDS_CHECKSUM, Tap, VnetHeader
from dmvpn.dataplane.userspace.engine import TooBig
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import Ipv4Flag, Ipv4Packet
from dmvpn.shells.lab.namespaces import inside_network, run_in_lab
from support import traffic
from support.links import FAR, HERE, THERE, index_of, narrow_path, path_mtu
from support.namespaces import patiently

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.events import Event
    from dmvpn.dataplane.userspace.engine import PacketEngine

pytestmark = pytest.mark.lab

MAC = bytes.fromhex("020100000001")
SUITE = EspSuite.gcm(256)
SOL_PACKET, PACKET_VNET_HDR = 263, 15
#: Octets of the packets in a train: more than the path takes, and less than our own wire does.
SEGMENT = 1400
HEADERS = 40
ENGINES = [
    "python",
    pytest.param(
        "rust",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("dmvpn_engine") is None, reason="dmvpn-engine is not installed"
        ),
    ),
]
SA = EspSa(
    connection=7,
    spi_in=0x1001,
    spi_out=0x2001,
    transform=EspTransform(EspCipher.AES_GCM, 256),
    key_in=bytes(SUITE.keymat),
    key_out=bytes(SUITE.keymat),
    local=HERE,
    remote=FAR,
)
#: How packets leave: the UDP port of the peer, 0: protocol 50; None: in clear.
WAYS = [pytest.param(None, id="gre"), pytest.param(0, id="esp"), pytest.param(4500, id="udp")]

#: Of 1300 octets: IP header and GRE, and with ESP 16 before and 18 behind (to a multiple of 4), and a UDP header.
LARGEST = {None: 1276, 0: 1242, 4500: 1234}
INSIDE = traffic.INSIDE[0]
PLAIN = VnetHeader()


class Loop:
    """A `Watch` that is run by hand."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, ready)

    def remove(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)

    def run(self) -> None:
        for key, _ in self._selector.select(0.01):
            key.data()


class Here:
    """An engine, and a TAP that may hold packets before the engine has a tunnel to FAR."""

    def __init__(self, name: str, port: int | None) -> None:
        self.loop = Loop()
        self.events: list[Event] = []
        self.engine: PacketEngine = choose(name)(self.events.append, self.loop)
        self._port = port
        self.tap = Tap("Tunnel1", vnet_hdr=True)
        if port is not None:
            assert self.engine.serve_ipsec((HERE,)) == {}
            self.engine.install_sa(replace(SA, local_port=port, remote_port=port), eager=True)
        with NetlinkSocket() as kernel:
            index = index_of(kernel, "Tunnel1")
            kernel.call(set_link(index, LinkSettings(mtu=1476, silent_ipv6=True)), set_up(index))
        self._kernel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._kernel.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self._kernel.bind(("Tunnel1", 0x0800))

    def begin(self, df: DfBit) -> None:
        """Have the tunnel."""
        spec = TunnelSpec(name="Tunnel1", source=HERE, destination=FAR, key=None, mtu=1476, df=df)
        self.engine.set_tunnel(replace(spec, protected=self._port is not None), self.tap, MAC)

    def send(self, packet: bytes, vnet: VnetHeader = PLAIN) -> None:
        """Have the kernel send a packet into the tunnel."""
        self._kernel.send(vnet.serialize() + MAC + bytes(6) + b"\x08\x00" + packet)

    def send_train(self, data: bytes, size: int) -> None:
        """Have the kernel send one TCP buffer whose segments are `size` octets, headers included."""
        whole = traffic.tcp_packet(INSIDE, INSIDE, data, partial=True)
        offsets = {"checksum_start": 14 + 20, "checksum_offset": 16}
        vnet = VnetHeader(NEEDS_CHECKSUM, GSO_TCPV4, 14 + HEADERS, size - HEADERS, **offsets)
        self.send(whole, vnet)

    def too_big(self) -> list[TooBig]:
        """What was reported of packets that do not fit."""
        return [event for event in self.events if isinstance(event, TooBig)]

    def close(self) -> None:
        self.engine.close()
        self.tap.close()
        self._kernel.close()


class Far:
    """The other end of the tunnel, by hand. whole: whether outer packets had DF set, where a socket can tell."""

    def __init__(self, port: int | None) -> None:
        self._socket = GreSocket(FAR) if port is None else EspSocket(FAR) if port == 0 else UdpSocket(FAR, port)
        spi = SA.spi_out.to_bytes(4, "big")
        self._inbound = None if port is None else Inbound(SUITE, spi, SA.key_out, window=ReplayWindow(1024))
        self.packets: list[Ipv4Packet] = []
        self.nhrp: list[bytes] = []
        self.whole: list[bool] = []

    def receive(self) -> None:
        """Take what has come."""
        while (octets := self._octets()) is not None:
            gre = octets if self._inbound is None else self._inbound.open(octets)[0]
            header, length = GreHeader.parse(memoryview(gre))
            if header.protocol_type == GRE_NHRP:
                self.nhrp.append(gre[length:])
            else:
                self.packets.append(Ipv4Packet.parse(gre[length:]))

    def data(self) -> bytes:
        """What the TCP segments carry, in the order of their sequence numbers."""
        by_sequence = {packet.payload[4:8]: packet.payload[20:] for packet in self.packets}
        return b"".join(by_sequence[sequence] for sequence in sorted(by_sequence))

    def close(self) -> None:
        self._socket.close()

    def _octets(self) -> bytes | None:
        if isinstance(self._socket, UdpSocket):
            arrived = self._socket.receive()
            return None if arrived is None else arrived.octets
        buffer = bytearray(65535)
        length = self._socket.receive(buffer)
        if length is None:
            return None
        self.whole.append(bool(buffer[6] & 0x40))
        return bytes(buffer[(buffer[0] & 0x0F) * 4 : length])


def have_the_kernel_know_the_path() -> None:
    """As if somebody else had sent there."""
    with GreSocket(HERE) as other:
        other.mind_paths(True)
        for _ in patiently(5):
            with suppress(OSError):
                other.send(bytes(1400), str(FAR), df=True)
            if path_mtu(HERE, FAR) < 1500:
                return
    pytest.fail("the router said nothing")


def with_both_ends(engine: str, port: int | None, test: Callable[[Here, Far], None]) -> None:
    """Call the test where the kernel knows the path, and the engine does not."""

    def call() -> None:
        with narrow_path() as network:
            with inside_network(network):
                far = Far(port)
            have_the_kernel_know_the_path()
            here = Here(engine, port)
            test(here, far)
            here.close()
            far.close()

    run_in_lab(call)


def until(here: Here, far: Far, condition: Callable[[], bool]) -> None:
    """Have packets moved until it is so."""
    for _ in patiently(5):
        here.loop.run()
        far.receive()
        if condition():
            return
    pytest.fail("it did not come about")


@pytest.mark.parametrize("port", WAYS)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_train_that_the_path_does_not_take_arrives_and_of_the_next_one_its_sender_hears(
    engine: str, port: int | None
) -> None:
    def test(here: Here, far: Far) -> None:
        here.begin(DfBit.SET)
        data = random.Random(1).randbytes(9 * (SEGMENT - HEADERS) + 100)
        here.send_train(data, SEGMENT)
        until(here, far, lambda: len(far.packets) == 10)
        assert far.data() == data
        assert here.too_big() == []
        far.packets.clear()
        here.send_train(data, SEGMENT)
        until(here, far, lambda: len(far.packets) == 1 and bool(here.too_big()))
        assert far.data() == data[-100:], "the last one is small"
        (told,) = here.too_big()
        assert (told.tunnel, len(told.quoted)) == ("Tunnel1", 548)
        assert told.mtu == LARGEST[port]
        far.packets.clear()
        here.send_train(data, told.mtu)
        until(here, far, lambda: far.data() == data)
        assert here.too_big() == [told]
        assert here.engine.dropped() == GreDrops()
        assert all(count.unsent == 0 for count in here.engine.sa_counts())

    with_both_ends(engine, port, test)


@pytest.mark.parametrize("port", WAYS)
@pytest.mark.parametrize("engine", ENGINES)
def test_what_the_router_sends_itself_arrives_whatever_the_path_takes(engine: str, port: int | None) -> None:
    def test(here: Here, far: Far) -> None:
        here.begin(DfBit.SET)
        for number in range(2):
            here.engine.send("Tunnel1", FAR, GRE_NHRP, bytes((number,)) * SEGMENT, 0xC0)
            until(here, far, lambda: far.nhrp == [bytes((number,)) * SEGMENT])  # noqa: B023
            far.nhrp.clear()
        assert here.engine.dropped() == GreDrops()

    with_both_ends(engine, port, test)


@pytest.mark.parametrize("mtu", [576, 552, 540])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_route_as_narrow_as_linux_allows_is_learned_and_later_packets_are_cut_before(engine: str, mtu: int) -> None:
    """Below 576 octets the kernel knew better than the engine forever: every packet was refused before it went."""

    def call() -> None:
        with narrow_path() as network:
            with inside_network(network):
                far = Far(None)
            subprocess.run(
                ["ip", "route", "replace", "198.51.100.0/24", "via", str(THERE), "mtu", str(mtu)], check=True
            )
            assert path_mtu(HERE, FAR) == mtu
            here = Here(engine, None)
            here.begin(DfBit.SET)
            packet = Ipv4Packet(source=INSIDE, destination=INSIDE, protocol=88, payload=bytes(1000))
            here.send(packet.serialize())
            until(here, far, lambda: len(far.packets) == 1)
            assert far.packets == [packet], "the first one is cut by the kernel"
            far.packets.clear()
            here.send(packet.serialize())
            until(here, far, lambda: sum(len(piece.payload) for piece in far.packets) == 1000)
            largest = max(mtu, 552) - 20 - 4
            assert far.packets == packet.fragments(largest)
            assert here.engine.dropped() == GreDrops()
            here.close()
            far.close()

    run_in_lab(call)


@pytest.mark.parametrize("port", WAYS[:2])
@pytest.mark.parametrize("engine", ENGINES)
def test_packets_with_df_and_without_that_wait_together_go_each_as_it_is(engine: str, port: int | None) -> None:
    def test(here: Here, far: Far) -> None:
        flags = [Ipv4Flag(0), Ipv4Flag.DONT_FRAGMENT, Ipv4Flag.DONT_FRAGMENT] * 5
        for flag in flags:
            packet = Ipv4Packet(source=INSIDE, destination=INSIDE, protocol=88, payload=b"data", flags=flag)
            here.send(packet.serialize())
        here.begin(DfBit.COPY)
        until(here, far, lambda: len(far.packets) == len(flags))
        assert [packet.flags for packet in far.packets] == flags
        assert far.whole == [flag is Ipv4Flag.DONT_FRAGMENT for flag in flags]

    with_both_ends(engine, port, test)
