"""A host that lends its network namespace to routers: what they leave, whose it is, and what they give back."""

from __future__ import annotations

import contextlib
import signal
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, NextHop, SetInterface, SetRoute
from dmvpn.base.events import AddressAssigned, Event, HostRouteChanged
from dmvpn.dataplane import host as sysctl
from dmvpn.dataplane import netlink
from dmvpn.dataplane.userspace import records
from dmvpn.dataplane.userspace.cleanup import Cleaned, clean_up
from dmvpn.dataplane.userspace.kernel import Kernel
from dmvpn.dataplane.userspace.links import InterfaceNames
from dmvpn.dataplane.userspace.records import Ledger, Records
from dmvpn.features.nhrp.shared import REQUEST_IDS, STEP
from dmvpn.shells.lab.namespaces import enter_network, new_network, run_in_lab
from support.command import command
from support.labs import Labs, eventually
from support.namespaces import USERS, killed_after, patiently, run_in_lab_as

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from dmvpn.shells.lab.forked import Json

pytestmark = pytest.mark.lab

ETHERNET = "GigabitEthernet0/1"
PROTECTED = "Tunnel7"
NAMES = {ETHERNET: "eth0"}
ONE, TWO = (
    SetRoute(Prefix.parse(text), (NextHop(ETHERNET, IPv4Address("10.0.1.2")),))
    for text in ("10.1.0.0/16", "10.2.0.0/16")
)
CONF = "net/ipv4/conf"
#: Nothing a kernel begins with by itself.
BEFORE = {
    "net/ipv4/ip_forward": "0",
    f"{CONF}/all/rp_filter": "2",
    f"{CONF}/default/rp_filter": "1",
    f"{CONF}/all/accept_redirects": "0",
    f"{CONF}/eth0/rp_filter": "1",
    f"{CONF}/eth1/rp_filter": "2",
    f"{CONF}/eth1/forwarding": "1",
    f"{CONF}/eth0/send_redirects": "1",
    "net/ipv4/icmp_ratelimit": "400",
}


@pytest.fixture(autouse=True)
def _records_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_root", lambda: tmp_path)


def on_a_host(test: Callable[[], None]) -> None:
    """A namespace with two interfaces, with settings that nobody would expect."""

    def host() -> None:
        enter_network(new_network())
        with netlink.NetlinkSocket() as kernel:
            kernel.call(netlink.create_veth(netlink.VethEnd(name="eth0"), netlink.VethEnd(name="eth1")))
            for name in ("eth0", "eth1"):
                kernel.call(netlink.set_up(name))
            link = kernel.find_link("eth0")
            assert link is not None
            kernel.call(netlink.add_address(netlink.InterfaceAddress(link.index, IPv4Address("10.0.1.1"), 24)))
        for path, value in BEFORE.items():
            assert sysctl.write(path, value) is None
        test()

    run_in_lab(host)


def router() -> Kernel:
    kernel = Kernel(InterfaceNames(NAMES), lambda event: None, manage=False)
    kernel.start()
    kernel.adopt(ETHERNET)
    return kernel


def killed_router(*orders: SetRoute) -> None:
    """A router that carries out these orders, and is killed."""

    def work() -> None:
        kernel = router()
        kernel.protect(PROTECTED, protected=True)
        for order in orders:
            with contextlib.suppress(OSError):  # it is guarded though its tunnel is not there
                kernel.routes.carry_out([order])

    killed_after(work)


def settings() -> dict[str, str | None]:
    return {path: sysctl.read(path) for path in BEFORE}


def routed() -> set[str]:
    with netlink.NetlinkSocket() as kernel:
        return {str(route.prefix) for route in kernel.routes(protocol=netlink.ROUTE_PROTOCOL)}


def cleanup() -> Cleaned:
    with netlink.NetlinkSocket() as kernel:
        return clean_up(kernel, Records.here())


def test_cleanup_leaves_a_router_that_runs_all_that_it_has() -> None:
    """It took the routes out of Ethernet interfaces: they carry our number, and no owner."""

    def test() -> None:
        running = router()
        running.routes.carry_out([ONE])
        while_running = settings()
        cleaned = cleanup()
        assert (cleaned.living, cleaned.routes, cleaned.settings) == (1, (), ())
        assert routed() == {"10.1.0.0/16"}
        assert settings() == while_running
        running.close()

    on_a_host(test)


def test_cleanup_takes_what_the_dead_one_of_two_routers_left() -> None:
    def test() -> None:
        running = router()
        running.routes.carry_out([ONE])
        killed_router(TWO, ONE)
        running.routes.carry_out([ONE])
        assert routed() == {"10.1.0.0/16", "10.2.0.0/16"}
        cleaned = cleanup()
        assert [str(route.prefix) for route in cleaned.routes] == ["10.2.0.0/16"]
        assert routed() == {"10.1.0.0/16"}
        running.close()
        assert settings() == BEFORE

    on_a_host(test)


