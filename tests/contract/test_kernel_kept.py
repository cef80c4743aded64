"""Somebody takes away what the router ordered of the kernel: it comes back, and nothing leaves in clear meanwhile."""

from __future__ import annotations

import functools
import time
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest

from contract.peers import pair_of_sas
from contract.test_planes import REAL, TUNNEL, only_udp, udp
from contract.test_planes_ipsec import a_and_b, tunnel
from contract.worlds import DEFAULT, UNDERLAY, RealWorld, host, nbma
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import (
    ClearRoute,
    InstallSa,
    NextHop,
    RemoveTunnel,
    RouteKind,
    SetAdjacency,
    SetInterface,
    SetRoute,
    SetTunnel,
    TunnelSpec,
)
from dmvpn.base.events import KernelContested, Resync, Unresolved
from dmvpn.dataplane import host as sysctl
from dmvpn.dataplane import netlink
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.engines import choose
from dmvpn.dataplane.userspace import keeper
from dmvpn.dataplane.userspace.kernel import Kernel
from dmvpn.dataplane.userspace.links import InterfaceNames
from dmvpn.dataplane.userspace.records import Records
from dmvpn.dataplane.userspace.routes import is_guard
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.lab.namespaces import run_in_lab

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import Event

FAR = Prefix.of(host("B"), 24)
FAR6 = Prefix.parse("2001:db8:2::/64")


