"""Netlink against the real kernel, in a lab of root's and in one of an ordinary user."""

from __future__ import annotations

import errno
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, TypeAlias

import pytest

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.dataplane import host
from dmvpn.dataplane.netlink import (
    ROUTE_PROTOCOL,
    AddressEvent,
    AddressFlag,
    InetConf,
    InterfaceAddress,
    KernelNeighbor,
    KernelNeighborState,
    KernelNextHop,
    KernelRoute,
    LinkEvent,
    LinkSettings,
    NeighborEvent,
    NeighborFlag,
    NeighborParameters,
    NetlinkError,
    NetlinkMonitor,
    NetlinkSocket,
    NotificationGroup,
    ObjectChange,
    Overrun,
    RouteEvent,
    RouteType,
    VethEnd,
    add_address,
    add_route,
    create_veth,
    delete_address,
    delete_link,
    delete_neighbor,
    delete_route,
    replace_route,
    set_down,
    set_link,
    set_neighbor,
    set_neighbor_parameters,
    set_up,
)
from dmvpn.shells.lab.namespaces import inside_network, new_network
from support.links import PEER_MAC, TAP_MAC, index_of, next_frame, read_frame, tunnel
from support.namespaces import patiently, wait_readable

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.lab

Lab: TypeAlias = "Callable[[Callable[[], None]], None]"


def heard(monitor: NetlinkMonitor, wanted: Callable[[object], bool]) -> bool:
    """Whether an event that fits arrives soon."""
    return any(
        wanted(event) for _ in patiently() if wait_readable(monitor.fileno(), 0.05) for event in monitor.read_events()
    )


# --------------------------------------------------------------------------------------------------------- links


def test_a_cable_is_made_with_each_end_in_its_own_namespace(in_lab: Lab) -> None:
    def make() -> None:
        left, right = new_network(), new_network()
        with NetlinkSocket() as kernel:
            kernel.call(
                create_veth(
                    VethEnd(name="Gi0-1", namespace=left, mtu=1476, address=TAP_MAC),
                    VethEnd(name="Gi0-1", namespace=right, mtu=1476, address=PEER_MAC),
                )
            )
            assert kernel.find_link("Gi0-1") is None
        for namespace, address in ((left, TAP_MAC), (right, PEER_MAC)):
            with inside_network(namespace), NetlinkSocket() as kernel:
                link = kernel.find_link("Gi0-1")
                assert link is not None
                assert (link.kind, link.mtu, link.address, link.up) == ("veth", 1476, address, False)

    in_lab(make)


def test_every_setting_of_an_interface_is_read_back(in_lab: Lab) -> None:
    def change() -> None:
        elsewhere = new_network()
        with NetlinkSocket() as kernel:
            kernel.call(create_veth(VethEnd(name="e0"), VethEnd(name="e1")))
            inet = InetConf(forwarding=1, rp_filter=0, send_redirects=0, accept_redirects=0, accept_local=1)
            settings = LinkSettings(
                mtu=1400,
                address=TAP_MAC,
                alias="GigabitEthernet0/1",
                name="Gi0-1",
                transmit_queue_length=77,
                silent_ipv6=True,
                inet=inet,
            )
            kernel.call(set_link(index_of(kernel, "e0"), settings), set_up("Gi0-1"), set_up("e1"))
            link = kernel.find_link("Gi0-1")
            assert link is not None
            assert (link.mtu, link.address, link.alias) == (1400, TAP_MAC, "GigabitEthernet0/1")
            assert (link.transmit_queue_length, link.inet, link.up) == (77, inet, True)
            assert [a for a in kernel.addresses() if a.link == link.index] == [], "no link-local address"

            kernel.call(set_down("Gi0-1"), set_link("Gi0-1", LinkSettings(namespace=elsewhere)))
            assert kernel.find_link("Gi0-1") is None
            kernel.call(delete_link("e1"))
        with inside_network(elsewhere), NetlinkSocket() as kernel:
            assert kernel.find_link("Gi0-1") is None, "one end of a cable does not outlive the other"

    in_lab(change)


# ----------------------------------------------------------------------------------------------- addresses, routes


