"""A router on a machine whose addresses are the machine's business; and what `dmvpn run` keeps for its next start."""

from __future__ import annotations

import signal
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import SetInterface
from dmvpn.base.events import AddressAssigned, Event, HostRouteChanged
from dmvpn.dataplane import netlink
from dmvpn.dataplane.userspace.kernel import Kernel
from dmvpn.dataplane.userspace.links import InterfaceNames
from dmvpn.features.nhrp.shared import REQUEST_IDS, STEP
from dmvpn.shells.lab.namespaces import new_network
from support.command import command
from support.labs import Labs, eventually
from support.namespaces import USERS, patiently, run_in_lab_as

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from dmvpn.shells.lab.forked import Json

pytestmark = pytest.mark.lab

PORT, LINUX = "GigabitEthernet0/1", "Gi0-1"
OLD, NEW = IPv4Address("192.0.2.7"), IPv4Address("198.51.100.8")


class Host:
    """A machine with one interface, and our router on it. told: the addresses that the router was told of."""

    def __init__(self, *, manage: bool) -> None:
        self.told: list[Json] = []
        far = new_network()
        with netlink.NetlinkSocket() as kernel:
            kernel.call(netlink.create_veth(netlink.VethEnd(name=LINUX), netlink.VethEnd(name="far", namespace=far)))
        self.kernel = Kernel(InterfaceNames({PORT: LINUX}), self._report, manage=manage)
        self.kernel.start()

    def change(self, *, add: tuple[IPv4Address, ...] = (), take: tuple[IPv4Address, ...] = ()) -> None:
        """What a DHCP client does."""
        with netlink.NetlinkSocket() as kernel:
            link = kernel.find_link(LINUX)
            assert link is not None
            kernel.call(*(netlink.add_address(netlink.InterfaceAddress(link.index, address, 24)) for address in add))
            kernel.call(
                *(netlink.delete_address(netlink.InterfaceAddress(link.index, address, 24)) for address in take)
            )

    def route(
        self,
        change: Callable[[netlink.KernelRoute], netlink.KernelRequest],
        prefix: str,
        metric: int = 100,
        **more: int,
    ) -> None:
        """What a DHCP client, or somebody by hand, does."""
        with netlink.NetlinkSocket() as kernel:
            link = kernel.find_link(LINUX)
            assert link is not None
            hop = netlink.KernelNextHop(link.index, IPv4Address("192.0.2.1"))
            protocol, table = more.get("protocol", 16), more.get("table", 254)
            route = netlink.KernelRoute(Prefix.parse(prefix), (hop,), metric=metric, protocol=protocol, table=table)
            kernel.call(change(route))

    def order(self, *addresses: IPv4Address, leased: bool) -> None:
        """What the router orders."""
        self.kernel.set_interface(SetInterface(PORT, True, tuple((a, 24) for a in addresses), leased=leased))

    def hear(self, count: int) -> list[Json]:
        """What the router was told, once that is so much; a little later, so that more would be seen."""
        for _ in patiently(1.0):
            self.kernel.read()
            if len(self.told) >= count:
                break
        for _ in patiently(0.1):
            self.kernel.read()
        return self.told

    def addresses(self) -> list[Json]:
        """What the interface has."""
        with netlink.NetlinkSocket() as kernel:
            link = kernel.find_link(LINUX)
            assert link is not None
            found = [address.address for address in kernel.addresses() if address.link == link.index]
        return [str(address) for address in found if isinstance(address, IPv4Address)]

    def _report(self, event: Event) -> None:
        if isinstance(event, AddressAssigned):
            self.told.append(str(event.address))
        if isinstance(event, HostRouteChanged):
            hops = " ".join(f"{hop.interface} {hop.address}" for hop in event.next_hops)
            self.told.append(f"{event.prefix} {hops} {event.metric}" if hops else f"{event.prefix} gone")