@pytest.fixture(params=REAL)
def plane(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def in_world(plane: str, test: Callable[[RealWorld], None]) -> None:
    def real() -> None:
        world = RealWorld(choose(plane))
        try:
            test(world)
        finally:
            world.close()

    run_in_lab(real)


# ------------------------------------------------------------------------------------------------ what is taken away


def our_routes(kernel: netlink.NetlinkSocket) -> list[netlink.KernelRoute]:
    return [route for route in kernel.routes(protocol=netlink.ROUTE_PROTOCOL) if route.table == netlink.TABLE_MAIN]


def index(kernel: netlink.NetlinkSocket, name: str) -> int:
    link = kernel.find_link(name)
    assert link is not None
    return link.index


def one_route(kernel: netlink.NetlinkSocket) -> None:
    """`ip route del`."""
    kernel.call(netlink.delete_route(netlink.KernelRoute(FAR)))


def all_routes(kernel: netlink.NetlinkSocket) -> None:
    """`ip route flush proto 54`."""
    kernel.call(*(netlink.delete_route(route) for route in our_routes(kernel)))


def link_for_a_moment(kernel: netlink.NetlinkSocket, name: str = "Tunnel0") -> None:
    """`ip link set Tunnel0 down; ip link set Tunnel0 up`."""
    kernel.call(netlink.set_down(name), netlink.set_up(name))


def link(kernel: netlink.NetlinkSocket, name: str = "Tunnel0") -> None:
    """`ip link set Tunnel0 down`."""
    kernel.call(netlink.set_down(name))


def neighbors(kernel: netlink.NetlinkSocket) -> None:
    """`ip neigh flush nud all`."""
    known = kernel.neighbors(index(kernel, "Tunnel0"))
    assert known
    kernel.call(*(netlink.delete_neighbor(one) for one in known))


def addresses(kernel: netlink.NetlinkSocket, name: str = "Tunnel0") -> None:
    """`ip addr flush dev Tunnel0`."""
    at = index(kernel, name)
    here = [one for one in kernel.addresses() if one.link == at and one.address.version == 4]
    kernel.call(*(netlink.delete_address(one) for one in here))


def rules(kernel: netlink.NetlinkSocket) -> None:
    """`ip rule del` of all that is ours."""
    assert kernel.flush_rules()


def every_rule(kernel: netlink.NetlinkSocket) -> None:
    """`ip rule flush`: the rules that ask the main table go, too."""
    kernel.call(*(netlink.delete_rule(rule) for rule in kernel.rules() if rule.priority))


def whole_table(kernel: netlink.NetlinkSocket) -> None:
    """`ip route flush table main`: the connected routes go, too, and without them no other one comes back."""
    main = [
        route for route in kernel.routes() if route.table == netlink.TABLE_MAIN and route.prefix.address.version == 4
    ]
    kernel.call(*(netlink.delete_route(route) for route in main))


def connected(kernel: netlink.NetlinkSocket, name: str = "Gi0-1") -> None:
    """`ip route del 10.0.1.0/24`."""
    at = index(kernel, name)
    here = [route for route in kernel.routes(protocol=netlink.KERNEL_PROTOCOL) if route.table == netlink.TABLE_MAIN]
    kernel.call(*(netlink.delete_route(route) for route in here if route.next_hops == (netlink.KernelNextHop(at),)))


def blackholes(kernel: netlink.NetlinkSocket) -> None:
    """`ip route flush table 5424`."""
    ours = [route for route in kernel.routes(protocol=netlink.ROUTE_PROTOCOL) if is_guard(route)]
    assert ours
    kernel.call(*(netlink.delete_route(route) for route in ours))


THEFTS: tuple[Callable[[netlink.NetlinkSocket], None], ...] = (
    one_route,
    all_routes,
    link,
    link_for_a_moment,
    functools.partial(link, name="Gi0-1"),
    functools.partial(link_for_a_moment, name="Gi0-1"),
    neighbors,
    addresses,
    functools.partial(addresses, name="Gi0-1"),
    rules,
    every_rule,
    blackholes,
    whole_table,
    connected,
    functools.partial(connected, name="Tunnel0"),
)


def named(theft: Callable[[netlink.NetlinkSocket], None]) -> str:
    where = "the tunnel" if isinstance(theft, functools.partial) and theft.keywords["name"] == "Tunnel0" else "the WAN"
    return f"{theft.func.__name__} of {where}" if isinstance(theft, functools.partial) else theft.__name__


def steal(world: RealWorld, theft: Callable[[netlink.NetlinkSocket], None]) -> None:
    with world.inside("A"), netlink.NetlinkSocket() as kernel:
        theft(kernel)


def in_clear(world: RealWorld) -> int:
    """Packets of the LANs that the provider saw."""
    return len([packet for packet in world.wire if packet.protocol == IpProtocol.UDP])


def arrives_again(world: RealWorld, seconds: float) -> float:
    """Send until a packet that left later arrives; how long that took. Fails after so many seconds."""
    begun = time.monotonic()
    before = len(only_udp(world.received["B"]))
    while time.monotonic() < begun + seconds:
        world.send("A", udp("A", host("B")))
        world.run(0.01)
        if len(only_udp(world.received["B"])) > before:
            return time.monotonic() - begun
    raise AssertionError(f"nothing came through for {seconds} s: {state(world)}")


def state(world: RealWorld) -> str:
    with world.inside("A"), netlink.NetlinkSocket() as kernel:
        known = [*our_routes(kernel), *kernel.rules(protocol=netlink.ROUTE_PROTOCOL), *kernel.addresses()]
        return "; ".join(map(str, [*known, *kernel.links(), *kernel.neighbors()]))


@pytest.mark.parametrize("theft", THEFTS, ids=named)
def test_what_is_taken_away_comes_back_and_nothing_leaves_in_clear(
    plane: str, theft: Callable[[netlink.NetlinkSocket], None]
) -> None:
    """`ip route flush proto 54`: the router believed in its routes, and traffic left by the default route, in clear."""

    def test(world: RealWorld) -> None:
        a_and_b(world)
        arrives_again(world, 5.0)
        steal(world, theft)
        for _ in range(3):  # as long as nobody has read what happened
            world.send("A", udp("A", host("B")))
        arrives_again(world, 5.0)
        world.until(lambda: world.planes["A"].differences() == [])
        assert in_clear(world) == 0

    in_world(plane, test)


def test_a_tunnel_interface_that_somebody_deletes_is_made_again(plane: str) -> None:
    def test(world: RealWorld) -> None:
        a_and_b(world)
        arrives_again(world, 5.0)

        def again(event: Event) -> None:
            if isinstance(event, Resync):
                tunnel(world, "A")
                sa = pair_of_sas("A", "B", port=0)[0]
                world.execute(
                    "A",
                    InstallSa(sa, True),
                    SetAdjacency("Tunnel0", TUNNEL["B"], nbma("B"), sa.connection),
                    SetRoute(FAR, (NextHop("Tunnel0", TUNNEL["B"]),)),
                )

        world.reactions["A"] = again
        steal(world, lambda kernel: kernel.call(netlink.delete_link("Tunnel0")))
        world.send("A", udp("A", host("B")))
        arrives_again(world, 5.0)
        assert in_clear(world) == 0

    in_world(plane, test)


def test_without_its_tunnel_a_prefix_stays_guarded_until_the_rib_withdraws_it(plane: str) -> None:
    """And a longer one of the host's own leads past the tunnel all the time, as the longest match says."""

    def test(world: RealWorld) -> None:
        a_and_b(world)
        world.execute("A", RemoveTunnel("Tunnel0"))
        world.send("A", udp("A", host("B")))
        world.run(0.1)
        assert in_clear(world) == 0
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            hop = netlink.KernelNextHop(index(kernel, "Gi0-1"), IPv4Address("10.0.1.2"))
            longer = netlink.KernelRoute(Prefix.of(host("B"), 25), (hop,), metric=0, protocol=4)
            kernel.call(netlink.add_route(longer))
            world.send("A", udp("A", host("B")))
            world.until(lambda: in_clear(world) == 1)
            kernel.call(netlink.delete_route(longer))
        world.send("A", udp("A", host("B")))
        world.run(0.1)
        assert in_clear(world) == 1
        world.execute("A", ClearRoute(FAR))
        world.send("A", udp("A", host("B")))
        world.until(lambda: in_clear(world) == 2)
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            assert kernel.rules(protocol=netlink.ROUTE_PROTOCOL) == []

    in_world(plane, test)


@pytest.mark.lab
def test_the_guard_of_a_short_prefix_does_not_hide_longer_routes_nor_the_default_route() -> None:
    def test(world: RealWorld) -> None:
        a_and_b(world)
        world.execute("A", SetRoute(Prefix.parse("192.168.0.0/16"), (NextHop("Tunnel0", TUNNEL["B"]),)))
        steal(world, all_routes)
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            priorities = [rule.priority for rule in kernel.rules(protocol=netlink.ROUTE_PROTOCOL)]
        assert priorities == sorted(priorities)
        arrives_again(world, 5.0)
        assert in_clear(world) == 0

    in_world("python", test)


@pytest.mark.lab
def test_a_default_route_that_is_lost_with_an_address_comes_back() -> None:
    """`ip address 10.0.1.7 255.255.255.0` in place of .1: the kernel dropped the default route without a word."""

    def test(world: RealWorld) -> None:
        steal(world, functools.partial(link_for_a_moment, name="Gi0-1"))
        world.run(0.2)
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            assert [route.prefix for route in our_routes(kernel)] == [DEFAULT]

    in_world("python", test)


@pytest.mark.lab
def test_a_fight_with_another_program_is_said_once_and_ends() -> None:
    def test(world: RealWorld) -> None:
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            end = time.monotonic() + 2.5
            taken = 0
            while time.monotonic() < end:
                taken += not kernel.execute([netlink.delete_route(netlink.KernelRoute(DEFAULT))])
                world.run(0.01)
        assert keeper.FIGHT <= taken < 12, "later and later"
        assert [said.ended for said in world.of("A", KernelContested)] == [False]
        assert "0.0.0.0/0" in world.of("A", KernelContested)[0].what
        world.run(keeper.LONGEST_DELAY / 2)
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            assert [route.prefix for route in our_routes(kernel)] == [DEFAULT]

    in_world("python", test)


@pytest.mark.lab
def test_the_end_of_a_fight_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "CALM", 0.5)

    def test(world: RealWorld) -> None:
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            for _ in range(200):
                kernel.execute([netlink.delete_route(netlink.KernelRoute(DEFAULT))])
                world.run(0.01)
                if world.of("A", KernelContested):
                    break
        world.until(lambda: [said.ended for said in world.of("A", KernelContested)] == [False, True])

    in_world("python", test)


