"""A host that lends its network namespace to routers: what they leave, whose it is, and what they give back."""

from __future__ import annotations

import contextlib
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, NextHop, SetRoute
from dmvpn.dataplane import host as sysctl
from dmvpn.dataplane import netlink
from dmvpn.dataplane.userspace import records
from dmvpn.dataplane.userspace.cleanup import Cleaned, clean_up
from dmvpn.dataplane.userspace.kernel import Kernel
from dmvpn.dataplane.userspace.links import InterfaceNames
from dmvpn.dataplane.userspace.records import Ledger, Records
from dmvpn.shells.lab.namespaces import enter_network, new_network, run_in_lab
from support.namespaces import killed_after

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
