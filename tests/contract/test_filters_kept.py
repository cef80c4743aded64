"""The table that filters in the kernel: no other program opens it, nor a change, nor the death of its router."""

from __future__ import annotations

import errno
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from contract.test_killed_router import BY_DEFAULT, in_world
from contract.test_planes_filters import ALL, NO_5000, deny, inward, listed, passing, permit, port
from contract.test_planes_translation import datagram, left
from contract.test_translation_kept import tables, transact
from contract.worlds import LAN, UNDERLAY, nbma
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, SetFilters, SetInterface, SetRoute, SetVrfs
from dmvpn.base.events import EffectFailed
from dmvpn.base.filters import PortFilters
from dmvpn.base.translation import Addresses
from dmvpn.dataplane import netlink
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket
from dmvpn.dataplane.netlink.nftables import TableFlag, delete_table
from dmvpn.dataplane.userspace import cleanup
from dmvpn.dataplane.userspace import tables as kernel_tables
from dmvpn.dataplane.userspace.links import InterfaceNames
from dmvpn.dataplane.userspace.records import Records
from dmvpn.dataplane.userspace.things import RouterTable, TablePurpose
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract.worlds import RealWorld
    from dmvpn.base.filters import FilterList

pytestmark = pytest.mark.lab

TABLE = "dmvpn-filter"
NOTHING = PortFilters()


def test_another_program_cannot_delete_the_table_nor_flush_it() -> None:
    def test(world: RealWorld) -> None:
        world.execute("A", inward(NO_5000))
        with pytest.raises(OSError, match="not permitted"):
            transact(world, delete_table(TABLE))
        with world.inside("A"), NetfilterSocket() as kernel:
            flush = (
                delete_table("")[0],
                0,
                delete_table("")[2][:4],
            )  # as `nft flush ruleset`: of all
            kernel.transact([flush])
        assert tables(world) == [TABLE]
        assert passing(world, 5000, 5001) == [5001]
        assert world.planes["A"].differences() == []

    in_world(test)