def test_addresses_come_and_go_and_adding_twice_is_no_error(in_lab: Lab) -> None:
    def add() -> None:
        with NetlinkSocket() as kernel:
            index = index_of(kernel, "lo")
            wanted = InterfaceAddress(index, ip_address("10.1.1.1"), 24, AddressFlag.NOPREFIXROUTE)
            kernel.call(set_up(index), add_address(wanted), add_address(wanted))
            (found,) = [a for a in kernel.addresses() if a.address == wanted.address]
            assert AddressFlag.NOPREFIXROUTE in found.flags
            assert found.network == Prefix.parse("10.1.1.0/24")
            assert not [r for r in kernel.routes() if r.prefix == Prefix.parse("10.1.1.0/24")], "no connected route"
            kernel.call(delete_address(wanted))
            assert not [a for a in kernel.addresses() if a.address == wanted.address]

    in_lab(add)


def test_a_route_is_replaced_in_place_whatever_its_kind(in_lab: Lab) -> None:
    def replace() -> None:
        with NetlinkSocket() as kernel, tunnel(kernel) as (_, index):
            for prefix, near, far in (
                (Prefix.parse("10.4.4.0/24"), "192.168.100.11", "192.168.100.41"),
                (Prefix.parse("2001:db8:4::/48"), "2001:db8::11", "2001:db8::41"),
            ):
                via_hub = KernelRoute(prefix, (KernelNextHop(index, ip_address(near)),))
                direct = KernelRoute(prefix, (KernelNextHop(index, ip_address(far)),))
                both = KernelRoute(
                    prefix, (KernelNextHop(index, ip_address(near)), KernelNextHop(index, ip_address(far), weight=3))
                )
                blackhole = KernelRoute(prefix, kind=RouteType.BLACKHOLE)
                unreachable = KernelRoute(prefix, kind=RouteType.UNREACHABLE)
                for route in (via_hub, direct, both, direct, blackhole, direct, unreachable, via_hub):
                    kernel.call(replace_route(route))
                    assert [r for r in kernel.routes(protocol=ROUTE_PROTOCOL) if r.prefix == prefix] == [route]
                kernel.call(delete_route(both))
                assert not [r for r in kernel.routes() if r.prefix == prefix]

    in_lab(replace)


def test_our_routes_of_all_tables_are_found_and_no_other(in_lab: Lab) -> None:
    def flush() -> None:
        with NetlinkSocket() as kernel, tunnel(kernel) as (_, index):
            hop = (KernelNextHop(index, ip_address("192.168.100.41")),)
            ours = [
                KernelRoute(Prefix.parse("10.4.4.0/24"), hop),
                KernelRoute(Prefix.parse("10.5.0.0/16"), hop, table=1000),
                KernelRoute(Prefix.parse("192.168.100.99"), kind=RouteType.UNREACHABLE),
                KernelRoute(Prefix.parse("2001:db8:9::/48"), kind=RouteType.BLACKHOLE),
            ]
            foreign = KernelRoute(Prefix.parse("10.4.4.0/24"), hop, metric=20, protocol=186)
            before = sorted(map(str, kernel.routes()))
            kernel.call(*map(add_route, ours), add_route(foreign))
            found = kernel.routes(protocol=ROUTE_PROTOCOL)
            assert sorted(map(str, found)) == sorted(map(str, ours))
            kernel.call(*map(delete_route, found))
            assert sorted(map(str, kernel.routes())) == sorted([*before, str(foreign)])

    in_lab(flush)


def test_deleting_our_route_spares_a_foreign_one_of_the_same_prefix_and_metric(in_lab: Lab) -> None:
    def delete() -> None:
        with NetlinkSocket() as kernel, tunnel(kernel) as (_, index):
            hop = (KernelNextHop(index, ip_address("192.168.100.41")),)
            foreign = KernelRoute(Prefix.parse("10.4.4.0/24"), hop, protocol=186)
            kernel.call(add_route(foreign))
            (refusal,) = kernel.execute([delete_route(KernelRoute(Prefix.parse("10.4.4.0/24"), hop))])
            assert refusal.errno == errno.ESRCH
            assert kernel.routes(protocol=186) == [foreign]

    in_lab(delete)


