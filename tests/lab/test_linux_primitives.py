"""TAP, sockets and settings against the real kernel, in a lab of root's and in one of an ordinary user."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import platform
import re
import select
import signal
import socket
import struct
import time
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from unittest.mock import patch

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import surely
from dmvpn.dataplane import host, netlink, sockets
from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.sockets import (
    EIGRP_GROUP,
    RIP_GROUP,
    RIP_PORT,
    TOS_CONTROL,
    GreSocket,
    IcmpSocket,
    InterfaceSocket,
    UdpSocket,
    bind,
)
from dmvpn.dataplane.tap import GSO_UDP_L4, NEEDS_CHECKSUM, Tap, VnetHeader
from dmvpn.shells.lab.namespaces import inside_network
from dmvpn.shells.lab.syscalls import mount
from support import links
from support.namespaces import wait_readable

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.lab

MS_BIND, MS_REMOUNT, MS_RDONLY = 4096, 32, 1
UDP_SEGMENT = 103
KERNEL = tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2])

Lab: TypeAlias = "Callable[[Callable[[], None]], None]"


def frame(destination: bytes, source: bytes, packet: bytes, ethertype: int = 0x0800) -> bytes:
    return destination + source + struct.pack("!H", ethertype) + packet


def udp_packet(source: IPv4Address, destination: IPv4Address, payload: bytes) -> bytes:
    udp = struct.pack("!HHHH", 7, 7777, 8 + len(payload), 0) + payload
    header = bytearray(
        struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, source.packed, destination.packed)
    )
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", header, 10, ~(total + (total >> 16)) & 0xFFFF)
    return bytes(header) + udp


# -------------------------------------------------------------------------------------------------------------- TAP


def test_frames_go_into_and_out_of_a_tap(in_lab: Lab) -> None:
    def exchange() -> None:
        with (
            netlink.NetlinkSocket() as kernel,
            links.tunnel(kernel) as (tap, index),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host,
        ):
            peer = IPv4Address("192.168.100.41")
            kernel.call(netlink.set_neighbor(netlink.KernelNeighbor(index, peer, links.PEER_MAC)))
            host.bind(("192.168.100.31", 7777))
            assert tap.write(
                frame(links.TAP_MAC, links.PEER_MAC, udp_packet(peer, IPv4Address("192.168.100.31"), b"hello"))
            )
            assert wait_readable(host.fileno())
            assert host.recvfrom(64) == (b"hello", (str(peer), 7))
            host.sendto(b"answer", (str(peer), 7))
            octets = links.next_frame(tap)
            assert octets[:14] == frame(links.PEER_MAC, links.TAP_MAC, b"")
            assert octets.endswith(b"answer")
            assert links.read_frame(tap) is None

    in_lab(exchange)


def test_without_carrier_routes_and_permanent_neighbors_stay_and_set_down_takes_them(in_lab: Lab) -> None:
    def lose() -> None:
        with netlink.NetlinkSocket() as kernel, links.tunnel(kernel) as (tap, index):
            route = netlink.KernelRoute(
                Prefix.parse("10.4.4.0/24"), (netlink.KernelNextHop(index, ip_address("192.168.100.41")),)
            )
            neighbor = netlink.KernelNeighbor(index, ip_address("192.168.100.41"), links.PEER_MAC)
            kernel.call(netlink.replace_route(route), netlink.set_neighbor(neighbor))
            tap.set_carrier(False)
            link = kernel.find_link(index)
            assert link is not None
            assert (link.up, link.carrier, link.transmit_queue_length) == (True, False, 10_000)
            assert kernel.routes(protocol=netlink.ROUTE_PROTOCOL) == [route]
            assert neighbor in kernel.neighbors(index)
            kernel.call(netlink.set_down(index))
            assert kernel.routes(protocol=netlink.ROUTE_PROTOCOL) == []
            assert neighbor not in kernel.neighbors(index)
            assert tap.write(frame(links.TAP_MAC, links.PEER_MAC, b"")) is False

    in_lab(lose)


def test_a_tap_has_one_holder_and_vanishes_with_it_unless_persistent(in_lab: Lab) -> None:
    def hold() -> None:
        with netlink.NetlinkSocket() as kernel:
            with Tap("Tunnel100") as tap:
                with pytest.raises(HostProblem, match="held by another process"):
                    Tap("Tunnel100")
                tap.set_persistent(True)
            link = kernel.find_link("Tunnel100")
            assert link is not None
            assert (link.kind, link.carrier) == ("tun", False)
            with Tap("Tunnel100") as tap:
                tap.set_persistent(False)
            assert kernel.find_link("Tunnel100") is None
            with pytest.raises(HostProblem, match="no TAP of this kind"):
                Tap("lo")
            with pytest.raises(ValueError, match="no Linux interface name"):
                Tap("TenGigabitEthernet0")

    in_lab(hold)


def test_with_vnet_hdr_the_kernel_leaves_checksums_to_us(in_lab: Lab) -> None:
    def send() -> None:
        with netlink.NetlinkSocket() as kernel, Tap("Tunnel100", vnet_hdr=True) as tap:
            tap.set_hardware_address(links.TAP_MAC)
            index = links.prepare(kernel, "Tunnel100", IPv4Address("192.168.100.31"))
            kernel.call(
                netlink.set_neighbor(netlink.KernelNeighbor(index, ip_address("192.168.100.41"), links.PEER_MAC))
            )
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
                host.bind(("192.168.100.31", 7777))
                host.sendto(b"hello", ("192.168.100.41", 7777))
                header = VnetHeader.parse(links.next_frame(tap))
                assert (header.flags, header.checksum_start, header.checksum_offset) == (NEEDS_CHECKSUM, 34, 6)
                packet = udp_packet(IPv4Address("192.168.100.41"), IPv4Address("192.168.100.31"), b"answer")
                assert tap.write(VnetHeader().serialize() + frame(links.TAP_MAC, links.PEER_MAC, packet))
                assert wait_readable(host.fileno())
                assert host.recv(64) == b"answer"

    in_lab(send)


@pytest.mark.skipif(KERNEL < (6, 2), reason="Linux takes trains of datagrams since 6.2")
def test_datagrams_go_into_and_out_of_a_tap_in_trains(in_lab: Lab) -> None:
    """Who is behind the TAP notices nothing of it."""
    near, far = IPv4Address("192.168.100.31"), IPv4Address("192.168.100.41")
    datagrams = [bytes((number,)) * 100 for number in range(5)]

    def send() -> None:
        with netlink.NetlinkSocket() as kernel, Tap("Tunnel100", vnet_hdr=True) as tap:
            tap.set_hardware_address(links.TAP_MAC)
            index = links.prepare(kernel, "Tunnel100", near)
            kernel.call(netlink.set_neighbor(netlink.KernelNeighbor(index, far, links.PEER_MAC)))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
                host.bind((str(near), 7777))
                host.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 100)
                host.sendto(b"".join(datagrams), (str(far), 7777))
                train = links.next_frame(tap)
                header = VnetHeader.parse(train)
                assert (header.gso_type, header.gso_size, len(train)) == (GSO_UDP_L4, 100, 10 + 14 + 28 + 500)
                packet = bytearray(train[10 + 14 :])
                packet[12:20] = far.packed + near.packed  # sums do not mind the order
                assert tap.write(train[:10] + frame(links.TAP_MAC, links.PEER_MAC, bytes(packet)))
                assert [host.recv(1000) for _ in datagrams if wait_readable(host.fileno())] == datagrams

    in_lab(send)


# --------------------------------------------------------------------------------------------------------- sockets


def test_gre_arrives_with_the_outer_header_it_was_sent_with(in_lab: Lab) -> None:
    def send() -> None:
        with links.cable() as far, GreSocket(links.HERE) as here:
            with inside_network(far):
                there = GreSocket(links.THERE)
            buffer = bytearray(65535)
            assert there.receive(buffer) is None
            gre = bytes.fromhex("2000080000000064") + b"payload"
            here.send(gre, str(links.THERE), tos=0xB8)
            here.send(gre, str(links.THERE), df=True)
            here.send(gre + bytes(2000), str(links.THERE))  # fragmented, and whole again at the far end
            received = []
            for _ in range(3):
                assert wait_readable(there.fileno())
                length = there.receive(buffer)
                assert length is not None
                received.append(bytes(buffer[:length]))
            assert [(packet[1], packet[8], packet[12:20]) for packet in received] == [
                (tos, 255, links.HERE.packed + links.THERE.packed) for tos in (0xB8, 0, 0)
            ]
            assert [packet[6] & 0x40 for packet in received] == [0, 0x40, 0], "DF"
            assert [packet[20:] for packet in received] == [gre, gre, gre + bytes(2000)]
            assert there.receive(buffer) is None
            there.close()

    in_lab(send)


def test_gre_on_a_foreign_address_is_refused_with_the_reason(in_lab: Lab) -> None:
    def bind() -> None:
        with links.cable(), pytest.raises(HostProblem, match="does not have that address"):
            GreSocket(IPv4Address("203.0.113.1"))
        with pytest.raises(HostProblem, match="no such interface"):
            InterfaceSocket.eigrp("e9")

    in_lab(bind)


def test_an_address_that_may_be_bound_before_it_is_there_is_refused_all_the_same(in_lab: Lab) -> None:
    def bind() -> None:
        with links.cable():
            Path("/proc/sys/net/ipv4/ip_nonlocal_bind").write_text("1")
            for make in (GreSocket, lambda address: UdpSocket(address, 4500)):
                with pytest.raises(HostProblem, match="does not have that address"):
                    make(IPv4Address("203.0.113.1"))

    in_lab(bind)


def test_eigrp_hellos_cross_the_cable_and_are_not_heard_on_other_interfaces_or_by_the_sender(in_lab: Lab) -> None:
    def hello() -> None:
        with links.cable() as far, netlink.NetlinkSocket() as kernel, InterfaceSocket.eigrp("e0") as here:
            kernel.call(netlink.create_veth(netlink.VethEnd(name="g0"), netlink.VethEnd(name="g1", namespace=far)))
            links.prepare(kernel, "g0", IPv4Address("203.0.113.1"))
            with inside_network(far):
                with netlink.NetlinkSocket() as other:
                    index = links.index_of(other, "e1")
                    links.prepare(other, "g1", IPv4Address("203.0.113.2"))
                there, bystander = InterfaceSocket.eigrp("e1"), InterfaceSocket.eigrp("g1")
            here.send(b"hello", EIGRP_GROUP)
            assert wait_readable(there.fileno())
            got = there.receive()
            assert got is not None
            assert (got.payload, got.source, got.destination) == (b"hello", links.HERE, EIGRP_GROUP)
            assert (got.ttl, got.tos, got.link) == (1, TOS_CONTROL, index)
            here.send(b"update", links.THERE, source=links.HERE, ttl=2, tos=0)
            assert wait_readable(there.fileno())
            got = there.receive()
            assert got is not None
            assert (got.payload, got.destination, got.ttl, got.tos) == (b"update", links.THERE, 2, 0)
            assert here.receive() is None, "its own hello came back"
            assert bystander.receive() is None, "it arrived on another interface"
            there.leave(EIGRP_GROUP)
            there.close()
            bystander.close()

    in_lab(hello)


def test_rip_speaks_udp_520_on_each_interface_separately(in_lab: Lab) -> None:
    def update() -> None:
        with links.cable() as far, InterfaceSocket.rip("e0") as here:
            with inside_network(far), netlink.NetlinkSocket() as kernel:
                kernel.call(netlink.create_veth(netlink.VethEnd(name="g0"), netlink.VethEnd(name="g1")))
                there, second = InterfaceSocket.rip("e1"), InterfaceSocket.rip("g0")
                with pytest.raises(HostProblem, match="another program has this port"):
                    InterfaceSocket.rip("e1")
            here.send(b"response", RIP_GROUP, port=RIP_PORT)
            assert wait_readable(there.fileno())
            got = there.receive()
            assert got is not None
            assert (got.payload, got.source, got.port) == (b"response", links.HERE, RIP_PORT)
            assert (got.destination, got.ttl) == (RIP_GROUP, 1)
            there.send(b"unicast", links.HERE, port=got.port)
            assert wait_readable(here.fileno())
            got = here.receive()
            assert got is not None
            assert got.payload == b"unicast"
            assert second.receive() is None
            there.close()
            second.close()

    in_lab(update)


def test_an_echo_is_answered_and_only_the_wanted_icmp_types_are_heard(in_lab: Lab) -> None:
    def ping() -> None:
        with links.cable(), IcmpSocket(types=[0]) as replies, IcmpSocket() as everything:
            for df in (False, True):
                replies.send(links.ECHO, links.THERE, source=links.HERE, ttl=3, tos=0x20, df=df)
                assert wait_readable(replies.fileno())
                got = replies.receive()
                assert got is not None
                assert (got.payload, got.source, got.tos) == (bytes.fromhex("0000fffd00010001"), links.THERE, 0x20)
                assert replies.receive() is None
            assert everything.receive() is not None

    in_lab(ping)


# -------------------------------------------------------------------------------------------------------- settings


def test_settings_are_written_and_what_they_were_is_told(in_lab: Lab) -> None:
    def change() -> None:
        path, other = "net/ipv4/ip_forward", "net/ipv4/conf/all/rp_filter"
        before = host.read(path)
        opposite = 1 - int(before or 0)
        assert host.put(path, opposite) == host.Setting(path, str(opposite), before)
        assert host.put_all({path: opposite, other: 2}) == []
        assert (host.read(path), host.read(other)) == (str(opposite), "2")

    in_lab(change)


def test_read_only_proc_sys_is_reported_and_netlink_does_what_matters(in_lab: Lab) -> None:
    def change() -> None:
        mount("/proc/sys", "/proc/sys", None, MS_BIND)
        mount("/proc/sys", "/proc/sys", None, MS_BIND | MS_REMOUNT | MS_RDONLY)
        assert not host.writable()
        wanted = 1 - int(host.read("net/ipv4/ip_forward") or 0)
        (refused,) = host.put_all({"net/ipv4/ip_forward": wanted})
        assert refused.problem == os.strerror(errno.EROFS)
        assert host.put("net/ipv4/no_such", 1).found is None
        with netlink.NetlinkSocket() as kernel:
            kernel.call(netlink.set_link("lo", netlink.LinkSettings(inet=netlink.InetConf(forwarding=1, rp_filter=0))))
        assert host.read("net/ipv4/conf/lo/forwarding") == "1"

    in_lab(change)


# Sockets of one address in pairs, with DF and without, against the real kernel: who is told, and who is believed.


@pytest.mark.parametrize("of_udp", [False, True], ids=["raw", "udp"])
def test_what_a_router_says_of_a_packet_with_df_holds_for_the_next_one(in_lab: Lab, of_udp: bool) -> None:
    def send() -> None:
        with links.narrow_path(), GreSocket(links.HERE) as gre, UdpSocket(links.HERE, 4500) as udp:
            for opened in (gre, udp):
                opened.mind_paths(True)

            def send_whole(octets: int) -> None:
                if of_udp:
                    udp.send(bytes(octets), str(links.FAR), 4500, df=True)
                else:
                    gre.send(bytes(octets), str(links.FAR), df=True)

            def refused() -> bool:
                try:
                    send_whole(1400)
                except OSError as error:
                    return error.errno == errno.EMSGSIZE
                return False

            assert links.path_mtu(links.HERE, links.FAR) == 1500
            deadline = time.monotonic() + 5
            while not refused():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert links.path_mtu(links.HERE, links.FAR) == 1300
            send_whole(1200)
            gre.send(bytes(1400), str(links.FAR))
            udp.send(bytes(1400), str(links.FAR), 4500)

    in_lab(send)


def test_everything_comes_to_the_socket_that_is_read_and_nothing_to_the_one_for_packets_with_df(in_lab: Lab) -> None:
    def receive() -> None:
        with links.cable() as far, GreSocket(links.HERE) as gre, UdpSocket(links.HERE, 4500) as udp:
            with inside_network(far):
                others = [UdpSocket(links.THERE, port) for port in (4500, 61000)]
                other_gre = GreSocket(links.THERE)
            for df in (False, True):
                gre.send(b"gre", str(links.THERE), df=df)  # whoever was sent to is no closer to us than others
                udp.send(b"udp", str(links.THERE), 4500, df=df)
                for other in others:
                    other.send(b"datagram", str(links.HERE), 4500, df=df)
                    assert wait_readable(udp.fileno())
                    arrived = udp.receive()
                    assert arrived is not None
                    assert arrived.octets == b"datagram"
                other_gre.send(b"in gre", str(links.HERE), df=df)
                assert wait_readable(gre.fileno())
                assert gre.receive(bytearray(100)) == 20 + len(b"in gre")
            for quiet in (surely(gre.whole_fileno()), surely(udp.whole_fileno())):
                assert select.select([quiet], [], [], 0) == ([], [], [])
            for far_end in (*others, other_gre):
                far_end.close()

    in_lab(receive)


def test_who_minds_no_paths_is_not_told_of_any_and_cuts_nothing_for_those_that_others_know(in_lab: Lab) -> None:
    """One ICMP message that anybody may forge is enough for the kernel, unless it is told to take no notice."""

    def send() -> None:
        with links.narrow_path() as network:
            udp = UdpSocket(links.HERE, 4500)
            with inside_network(network):
                far = [GreSocket(links.FAR), UdpSocket(links.FAR, 4500), UdpSocket(links.FAR, 500)]
            with udp, GreSocket(links.HERE) as gre, UdpSocket(links.HERE, 500, df=False) as ike:

                def send_all(*, df: bool) -> None:
                    gre.send(bytes(1400), str(links.FAR), df=df)
                    udp.send(bytes(1400), str(links.FAR), 4500, df=df)
                    ike.send(bytes(1400), str(links.FAR), 500)

                for _ in range(3):
                    send_all(df=True)
                    time.sleep(0.05)
                assert links.path_mtu(links.HERE, links.FAR) == 1500, "nobody has been believed"
                with GreSocket(links.HERE) as other:
                    other.mind_paths(True)
                    for _ in range(100):
                        with contextlib.suppress(OSError):
                            other.send(bytes(1400), str(links.FAR), df=True)
                        time.sleep(0.01)
                    assert links.path_mtu(links.HERE, links.FAR) == 1300
                before = fragments_made()
                send_all(df=False)
                assert fragments_made() == before
                gre.mind_paths(True)
                gre.send(bytes(1400), str(links.FAR))
                assert fragments_made() == before + 2
            for far_end in far:
                far_end.close()

    in_lab(send)


def fragments_made() -> int:
    """How many the kernel of this namespace has cut packets into."""
    names, values = (
        line.split() for line in Path("/proc/thread-self/net/snmp").read_text().splitlines() if line.startswith("Ip:")
    )
    return int(dict(zip(names, values, strict=True))["FragCreates"])


def test_what_comes_while_sockets_are_opened_is_not_taken_by_those_that_only_send(in_lab: Lab) -> None:
    """For a moment the second socket was bound like the first and not yet connected: it was given ESP, and kept it."""

    def flood(far: int) -> None:
        with inside_network(far):
            udp, gre = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), GreSocket(links.THERE)
            udp.bind((str(links.THERE), 4500))
        while True:
            for _ in range(20):
                with contextlib.suppress(OSError):
                    udp.sendto(bytes(100), (str(links.HERE), 4500))
                gre.send(bytes(100), str(links.HERE))
            time.sleep(0.001)

    def queued(descriptor: int) -> bool:
        return bool(select.select([descriptor], [], [], 0)[0])

    def open_them() -> None:
        with links.cable() as far:
            stranger = os.fork()
            if stranger == 0:
                flood(far)
            try:
                for _ in range(100):
                    with UdpSocket(links.HERE, 4500) as udp, GreSocket(links.HERE) as gre:
                        time.sleep(0.002)
                        assert not queued(surely(udp.whole_fileno()))
                        assert not queued(surely(gre.whole_fileno()))
            finally:
                os.kill(stranger, signal.SIGKILL)
                os.waitpid(stranger, 0)
            with UdpSocket(links.HERE, 4500) as udp, GreSocket(links.HERE) as gre:
                gre.send(b"gre", str(links.HERE))  # to ourselves: whom the second ones are connected to
                udp.send(b"udp", str(links.HERE), 4500)
                assert not queued(surely(gre.whole_fileno()))
                assert not queued(surely(udp.whole_fileno()))

    in_lab(open_them)


def test_whatever_comes_once_the_first_socket_is_bound_is_given_to_it(in_lab: Lab) -> None:
    def open_it() -> None:
        with links.cable() as far:
            with inside_network(far):
                other = UdpSocket(links.THERE, 4500)

            sent = itertools.count(1)

            def bind_and_hear(*of_a_socket: object) -> None:
                bind(*of_a_socket)  # type: ignore[arg-type]
                other.send(b"%d" % next(sent), str(links.HERE), 4500)

            with patch.object(sockets, "bind", bind_and_hear), UdpSocket(links.HERE, 4500) as udp:
                assert wait_readable(udp.fileno())
                arrived = udp.receive()
                assert arrived is not None
                assert arrived.octets == b"2", "the first socket is the second one that is bound"
            other.close()

    in_lab(open_it)


def test_a_port_has_one_owner_though_it_has_two_sockets(in_lab: Lab) -> None:
    def bind() -> None:
        with links.cable(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            daemon.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with UdpSocket(links.HERE, 4500):
                for address in (str(links.HERE), "0.0.0.0"):
                    with pytest.raises(OSError, match="already in use"):
                        daemon.bind((address, 4500))
            daemon.bind((str(links.HERE), 4500))
            with pytest.raises(HostProblem, match="another program has this port"):
                UdpSocket(links.HERE, 4500)

    in_lab(bind)
