"""Interfaces for tests in a lab: a tunnel's TAP, and a cable to another network namespace."""

from __future__ import annotations

import contextlib
import os
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.dataplane.netlink import (
    AF_INET6,
    AddressFlag,
    InetConf,
    InterfaceAddress,
    KernelNextHop,
    KernelRoute,
    LinkSettings,
    NeighborParameters,
    NetlinkSocket,
    VethEnd,
    add_address,
    add_route,
    create_veth,
    set_link,
    set_neighbor_parameters,
    set_up,
)
from dmvpn.dataplane.sockets import IcmpSocket, UdpSocket
from dmvpn.dataplane.tap import Tap
from dmvpn.shells.lab.namespaces import inside_network, new_network
from support.namespaces import patiently, wait_readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress

TAP_MAC = bytes.fromhex("020000000001")
PEER_MAC = bytes.fromhex("020000000005")
MLD_ROUTERS = bytes.fromhex("333300000016")
HERE = IPv4Address("192.0.2.1")
THERE = IPv4Address("192.0.2.2")
FAR = IPv4Address("198.51.100.2")
ECHO = bytes.fromhex("0800f7fd00010001")


def index_of(kernel: NetlinkSocket, name: str) -> int:
    link = kernel.find_link(name)
    assert link is not None
    return link.index


@contextlib.contextmanager
def tunnel(kernel: NetlinkSocket) -> Iterator[tuple[Tap, int]]:
    """A TAP as a router makes its tunnel: silent, asks us for neighbors, 192.168.100.31/24 and 2001:db8::31/64."""
    with Tap("Tunnel100") as tap:
        tap.set_hardware_address(TAP_MAC)
        tap.set_transmit_queue()
        index = index_of(kernel, "Tunnel100")
        probes = {"app_probes": 1, "unicast_probes": 0, "multicast_probes": 0}
        kernel.call(
            set_link(index, LinkSettings(mtu=1400, silent_ipv6=True, alias="Tunnel100")),
            set_neighbor_parameters(NeighborParameters(link=index, queue_octets=4 << 20, **probes)),
            set_neighbor_parameters(NeighborParameters(link=index, family=AF_INET6, **probes)),
            set_up(index),
            add_address(InterfaceAddress(index, ip_address("192.168.100.31"), 24)),
            add_address(InterfaceAddress(index, ip_address("2001:db8::31"), 64, AddressFlag.NODAD)),
        )
        # The kernel makes the local route of an IPv6 address in the background; it shall not come amidst a test.
        local = Prefix.parse("2001:db8::31")
        assert any(route.prefix == local for _ in patiently() for route in kernel.routes()), "no local IPv6 route"
        yield tap, index


@contextlib.contextmanager
def cable() -> Iterator[int]:
    """Interface e0 here with 192.0.2.1/24, and e1 with 192.0.2.2/24 in the network namespace that is returned."""
    far = new_network()
    with NetlinkSocket() as kernel:
        kernel.call(create_veth(VethEnd(name="e0", mtu=1500), VethEnd(name="e1", namespace=far, mtu=1500)))
        prepare(kernel, "e0", HERE)
    with inside_network(far), NetlinkSocket() as kernel:
        prepare(kernel, "e1", THERE)
    with NetlinkSocket() as kernel:
        kernel.find_link(
            "e0"
        )  # finishes its change of carrier; otherwise ARP may be lost, to be repeated a second later
    assert any(answered() for _ in patiently()), "the cable does not work"
    yield far
    os.close(far)


@contextlib.contextmanager
def narrow_path() -> Iterator[int]:
    """HERE, a router, a link of 1300 octets, FAR. Gives FAR's network."""
    with cable() as middle, NetlinkSocket() as kernel:
        far = new_network()
        kernel.call(add_route(KernelRoute(Prefix.of(FAR, 24), (KernelNextHop(index_of(kernel, "e0"), THERE),))))
        with inside_network(middle), NetlinkSocket() as router:
            router.call(create_veth(VethEnd(name="f0", mtu=1300), VethEnd(name="f1", namespace=far, mtu=1300)))
            prepare(router, "f0", IPv4Address("198.51.100.1"))
            for name in ("e1", "f0"):
                router.call(set_link(name, LinkSettings(inet=InetConf(forwarding=1, rp_filter=0))))
        with inside_network(far), NetlinkSocket() as end:
            prepare(end, "f1", FAR)
        yield far


def answered() -> bool:
    """Return whether the far end answers an echo."""
    with IcmpSocket(types=[0]) as replies:
        replies.send(ECHO, THERE)
        return wait_readable(replies.fileno(), 0.05)


def path_mtu(local: IPv4Address, remote: IPv4Address) -> int:
    """Octets of the largest packet to this address, as far as the kernel knows."""
    with UdpSocket(local, 0) as asking:
        return asking.path_mtu(remote)


def prepare(kernel: NetlinkSocket, name: str, address: IPAddress) -> int:
    index = index_of(kernel, name)
    kernel.call(
        set_link(index, LinkSettings(silent_ipv6=True)),
        set_up(index),
        add_address(InterfaceAddress(index, address, 24)),
    )
    return index


def read_frame(tap: Tap) -> bytes | None:
    """Return what is there, but for multicast listener reports: an IPv6 address brings them, at a random time."""
    while (octets := tap.read_frame()) is not None:
        if octets[:6] != MLD_ROUTERS:
            return octets
    return None


def next_frame(tap: Tap) -> bytes:
    while True:
        assert wait_readable(tap.fileno()), "the kernel sent nothing"
        if (octets := read_frame(tap)) is not None:
            return octets