@pytest.mark.lab
def test_a_neighbor_that_is_taken_away_is_no_question_for_nhrp() -> None:
    def test(world: RealWorld) -> None:
        a_and_b(world)
        arrives_again(world, 5.0)
        steal(world, neighbors)
        arrives_again(world, 5.0)
        world.run(0.1)
        assert world.of("A", Unresolved) == []

    in_world("python", test)


@pytest.mark.lab
def test_a_route_that_another_daemon_put_in_the_place_of_ours_is_replaced() -> None:
    def test(world: RealWorld) -> None:
        a_and_b(world)
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            hop = netlink.KernelNextHop(index(kernel, "Gi0-1"), IPv4Address("10.0.1.2"))
            kernel.call(netlink.replace_route(netlink.KernelRoute(FAR, (hop,), protocol=4)))
        world.run(0.1)
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            assert FAR in [route.prefix for route in our_routes(kernel)]
        arrives_again(world, 5.0)

    in_world("python", test)


@pytest.mark.lab
def test_thousands_of_routes_come_back_at_once_when_somebody_flushes_them() -> None:
    def test(world: RealWorld) -> None:
        a_and_b(world)
        prefixes = [Prefix.of(IPv4Address(0x14000000 + (number << 8)), 24) for number in range(20_000)]
        world.execute("A", *(SetRoute(prefix, (NextHop("Tunnel0", TUNNEL["B"]),)) for prefix in prefixes))
        steal(world, all_routes)
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            world.until(lambda: len(our_routes(kernel)) == len(prefixes) + 2, 10.0)
        assert in_clear(world) == 0

    in_world("python", test)