def test_a_gateway_off_the_link_is_refused_in_the_kernels_words_unless_declared_on_link(in_lab: Lab) -> None:
    def route() -> None:
        with NetlinkSocket() as kernel, tunnel(kernel) as (_, index):
            elsewhere = ip_address("198.51.100.1")
            with pytest.raises(NetlinkError, match="Nexthop has invalid gateway") as caught:
                kernel.call(add_route(KernelRoute(Prefix.parse("10.9.0.0/16"), (KernelNextHop(index, elsewhere),))))
            assert caught.value.errno == errno.ENETUNREACH
            on_link = KernelRoute(Prefix.parse("10.9.0.0/16"), (KernelNextHop(index, elsewhere, onlink=True),))
            kernel.call(add_route(on_link))
            assert kernel.routes(protocol=ROUTE_PROTOCOL) == [on_link]

    in_lab(route)


def test_each_refusal_in_a_long_batch_names_its_own_request(in_lab: Lab) -> None:
    def batch() -> None:
        with NetlinkSocket() as kernel, tunnel(kernel) as (_, index):
            hop = (KernelNextHop(index, ip_address("192.168.100.41")),)
            prefixes = [Prefix.of(IPv4Address(0x0A000000 + (number << 8)), 24) for number in range(1000)]
            requests = [add_route(KernelRoute(prefix, hop)) for prefix in prefixes]
            for number in (0, 127, 500, 999):
                requests.insert(number, delete_route(KernelRoute(Prefix.parse(f"172.16.{number % 256}.0/24"))))
            refusals = kernel.execute(requests)
            assert [r.request for r in refusals] == [requests[number] for number in (0, 127, 500, 999)]
            assert {r.errno for r in refusals} == {errno.ESRCH}
            assert len(kernel.routes(protocol=ROUTE_PROTOCOL)) == 1000
            everything_again = kernel.execute([add_route(KernelRoute(prefix, hop)) for prefix in prefixes])
            assert [r.errno for r in everything_again] == [errno.EEXIST] * 1000

    in_lab(batch)


# ------------------------------------------------------------------------------------------------------ neighbors


def test_neighbor_parameters_are_set_without_proc_sys(in_lab: Lab) -> None:
    def look() -> None:
        with NetlinkSocket() as kernel, tunnel(kernel) as (_, index):
            kernel.call(set_neighbor_parameters(NeighborParameters(link=index, retransmit_ms=200)))
            for version in ("ipv4", "ipv6"):
                wanted = {"app_solicit": "1", "ucast_solicit": "0", "mcast_solicit": "0"}
                if version == "ipv4":
                    wanted |= {"retrans_time_ms": "200", "unres_qlen_bytes": str(4 << 20)}
                found = {name: host.read(f"net/{version}/neigh/Tunnel100/{name}") for name in wanted}
                assert found == wanted

    in_lab(look)


def test_a_permanent_neighbor_is_set_replaced_and_deleted(in_lab: Lab) -> None:
    def change() -> None:
        with NetlinkSocket() as kernel, tunnel(kernel) as (_, index):
            for address in (IPv4Address("192.168.100.41"), IPv6Address("2001:db8::41")):
                for lladdr in (PEER_MAC, TAP_MAC):
                    kernel.call(set_neighbor(KernelNeighbor(index, address, lladdr)))
                    found = [n for n in kernel.neighbors(index) if n.address == address]
                    assert found == [KernelNeighbor(index, address, lladdr, KernelNeighborState.PERMANENT)]
                kernel.call(delete_neighbor(KernelNeighbor(index, address)))
                left = [n for n in kernel.neighbors(index) if n.address == address]
                assert all(KernelNeighborState.PERMANENT not in n.state for n in left)
            learned = KernelNeighbor(
                index,
                IPv4Address("192.168.100.42"),
                PEER_MAC,
                KernelNeighborState.STALE,
                NeighborFlag.EXTERNALLY_LEARNED,
            )
            kernel.call(set_neighbor(learned))
            assert learned in kernel.neighbors()

    in_lab(change)