@pytest.mark.parametrize("user", USERS)
def test_an_adopted_interface_has_the_address_that_it_had_before(user: str) -> None:
    """`dmvpn run` with `ip address dhcp` stayed without an address until the lease changed."""

    def start() -> Json:
        host = Host(manage=False)
        host.change(add=(OLD,))
        host.order(leased=True)
        host.kernel.adopt(PORT)
        return host.hear(1)

    assert run_in_lab_as(user, start) == [str(OLD)]


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("manage", [False, True])
def test_a_new_lease_is_followed_when_the_old_address_goes(user: str, manage: bool) -> None:
    def start() -> Json:
        host = Host(manage=manage)
        host.kernel.adopt(PORT)
        host.order(leased=True)
        host.change(add=(OLD,))
        host.hear(1)
        host.order(OLD, leased=True)  # as the router answers
        host.change(add=(NEW,))
        host.hear(1)
        host.change(take=(OLD,))
        host.hear(2)
        host.order(NEW, leased=True)
        host.change(take=(NEW,))
        return [*host.hear(3), host.addresses()]

    assert run_in_lab_as(user, start) == [str(OLD), str(NEW), "None", []]


DEFAULT = "0.0.0.0/0 GigabitEthernet0/1 192.0.2.1 100"


@pytest.mark.parametrize("user", USERS)
def test_the_hosts_own_routes_are_told_as_they_come_and_go(user: str) -> None:
    def start() -> Json:
        host = Host(manage=False)
        host.change(add=(OLD,))
        with netlink.NetlinkSocket() as kernel:
            kernel.call(netlink.set_up(LINUX))
        host.route(netlink.add_route, "0.0.0.0/0")
        host.kernel.adopt(PORT)
        host.hear(2)
        host.route(netlink.add_route, "0.0.0.0/0", metric=50)
        host.hear(3)
        host.route(netlink.delete_route, "0.0.0.0/0", metric=50)
        host.hear(4)
        host.route(netlink.add_route, "10.0.0.0/8", protocol=netlink.ROUTE_PROTOCOL)
        host.route(netlink.add_route, "10.1.0.0/16", table=100)
        host.route(netlink.add_route, "10.2.0.0/16")
        return host.hear(5)

    assert run_in_lab_as(user, start) == [
        str(OLD),
        DEFAULT,
        "0.0.0.0/0 GigabitEthernet0/1 192.0.2.1 50",
        DEFAULT,
        "10.2.0.0/16 GigabitEthernet0/1 192.0.2.1 100",
    ]


@pytest.mark.parametrize("taken", ["link", "address"])
def test_a_route_of_the_host_that_goes_with_its_link_or_address_is_missed(taken: str) -> None:
    """The kernel does not tell of each of them."""

    def start() -> Json:
        host = Host(manage=False)
        host.change(add=(OLD,))
        with netlink.NetlinkSocket() as kernel:
            kernel.call(netlink.set_up(LINUX))
        host.route(netlink.add_route, "0.0.0.0/0")
        host.kernel.adopt(PORT)
        host.hear(2)
        if taken == "address":
            host.change(take=(OLD,))
        else:
            with netlink.NetlinkSocket() as kernel:
                kernel.call(netlink.set_down(LINUX))
        return "0.0.0.0/0 gone" in host.hear(4)

    assert run_in_lab_as(USERS[0], start) is True


@pytest.mark.parametrize("user", USERS)
def test_where_we_manage_interfaces_a_lease_is_not_touched_and_other_addresses_are_set(user: str) -> None:
    def start() -> Json:
        host = Host(manage=True)
        host.change(add=(OLD,))
        host.kernel.adopt(PORT)
        host.order(leased=True)
        leased = host.addresses()
        host.order(NEW, leased=False)
        return [leased, host.addresses()]

    assert run_in_lab_as(user, start) == [[str(OLD)], [str(NEW)]]


# ------------------------------------------------------------------------------------------------ dmvpn run