@pytest.mark.lab
def test_what_is_lost_while_the_notifications_overflow_comes_back_too() -> None:
    """After ENOBUFS the kernel drops further notifications, without a word, until all that wait are read."""

    def test(world: RealWorld) -> None:
        a_and_b(world)
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            hop = (netlink.KernelNextHop(index(kernel, "Gi0-1"), IPv4Address("10.0.1.2")),)
            others = [
                netlink.KernelRoute(Prefix.of(IPv4Address(0x14000000 + (number << 8)), 24), hop, protocol=4)
                for number in range(20_000)
            ]
            kernel.execute([netlink.add_route(route) for route in others])
            one_route(kernel)
            world.until(lambda: FAR in [route.prefix for route in our_routes(kernel)], 10.0)

    in_world("python", test)


@pytest.mark.lab
def test_a_guarded_network_stays_on_record_when_a_route_of_the_same_prefix_goes() -> None:
    """A static route to Null0 gives way to a connected one when the tunnel comes up; `dmvpn cleanup` took the guard."""

    def test(world: RealWorld) -> None:
        a_and_b(world)
        network = Prefix.of(TUNNEL["A"], 24)
        world.execute("A", SetRoute(network, (), RouteKind.DISCARD), ClearRoute(network))
        with world.inside("A"):
            assert network in Records.here().others().prefixes

    in_world("python", test)