def test_what_a_killed_router_guards_stays_guarded_though_another_one_ends_in_good_order() -> None:
    """The end of the other one took rules and blackholes of the dead one: its packets left in clear."""

    def test() -> None:
        running = router()
        running.protect(PROTECTED, protected=True)
        with contextlib.suppress(OSError):
            running.routes.carry_out([SetRoute(Prefix.parse("10.4.0.0/16"), (NextHop(PROTECTED, None),))])
        killed_router(SetRoute(Prefix.parse("10.3.0.0/16"), (NextHop(PROTECTED, None),)))
        running.routes.carry_out([ClearRoute(Prefix.parse("10.4.0.0/16"))])
        assert routed() == {"10.3.0.0/16"}
        running.close()
        with netlink.NetlinkSocket() as kernel:
            assert routed() == {"10.3.0.0/16"}
            assert kernel.rules(protocol=netlink.ROUTE_PROTOCOL)
            assert settings() == BEFORE
            cleanup()
            assert routed() == set()
            assert kernel.rules(protocol=netlink.ROUTE_PROTOCOL) == []

    on_a_host(test)


def test_a_second_router_neither_begins_nor_ends_at_the_expense_of_the_first() -> None:
    def test() -> None:
        first = router()
        first.routes.carry_out([ONE])
        while_running = settings()
        second = router()
        second.routes.carry_out([TWO])
        assert routed() == {"10.1.0.0/16", "10.2.0.0/16"}
        second.close()
        assert routed() == {"10.1.0.0/16"}
        assert settings() == while_running, "the first one counts on them"
        first.close()
        assert settings() == BEFORE

    on_a_host(test)


def test_a_router_that_guards_nothing_any_more_leaves_the_rules_to_the_other_one() -> None:
    """The withdrawal of one router's last route left the tunnels of the other one without their guard."""

    def test() -> None:
        first, second = router(), router()
        for one, order in ((first, ONE), (second, TWO)):
            one.protect(ETHERNET, protected=True)
            one.routes.carry_out([order])
        with netlink.NetlinkSocket() as kernel:
            guarded = kernel.rules(protocol=netlink.ROUTE_PROTOCOL)
            assert guarded
            second.routes.carry_out([ClearRoute(TWO.prefix)])
            assert kernel.rules(protocol=netlink.ROUTE_PROTOCOL) == guarded
            second.close()
            assert kernel.rules(protocol=netlink.ROUTE_PROTOCOL) == guarded
            first.routes.carry_out([ClearRoute(ONE.prefix)])
            assert kernel.rules(protocol=netlink.ROUTE_PROTOCOL) == []
        first.close()

    on_a_host(test)


def test_the_first_of_two_routers_leaves_the_settings_to_the_second() -> None:
    def test() -> None:
        first, second = router(), router()
        while_running = settings()
        first.close()
        assert settings() == while_running
        second.close()
        assert settings() == BEFORE

    on_a_host(test)


def test_after_a_kill_a_new_start_and_an_orderly_end_each_setting_is_what_it_was() -> None:
    def test() -> None:
        killed_router(ONE)
        assert settings() != BEFORE
        killed_router(TWO)
        again = router()
        assert routed() == set(), "what an earlier life left goes at the start"
        again.close()
        assert settings() == BEFORE

    on_a_host(test)


def test_after_a_kill_cleanup_gives_the_settings_back() -> None:
    def test() -> None:
        killed_router(ONE)
        cleaned = cleanup()
        assert {setting.path for setting in cleaned.settings} >= {"net/ipv4/ip_forward", f"{CONF}/all/rp_filter"}
        assert settings() == BEFORE
        assert routed() == set()
        assert cleanup().settings == ()

    on_a_host(test)


def test_no_setting_is_written_before_what_it_was_is_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def test() -> None:
        def refuse(path: str, value: str) -> str | None:
            recorded = Records.here().found()
            assert recorded.get(path) == sysctl.read(path), path
            return None

        monkeypatch.setattr("dmvpn.dataplane.userspace.cleanup.write", refuse)
        Kernel(InterfaceNames(NAMES), lambda event: None, manage=False).start()

    on_a_host(test)


def test_a_record_of_another_boot_or_namespace_is_nobodys() -> None:
    def test() -> None:
        killed_router(ONE)
        folder = Records.here().folder
        assert folder is not None
        enter_network(new_network())
        assert Records.here().folder != folder
        assert cleanup().settings == ()

    on_a_host(test)