@pytest.fixture
def unowned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux before 6.9 has no tables that stay with an owner."""
    monkeypatch.setattr(kernel_tables, "_OWNED", TableFlag(1 << 20))  # unknown to the kernel


@pytest.mark.usefixtures("unowned")
def test_a_table_without_an_owner_that_somebody_deletes_is_put_back_with_its_lists() -> None:
    def test(world: RealWorld) -> None:
        world.execute("A", inward(NO_5000))
        transact(world, delete_table(TABLE))
        world.run(0.05)
        assert passing(world, 5000, 5001) == [5001]
        assert world.planes["A"].differences() == []

    in_world(test)


@contextmanager
def sending(world: RealWorld, number: int) -> Iterator[list[None]]:
    """Datagrams to a port, one after the other until the end, and how many there were."""
    ended, sent = threading.Event(), list[None]()

    def send() -> None:
        while not ended.is_set():
            sent.append(None)
            world.send("A", datagram("A", nbma("C"), 4000, number))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield sent
    finally:
        ended.set()
        sender.join()
        world.run(0.1)


def test_nothing_passes_while_another_program_flushes_and_deletes_the_table_again_and_again() -> None:
    def test(world: RealWorld) -> None:
        world.execute("A", inward(NO_5000))
        kind, flags, body = delete_table("")
        with sending(world, 5000) as sent:
            for number in range(100):
                with suppress(OSError):
                    transact(world, delete_table(TABLE) if number % 2 else (kind, flags, body[:4]))
                world.run(0.005)
        assert len(sent) > 100, "the sender was too slow to prove anything"
        assert left(world, IpProtocol.UDP) == []
        assert passing(world, 5000, 5001) == [5001]

    in_world(test)


#: The sender, and others: a set of boxes.
GROUP = tuple(Addresses(IPv4Address(f"192.168.{a}.{b}"), IPv4Address(0)) for a in range(1, 9) for b in (1, 50, 100))
NO_GROUP = listed(deny(10, replace(port(5000), sources=GROUP)), permit(20, ALL))


@pytest.mark.parametrize("denying", [NO_5000, NO_GROUP], ids=["addresses", "group"])
def test_nothing_that_both_lists_deny_passes_while_they_change(denying: FilterList) -> None:
    def test(world: RealWorld) -> None:
        others = (deny(number, port(9000 + number)) for number in range(100, 160))
        lists = denying, listed(*others, *denying.entries)
        world.execute("A", inward(denying))
        with sending(world, 5000) as sent:
            for number in range(100):
                world.execute("A", inward(lists[number % 2]))
                world.run(0.01)
        counted = {one.sequence: one.packets for one in world.counting("A").filtered()}
        assert len(sent) > 100, "the sender was too slow to prove anything"
        # A packet that is in the old chain while that is read may be missing: one for each processor and change.
        assert len(sent) - 200 <= counted[10] <= len(sent), "the entry stays, and so do its counts"
        assert left(world, IpProtocol.UDP) == []

    in_world(test)


def test_a_port_that_another_program_renames_has_its_name_and_its_list_again() -> None:
    def test(world: RealWorld) -> None:
        address = ((IPv4Address("192.168.1.1"), 24),)
        world.execute("A", inward(NO_5000), SetInterface(LAN, True, address))
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            link = kernel.find_link(InterfaceNames().linux(LAN))
            assert link is not None
            kernel.call(netlink.set_link(link.index, netlink.LinkSettings(name="renamed")))
            world.run(0.05)
            assert kernel.find_link("renamed") is None
        assert passing(world, 5000, 5001) == [5001]
        assert world.planes["A"].differences() == []

    in_world(test)


def test_a_list_goes_with_its_port_into_a_vrf_and_back_and_so_do_its_counters() -> None:
    def test(world: RealWorld) -> None:
        def denied() -> int:
            return sum(one.packets for one in world.counting("A").filtered() if one.sequence == 10)

        address = ((IPv4Address("192.168.1.1"), 24),)
        world.execute("A", inward(NO_5000), SetVrfs(("RED",)), SetInterface(LAN, True, address, vrf="RED"))
        assert tables(world) == [], "in the global table nothing is filtered any more"
        world.send("A", datagram("A", nbma("C"), 4000, 5000))
        world.until(lambda: denied() == 1)
        world.execute("A", SetVrfs(()), SetInterface(LAN, True, address))
        assert (tables(world), denied()) == ([TABLE], 1)
        world.until(lambda: passing(world, 5000, 5001) == [5001])
        assert denied() > 1

    in_world(test)


def test_what_a_killed_router_left_filters_on_until_the_next_life_has_its_own_lists() -> None:
    def test(world: RealWorld) -> None:
        world.die_after("A", BY_DEFAULT, inward(NO_5000))
        assert passing(world, 5000, 5001) == [5001], "while it is dead"
        world.live_again("A")
        world.execute("A", BY_DEFAULT, SetFilters(UNDERLAY, PortFilters(outward=listed(permit(10, ALL)))))
        assert passing(world, 5000, 5001) == [5001], "its lists are not all put"
        world.execute("A", inward(listed(permit(10, ALL))))
        assert passing(world, 5000, 5001) == [5000, 5001]

    in_world(test)


def test_a_next_life_without_lists_opens_the_ports_that_the_killed_one_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def test(world: RealWorld) -> None:
        world.die_after("A", BY_DEFAULT, inward(NO_5000))
        monkeypatch.setattr(cleanup, "GRACE", 0.3)
        world.live_again("A")
        address = ((IPv4Address("192.168.1.1"), 24),)
        world.execute("A", BY_DEFAULT, SetInterface(LAN, True, address))
        assert passing(world, 5000, 5001) == [5000, 5001]
        world.run(0.4)
        world.execute("A", SetRoute(Prefix.parse("0.0.0.0/0"), (NextHop(UNDERLAY),)))
        assert tables(world) == []

    in_world(test)


def test_an_orderly_end_and_the_last_list_leave_no_table() -> None:
    def test(world: RealWorld) -> None:
        world.execute("A", inward(NO_5000))
        world.execute("A", SetFilters(LAN, NOTHING))
        assert tables(world) == []
        world.execute("A", inward(NO_5000))
        with world.inside("A"):
            world.planes["A"].close()
        assert tables(world) == []

    in_world(test)


def test_cleanup_removes_the_filters_of_a_killed_router_and_not_those_of_a_living_one() -> None:
    def test(world: RealWorld) -> None:
        world.execute("B", inward(NO_5000))
        world.die_after("A", inward(NO_5000))
        with world.inside("B"), netlink.NetlinkSocket() as kernel:
            assert cleanup.clean_up(kernel, Records.here()).tables == ()
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            assert cleanup.clean_up(kernel, Records.here()).tables == (RouterTable(TABLE, TablePurpose.FILTER),)
        assert tables(world) == []
        assert tables(world, "B") == [TABLE]
        world.live_again("A")

    in_world(test)


def test_on_a_kernel_without_nf_tables_a_port_with_a_list_stays_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> NetfilterSocket:
        raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

    def test(world: RealWorld) -> None:
        monkeypatch.setattr(kernel_tables.KernelTable, "open", refuse)
        with pytest.raises(EffectError, match="nf_tables"):
            world.execute("A", inward(NO_5000))
        address = ((IPv4Address("192.168.1.1"), 24),)
        with pytest.raises(EffectError, match="nf_tables"):
            world.execute("A", SetInterface(LAN, True, address))
        assert passing(world, 5001) == []
        with pytest.raises(EffectError, match="nf_tables"):
            world.execute("A", SetFilters(LAN, PortFilters(unreachables=False)))
        world.execute("A", SetFilters(LAN, NOTHING))
        world.execute("A", SetInterface(LAN, True, address))
        world.until(lambda: passing(world, 5001) == [5001])
        monkeypatch.undo()
        world.execute("A", inward(NO_5000), SetInterface(LAN, True, address))
        world.until(lambda: passing(world, 5000, 5001) == [5001])

    in_world(test)


@pytest.mark.usefixtures("unowned")
def test_a_kernel_that_loses_nf_tables_is_reported_for_the_port_that_it_leaves_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All packets passed, and the log said nothing, or that none passed."""

    def refuse(self: object, parts: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    def test(world: RealWorld) -> None:
        world.execute("A", inward(NO_5000))
        transact(world, delete_table(TABLE))
        with monkeypatch.context() as patch:
            patch.setattr(NetfilterSocket, "transact", refuse)
            world.run(0.05)
            (failed,) = world.of("A", EffectFailed)
            assert (failed.effect, failed.errno) == (inward(NO_5000), errno.EOPNOTSUPP)
            assert passing(world, 5000, 5001) == [5000, 5001]
            with pytest.raises(EffectError, match="nf_tables") as found:
                world.execute("A", inward(listed(permit(10, ALL))))
            assert found.value.errno == errno.EOPNOTSUPP
        world.execute("A", inward(NO_5000))
        assert passing(world, 5000, 5001) == [5001]

    in_world(test)