def guards(kernel: netlink.NetlinkSocket, prefix: Prefix) -> int:
    """How many blackholes there are for a prefix."""
    routes = kernel.routes(protocol=netlink.ROUTE_PROTOCOL)
    return sum(is_guard(route) and route.prefix == prefix for route in routes)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("far", "near", "hop"),
    [(FAR, Prefix.of(FAR.address, 16), TUNNEL["B"]), (FAR6, Prefix.of(FAR6.address, 48), IPv6Address("2001:db8:1::2"))],
)
def test_a_route_into_a_protected_tunnel_that_fails_is_guarded(far: Prefix, near: Prefix, hop: IPAddress) -> None:
    """The tunnel's interface was gone for a moment: the packets left in clear until the route was tried again."""

    def test() -> None:
        router = Kernel(InterfaceNames({}), lambda _: None, manage=False)
        router.start()
        router.protect("Tunnel7", protected=True)
        with netlink.NetlinkSocket() as kernel:
            uplink = index(kernel, "lo")
            kernel.call(netlink.set_up(uplink))
            kernel.call(netlink.add_route(netlink.KernelRoute(near, (netlink.KernelNextHop(uplink),), protocol=4)))
            ((_, error),) = router.routes.carry_out([SetRoute(far, (NextHop("Tunnel7", hop),))])
            assert "Tunnel7" in str(error)
            assert guards(kernel, far) == 1
            with pytest.raises(netlink.NetlinkError):
                kernel.route_to(far.address + 1)
            router.routes.carry_out([ClearRoute(far)])
            assert guards(kernel, far) == 0
            assert kernel.rules(protocol=netlink.ROUTE_PROTOCOL) == []
            taken = kernel.route_to(far.address + 1)
            assert taken is not None
            assert taken.prefix == near
        router.close()

    run_in_lab(test)


@pytest.mark.lab
def test_of_many_routes_that_come_together_those_that_the_kernel_refuses_are_named_and_the_others_are_there() -> None:
    def test() -> None:
        router = Kernel(InterfaceNames({"GigabitEthernet0/1": "lo"}), lambda _: None, manage=False)
        router.start()
        prefixes = [Prefix.parse(f"10.4.{number}.0/24") for number in range(200)]
        good: list[SetRoute | ClearRoute] = [SetRoute(prefix, (), RouteKind.DISCARD) for prefix in prefixes]
        bad: list[SetRoute | ClearRoute] = [
            SetRoute(Prefix.parse("10.5.0.0/16"), (NextHop("GigabitEthernet0/1", TUNNEL["B"]),)),
            SetRoute(Prefix.parse("10.6.0.0/16"), (NextHop("GigabitEthernet0/7", TUNNEL["B"]),)),
        ]
        orders = [*good[:150], *bad, *good[150:], ClearRoute(prefixes[0]), good[0], ClearRoute(prefixes[1])]
        refused = router.routes.carry_out([*orders, ClearRoute(prefixes[1])])
        assert sorted(order.prefix for order, _ in refused) == [order.prefix for order in bad]
        with netlink.NetlinkSocket() as kernel:
            there = [route.prefix for route in kernel.routes(protocol=netlink.ROUTE_PROTOCOL)]
        assert sorted(there) == [prefixes[0], *prefixes[2:]]
        router.close()

    run_in_lab(test)


@pytest.mark.lab
def test_of_two_routers_that_guard_a_prefix_each_takes_away_its_own_guard() -> None:
    """The first that withdrew it took it from both: the other's packets left in clear."""

    def test() -> None:
        one, other = (Kernel(InterfaceNames({}), lambda _: None, manage=False) for _ in range(2))
        order = SetRoute(FAR, (NextHop("Tunnel7", TUNNEL["B"]),))
        for router in (one, other):
            router.start()
            router.protect("Tunnel7", protected=True)
            ((_, error),) = router.routes.carry_out([order])
            assert "Tunnel7" in str(error)
        with netlink.NetlinkSocket() as kernel:
            assert guards(kernel, FAR) == 2
            one.routes.carry_out([ClearRoute(FAR)])
            assert guards(kernel, FAR) == 1
            one.close()
            assert guards(kernel, FAR) == 1
            assert kernel.rules(protocol=netlink.ROUTE_PROTOCOL)
            other.close()
            assert guards(kernel, FAR) == 0
            assert kernel.rules(protocol=netlink.ROUTE_PROTOCOL) == []

    run_in_lab(test)