def test_a_record_that_somebody_spoilt_writes_nothing_else() -> None:
    def test() -> None:
        here = Records.here()
        assert here.folder is not None
        for text in (
            '{"kernel/core_pattern": "1"}',
            '{"net/ipv4/conf/../../../kernel/panic": "1"}',
            "[" * 9999,
            '{"net/ipv4/ip_forward": "|sh"}',
        ):
            (here.folder / "settings.json").write_text(text)
            assert here.found() == {}
        assert cleanup().settings == ()

    on_a_host(test)


def test_the_file_of_a_router_whose_routes_come_and_go_stays_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "SLACK", 16)

    def test() -> None:
        here = Records.here()
        with here.locked():
            ledger = Ledger(here.folder)
        for _ in range(500):
            ledger.routed(ONE.prefix)
            ledger.cleared(ONE.prefix)
        ledger.routed(TWO.prefix)
        assert ledger.path is not None
        assert ledger.path.stat().st_size < 1000
        assert here.others().prefixes == {TWO.prefix}
        ledger.close()
        assert here.others().living == ()

    on_a_host(test)


def test_a_route_that_was_withdrawn_is_nobodys() -> None:
    def test() -> None:
        running = router()
        running.routes.carry_out([ONE])
        running.routes.carry_out([ClearRoute(ONE.prefix)])
        assert Records.here().others().prefixes == frozenset()
        running.close()

    on_a_host(test)


# A router on a machine whose addresses are the machine's business; and what `dmvpn run` keeps for its next start.

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
            self.kernel.read_notifications()
            if len(self.told) >= count:
                break
        for _ in patiently(0.1):
            self.kernel.read_notifications()
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
    configuration = _without_r31(labs, tmp_path)
    kept = tmp_path / "state" / "dmvpn" / "R31" / REQUEST_IDS
    for life in (1, 2):
        router = _run(labs, configuration)
        assert eventually(lambda: _is_registered(labs)), router
        printed = _ended(router)
        assert router.returncode == 0, printed
        assert kept.read_bytes() == b"%d\n" % (life * STEP)
    kept.unlink()
    kept.mkdir()  # a store that can be neither read nor written
    router = _run(labs, configuration)
    assert eventually(lambda: _is_registered(labs))
    printed = _ended(router)
    assert router.returncode == 0, printed


def test_after_write_memory_a_router_of_dmvpn_run_starts_with_what_ran(labs: Labs, tmp_path: Path) -> None:
    configuration = _without_r31(labs, tmp_path)
    by_hand = f"! by hand\n{configuration.read_text()}"
    configuration.write_text(by_hand)
    router = _run(labs, configuration)
    labs.configure("run-R31/R31", "interface Tunnel100", "description kept")
    assert "[OK]" in labs.on("run-R31/R31", "write memory")
    labs.configure("run-R31/R31", "interface Tunnel100", "description lost")
    _ended(router)
    assert (tmp_path / "R31.cfg~").read_text() == by_hand
    router = _run(labs, configuration)
    assert "description kept" in labs.on("run-R31/R31", "show running-config")
    assert "description kept" in labs.on("run-R31/R31", "show startup-config")
    _ended(router)


def test_a_walk_from_a_router_of_dmvpn_run_ends_where_its_view_does_and_so_do_the_arrows_of_a_watch(
    labs: Labs, tmp_path: Path
) -> None:
    router = _run(labs, _without_r31(labs, tmp_path))
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
    _ended(router)


def _without_r31(labs: Labs, folder: Path) -> Path:
    """Bring a lab up, and end R31, in whose place a router of `dmvpn run` comes. Returns its configuration."""
    labs.environment["XDG_STATE_HOME"] = str(folder / "state")
    labs.up("notes-phase3")
    configuration = folder / "R31.cfg"
    configuration.write_text(labs.on("R31", "show running-config").partition("!\n")[2])
    labs.say("lab", "kill", "R31")
    return configuration


def _ended(router: subprocess.Popen[str]) -> str:
    """End it, and return what it printed."""
    router.send_signal(signal.SIGTERM)
    printed, _ = router.communicate(timeout=10)
    return printed


def _run(labs: Labs, configuration: Path) -> subprocess.Popen[str]:
    interfaces = [f"--map=GigabitEthernet0/{number}=Gi0-{number}" for number in (1, 2)]
    router = labs.start("lab", "exec", "R31", *command("run", str(configuration), *interfaces))
    assert router.stdout is not None
    lines = iter(router.stdout.readline, "")
    assert any("R31 runs; its prompt" in line for line in lines)
    return router


def _is_registered(labs: Labs) -> bool:
    return "192.168.100.11  RE" in labs.on("run-R31/R31", "show ip nhrp nhs")