def test_a_router_of_dmvpn_run_goes_on_with_its_request_ids_after_a_restart(labs: Labs, tmp_path: Path) -> None:
    """In the place of R31 of a lab, with the addresses that are there."""
    labs.environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    labs.up("notes-phase3")
    configuration = tmp_path / "R31.cfg"
    configuration.write_text(labs.on("R31", "show running-config").partition("!\n")[2])
    labs.say("lab", "kill", "R31")
    kept = tmp_path / "state" / "dmvpn" / "R31" / REQUEST_IDS
    for life in (1, 2):
        router = _run(labs, configuration)
        assert eventually(lambda: _is_registered(labs)), router
        router.send_signal(signal.SIGTERM)
        printed, _ = router.communicate(timeout=10)
        assert router.returncode == 0, printed
        assert kept.read_bytes() == b"%d\n" % (life * STEP)
    kept.unlink()
    kept.mkdir()  # a store that can be neither read nor written
    router = _run(labs, configuration)
    assert eventually(lambda: _is_registered(labs))
    router.send_signal(signal.SIGTERM)
    printed, _ = router.communicate(timeout=10)
    assert router.returncode == 0, printed


def test_after_write_memory_a_router_of_dmvpn_run_starts_with_what_ran(labs: Labs, tmp_path: Path) -> None:
    labs.environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    labs.up("notes-phase3")
    configuration = tmp_path / "R31.cfg"
    by_hand = "! by hand\n" + labs.on("R31", "show running-config").partition("!\n")[2]
    configuration.write_text(by_hand)
    labs.say("lab", "kill", "R31")
    router = _run(labs, configuration)
    labs.configure("run-R31/R31", "interface Tunnel100", "description kept")
    assert "[OK]" in labs.on("run-R31/R31", "write memory")
    labs.configure("run-R31/R31", "interface Tunnel100", "description lost")
    router.send_signal(signal.SIGTERM)
    router.communicate(timeout=10)
    assert (tmp_path / "R31.cfg~").read_text() == by_hand
    router = _run(labs, configuration)
    assert "description kept" in labs.on("run-R31/R31", "show running-config")
    assert "description kept" in labs.on("run-R31/R31", "show startup-config")
    router.send_signal(signal.SIGTERM)
    router.communicate(timeout=10)


def test_a_walk_from_a_router_of_dmvpn_run_ends_where_its_view_does_and_so_do_the_arrows_of_a_watch(
    labs: Labs, tmp_path: Path
) -> None:
    labs.environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    labs.up("notes-phase3")
    configuration = tmp_path / "R31.cfg"
    configuration.write_text(labs.on("R31", "show running-config").partition("!\n")[2])
    labs.say("lab", "kill", "R31")
    router = _run(labs, configuration)
    assert eventually(lambda: _is_registered(labs))
    walked = labs.run("walk", "10.3.3.100", "10.4.4.100", "--lab", "run-R31")
    assert walked.returncode == 0
    assert "IPv4 172.16.31.1 > 172.16." in walked.stdout
    assert "out of view at R31: it leaves by GigabitEthernet0/1 to 172.16.31.2" in walked.stdout
    back = labs.run("walk", "10.3.3.100", "R31", "--lab", "run-R31").stdout
    assert back.endswith("both directions take the same way, as far as it can be seen\n")
    told = labs.say("lab", "watch", "run-R31", "--since", "5m", "--seconds", "1")
    assert "─▶ registration 192.168.100.31 = 172.16.31.1 (to 172.16.11.1)" in told
    assert "◀─ registration reply 192.168.100.31 registered (from 172.16.11.1)" in told
    router.send_signal(signal.SIGTERM)
    router.communicate(timeout=10)


def _run(labs: Labs, configuration: Path) -> subprocess.Popen[str]:
    interfaces = [f"--map=GigabitEthernet0/{number}=Gi0-{number}" for number in (1, 2)]
    router = labs.start("lab", "exec", "R31", *command("run", str(configuration), *interfaces))
    assert router.stdout is not None
    lines = iter(router.stdout.readline, "")
    assert any("R31 runs; its prompt" in line for line in lines)
    return router


def _is_registered(labs: Labs) -> bool:
    return "192.168.100.11  RE" in labs.on("run-R31/R31", "show ip nhrp nhs")