@pytest.mark.lab
def test_what_the_router_took_back_itself_stays_away() -> None:
    def test(world: RealWorld) -> None:
        a_and_b(world)
        world.execute("A", ClearRoute(FAR))
        steal(world, link_for_a_moment)
        world.run(0.3)
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            assert FAR not in [route.prefix for route in our_routes(kernel)]

    in_world("python", test)


@pytest.mark.lab
def test_an_orderly_end_takes_the_guard_with_it() -> None:
    def test(world: RealWorld) -> None:
        a_and_b(world)
        world.close()
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            assert kernel.rules(protocol=netlink.ROUTE_PROTOCOL) == []
            assert kernel.routes(protocol=netlink.ROUTE_PROTOCOL) == []

    in_world("python", test)


@pytest.mark.lab
def test_what_the_kernel_has_otherwise_is_told_by_name() -> None:
    """For `dmvpn doctor`: the kernel's tables beside the router's orders."""

    def test(world: RealWorld) -> None:
        a_and_b(world)
        plane = world.planes["A"]
        assert plane.differences() == []
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            one_route(kernel)
            addresses(kernel)
            rules(kernel)
            hop = (netlink.KernelNextHop(index(kernel, "Gi0-1"), IPv4Address("10.0.1.2")),)
            kernel.call(netlink.add_route(netlink.KernelRoute(Prefix.parse("203.0.113.0/24"), hop)))
        found = {one.what: (one.there, one.unordered) for one in plane.differences()}
        assert found["route 192.168.2.0/24 via 172.16.0.2, Tunnel0"] == ("missing", False)
        assert found["address 172.16.0.1/24 of Tunnel0"] == ("missing", False)
        assert found["rule 32717 lookup 5424"] == ("missing", False)
        assert found["route 203.0.113.0/24 via 10.0.1.2, GigabitEthernet0/1"] == ("nobody ordered it", True)
        world.run(0.3)
        assert [one.what for one in plane.differences() if not one.unordered] == []

    in_world("python", test)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("theirs", "taken"),
    [
        (netlink.KernelRoute(FAR, metric=10, protocol=4), "take route 192.168.2.0/24 via 10.0.1.2, GigabitEthernet0/1"),
        (
            netlink.KernelRoute(Prefix(FAR.address, 25), kind=netlink.RouteType.BLACKHOLE, protocol=4),
            "are dropped by a rule or a route",
        ),
        (
            netlink.KernelRoute(Prefix.parse("0.0.0.0/0"), table=77, protocol=4),
            "take route 0.0.0.0/0 via 10.0.1.2, GigabitEthernet0/1 in table 77",
        ),
    ],
    ids=["lower metric", "longer prefix", "rule"],
)
def test_a_route_that_is_there_and_that_packets_do_not_take_is_told(theirs: netlink.KernelRoute, taken: str) -> None:
    """Seen: behind somebody else's route nothing arrived, and the doctor found nothing."""

    def test(world: RealWorld) -> None:
        a_and_b(world)
        plane = world.planes["A"]
        assert plane.differences() == []
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            hop = netlink.KernelNextHop(index(kernel, "Gi0-1"), IPv4Address("10.0.1.2"))
            hops = (hop,) if theirs.kind is netlink.RouteType.UNICAST else ()
            kernel.call(netlink.add_route(replace(theirs, next_hops=hops)))
            if theirs.table != netlink.TABLE_MAIN:
                kernel.call(netlink.add_rule(netlink.Rule(100, theirs.table, protocol=4)))
        found = {one.what: one.there for one in plane.differences() if one.aside is not None}
        assert found["route 192.168.2.0/24 via 172.16.0.2, Tunnel0"] == f"packets to 192.168.2.1 {taken}"

    in_world("python", test)


@pytest.mark.lab
def test_a_setting_that_somebody_changed_is_told_by_name() -> None:
    """Seen: after `sysctl net.ipv4.ip_forward=0` nothing was passed on, and the doctor found nothing."""

    def test(world: RealWorld) -> None:
        a_and_b(world)
        with world.inside("A"):
            assert world.planes["A"].differences() == []
            assert sysctl.write("net/ipv4/ip_forward", "0") is None
            found = [(one.what, one.there) for one in world.planes["A"].differences()]
        assert ("setting net.ipv4.ip_forward = 1", "it is 0") in found

    in_world("python", test)