@pytest.mark.parametrize("address", [IPv4Address("192.168.100.41"), IPv6Address("2001:db8::41")])
def test_the_first_packet_to_an_unknown_neighbor_asks_us_and_waits_for_the_answer(
    in_lab: Lab, address: IPAddress
) -> None:
    def ask() -> None:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        with (
            NetlinkSocket() as kernel,
            tunnel(kernel) as (tap, index),
            NetlinkMonitor(NotificationGroup.NEIGHBOR) as monitor,
        ):
            with socket.socket(family, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"waiting", (str(address), 7777))
            question = NeighborEvent(
                ObjectChange.ASKED, KernelNeighbor(index, address, state=KernelNeighborState.INCOMPLETE)
            )
            assert heard(monitor, lambda event: event == question)
            assert read_frame(tap) is None, "neither ARP nor the packet leaves before the answer"
            kernel.call(set_neighbor(KernelNeighbor(index, address, PEER_MAC)))
            octets = next_frame(tap)
            assert octets[:12] == PEER_MAC + TAP_MAC
            assert octets.endswith(b"waiting")

    in_lab(ask)


# ------------------------------------------------------------------------------------------------------- monitoring


def test_a_monitor_hears_links_addresses_routes_and_neighbors_come_and_go(in_lab: Lab) -> None:
    def listen() -> None:
        with NetlinkSocket() as kernel, NetlinkMonitor() as monitor, tunnel(kernel) as (tap, index):
            route = KernelRoute(Prefix.parse("10.4.4.0/24"), (KernelNextHop(index, ip_address("192.168.100.41")),))
            neighbor = KernelNeighbor(index, ip_address("192.168.100.41"), PEER_MAC)
            kernel.call(replace_route(route), set_neighbor(neighbor))
            kernel.call(delete_route(route), delete_neighbor(neighbor))
            kernel.call(delete_address(InterfaceAddress(index, ip_address("192.168.100.31"), 24)))
            events = [event for _ in patiently(0.1) for event in monitor.read_events()]

            assert RouteEvent(ObjectChange.SET, route) in events
            assert RouteEvent(ObjectChange.GONE, route) in events
            assert NeighborEvent(ObjectChange.SET, neighbor) in events
            assert any(isinstance(e, NeighborEvent) and e.change is ObjectChange.GONE for e in events)
            addresses = [e for e in events if isinstance(e, AddressEvent)]
            assert {e.change for e in addresses} == {ObjectChange.SET, ObjectChange.GONE}
            assert any(isinstance(e, LinkEvent) and e.link.carrier for e in events)
            tap.set_carrier(False)  # the kernel gathers changes of carrier, for up to a second
            assert heard(monitor, lambda event: isinstance(event, LinkEvent) and not event.link.carrier)
            assert monitor.undecodable == 0

    in_lab(listen)


def test_a_monitor_can_be_deaf_to_what_we_did_ourselves(in_lab: Lab) -> None:
    def listen() -> None:
        with (
            NetlinkSocket() as ours,
            NetlinkSocket() as other,
            tunnel(ours) as (_, index),
            NetlinkMonitor(NotificationGroup.ROUTE, ignored_port=ours.port) as monitor,
        ):
            hop = (KernelNextHop(index, ip_address("192.168.100.41")),)
            foreign = KernelRoute(Prefix.parse("10.5.0.0/16"), hop, protocol=186)
            own = KernelRoute(Prefix.parse("10.4.4.0/24"), hop)
            ours.call(add_route(own))
            other.call(add_route(foreign))
            # The kernel may still be busy with the tunnel's own addresses: its routes may come in between.
            events = [event for _ in patiently(0.1) for event in monitor.read_events()]
            assert RouteEvent(ObjectChange.SET, foreign) in events
            assert RouteEvent(ObjectChange.SET, own) not in events

    in_lab(listen)


def test_a_monitor_that_lost_messages_says_so_once_and_goes_on(in_lab: Lab) -> None:
    def flood() -> None:
        with (
            NetlinkSocket() as kernel,
            tunnel(kernel) as (_, index),
            NetlinkMonitor(NotificationGroup.ROUTE, receive_buffer=4096) as monitor,
        ):
            hop = (KernelNextHop(index, ip_address("192.168.100.41")),)
            prefixes = [Prefix.of(IPv4Address(0x0A000000 + (number << 8)), 24) for number in range(300)]
            kernel.call(*(add_route(KernelRoute(prefix, hop)) for prefix in prefixes))
            events = monitor.read_events(1000)
            assert events.count(Overrun()) == 1
            assert len(events) < 300
            last = KernelRoute(Prefix.parse("10.200.0.0/16"), hop)
            kernel.call(add_route(last))
            assert RouteEvent(ObjectChange.SET, last) in monitor.read_events()

    in_lab(flood)