@pytest.mark.lab
def test_orders_that_change_quickly_are_no_fight() -> None:
    """`shutdown` and `no shutdown`, again and again, and addresses to and fro: what is heard of it is our own doing."""

    def test(world: RealWorld) -> None:
        a_and_b(world)
        for _ in range(2 * keeper.FIGHT):
            for up, address in ((False, TUNNEL["A"]), (True, TUNNEL["A"] + 100), (True, TUNNEL["A"])):
                world.execute("A", SetInterface("Tunnel0", up, ((address, 24),)))
            world.run(0.1)
        assert world.of("A", KernelContested) == []
        arrives_again(world, 5.0)
        assert in_clear(world) == 0

    in_world("python", test)


@pytest.mark.lab
def test_what_went_with_an_interface_of_the_host_is_missed_no_more() -> None:
    """A cable of a lab that is unplugged and plugged in again is another interface of the same name."""

    def test(world: RealWorld) -> None:
        a_and_b(world)
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            kernel.call(netlink.create_veth(netlink.VethEnd(name="Gi0-3"), netlink.VethEnd(name="other")))
            world.planes["A"].adopt("GigabitEthernet0/3")
        world.execute("A", SetInterface("GigabitEthernet0/3", True, ((IPv4Address("198.51.100.1"), 24),)))
        world.run(0.1)
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            kernel.call(netlink.delete_link("Gi0-3"))
        assert [one.there for one in world.planes["A"].differences()] == ["missing"] * 3
        world.run(0.3)
        assert world.planes["A"].differences() == []
        with suppress(EffectError):
            world.execute("A", SetInterface("GigabitEthernet0/3", True, ((IPv4Address("198.51.100.1"), 24),)))
        world.run(0.3)
        assert world.planes["A"].differences() == [], "an order that came too late"

    in_world("python", test)


@pytest.mark.lab
def test_an_interface_whose_mtu_nobody_orders_any_longer_has_the_one_from_before() -> None:
    """`no mtu`: packets stayed as small as the line before had made them."""

    def test(world: RealWorld) -> None:
        addresses = ((nbma("A"), 24),)

        def octets() -> int:
            with world.inside("A"), netlink.NetlinkSocket() as kernel:
                link = kernel.find_link("Gi0-1")
                assert link is not None
                return link.mtu

        before = octets()
        for mtu in (1300, 1200):
            world.execute("A", SetInterface(UNDERLAY, True, addresses, mtu=mtu))
            world.run(0.1)
            assert octets() == mtu
        world.execute("A", SetInterface(UNDERLAY, True, addresses))
        world.run(0.1)
        assert octets() == before
        assert world.planes["A"].differences() == []

    in_world("python", test)


@pytest.mark.lab
def test_a_tunnel_keeps_the_mtu_of_ipv6_when_that_of_the_interface_changes() -> None:
    """`ipv6-only` with real packets: the doctor said that another program changes the kernel's tables."""

    def test(world: RealWorld) -> None:
        own = ((IPv6Address("2001:db8:100::1"), 64), (IPv6Address("fe80::1"), 10))
        spec = TunnelSpec(name="Tunnel0", source=nbma("A"), destination=None, key=100, mtu=1476)
        world.execute("A", SetTunnel(spec), SetInterface("Tunnel0", True, own, mtu6=1400))

        def octets() -> str | None:
            world.run(0.3)
            with world.inside("A"):
                return sysctl.read("net/ipv6/conf/Tunnel0/mtu")

        assert octets() == "1400"
        world.execute("A", SetTunnel(replace(spec, mtu=1472)))
        assert octets() == "1400"
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            kernel.call(netlink.set_link(index(kernel, "Tunnel0"), netlink.LinkSettings(mtu=1450)))
        assert octets() == "1400", "another program has changed it"

    in_world("python", test)
