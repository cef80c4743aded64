"""Tables of the kernel that filter and translate are kept."""

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
from contract.test_planes_translation import datagram, left, ports_left, translate
from contract.worlds import LAN, UNDERLAY, host, nbma
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, SetFilters, SetInterface, SetRoute, SetTranslation, SetVrfs
from dmvpn.base.events import EffectFailed, KernelContested
from dmvpn.base.filters import PortFilters
from dmvpn.base.translation import UDP, Addresses, Clause, PacketRule, SourceRule
from dmvpn.dataplane import netlink
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.netlink import netfilter
from dmvpn.dataplane.netlink.nfsocket import NetfilterMonitor, NetfilterSocket
from dmvpn.dataplane.netlink.nftables import Hook, TableFlag, base_chain, delete_table, new_table
from dmvpn.dataplane.userspace import cleanup, keeper
from dmvpn.dataplane.userspace import tables as kernel_tables
from dmvpn.dataplane.userspace.keeper import RouterTable, TablePurpose
from dmvpn.dataplane.userspace.links import InterfaceNames
from dmvpn.dataplane.userspace.records import Records
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract.worlds import RealWorld
    from dmvpn.base.filters import FilterList
    from dmvpn.dataplane.netlink.netfilter import TrackedFlow


# The table that filters in the kernel: no other program opens it, nor a change, nor the death of its router.

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


# The table that translates in the kernel: put back when it is taken away, and left behind by nobody.

TRANSLATIONS = "dmvpn-nat"
EVERY = Addresses(IPv4Address(0), IPv4Address("255.255.255.255"))
#: Entries: more than one transaction holds.
LONG = 15_000


def tables(world: RealWorld, router: str = "A") -> list[str]:
    with world.inside(router), NetfilterSocket() as kernel:
        return kernel.tables()


def transact(world: RealWorld, *parts: tuple[int, int, bytes]) -> None:
    with world.inside("A"), NetfilterSocket() as kernel:
        kernel.transact(parts)


def source_of_next(world: RealWorld, port: int = 4000) -> str:
    """The address by which the provider sees the host's next packet."""
    seen = len(left(world, IpProtocol.UDP))
    world.send("A", datagram("A", nbma("B"), port))
    world.until(lambda: len(left(world, IpProtocol.UDP)) > seen)
    return str(left(world, IpProtocol.UDP)[-1].source)


def test_a_table_that_somebody_deletes_is_put_back() -> None:
    def test(world: RealWorld) -> None:
        world.execute("A", translate())
        for _ in range(3):
            transact(world, delete_table(TRANSLATIONS))
            world.until(lambda: TRANSLATIONS in tables(world), seconds=20)
            world.until(lambda: not world.planes["A"].differences(), seconds=20)
        assert source_of_next(world) == str(nbma("A"))

    in_world(test)


def test_a_table_with_other_rules_is_a_difference_and_put_back() -> None:
    def test(world: RealWorld) -> None:
        world.execute("A", translate())
        assert world.planes["A"].differences() == []
        emptied = base_chain(TRANSLATIONS, "leaving", "nat", Hook.POSTROUTING, 100)
        transact(world, delete_table(TRANSLATIONS), new_table(TRANSLATIONS), emptied)
        with world.inside("A"):
            assert any(TRANSLATIONS in one.what for one in world.planes["A"].differences())
        world.until(lambda: not world.planes["A"].differences(), seconds=20)
        assert source_of_next(world) == str(nbma("A"))

    in_world(test)


def test_an_access_list_of_thousands_of_entries_translates_and_is_replaced_by_another() -> None:
    def permit(port: int) -> PacketRule:
        return PacketRule(True, EVERY, EVERY, protocol=UDP, destination_ports=(port, port))

    def test(world: RealWorld) -> None:
        for first in (10_000, 40_000):
            world.execute("A", translate(*(permit(first + place) for place in range(LONG)), permit(4321)))
            world.send("A", datagram("A", nbma("B"), 4000, first + LONG - 1))
            world.until(lambda: bool(left(world, IpProtocol.UDP)))
            assert str(left(world, IpProtocol.UDP)[-1].source) == str(nbma("A"))
            world.wire.clear()
        world.send("A", datagram("A", nbma("B"), 4000, 10_000))
        world.until(lambda: bool(left(world, IpProtocol.UDP)))
        assert str(left(world, IpProtocol.UDP)[-1].source) == str(host("A")), "an entry of the former list"
        transact(world, delete_table(TRANSLATIONS))
        world.until(lambda: not world.planes["A"].differences(), seconds=20)
        world.execute("A", translate())
        assert source_of_next(world) == str(nbma("A"))

    in_world(test)


def test_changes_of_other_tables_and_its_own_are_no_reason_to_read_the_rules() -> None:
    def test(world: RealWorld) -> None:
        with world.inside("A"), NetfilterSocket() as ours, NetfilterSocket() as theirs:
            monitor = NetfilterMonitor()
            ours.transact([new_table("mine")])
            assert not monitor.read_notifications("mine", ours.port)
            theirs.transact([new_table("somebodys"), base_chain("somebodys", "in", "filter", Hook.INPUT, 0)])
            assert not monitor.read_notifications("mine", ours.port)
            theirs.transact([base_chain("mine", "in", "filter", Hook.INPUT, 0)])
            assert monitor.read_notifications("mine", ours.port)
            theirs.transact([delete_table("mine")])
            assert monitor.read_notifications("mine", ours.port)
            monitor.close()

    in_world(test)


def test_a_program_that_insists_is_told_of_once_and_that_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def test(world: RealWorld) -> None:
        monkeypatch.setattr(keeper, "CALM", 2.0)
        world.execute("A", translate())
        for _ in range(keeper.FIGHT):
            transact(world, new_table(TRANSLATIONS), delete_table(TRANSLATIONS))
            world.until(lambda: TRANSLATIONS in tables(world), seconds=20)
        assert [said.ended for said in world.of("A", KernelContested)] == [False]
        assert TRANSLATIONS in world.of("A", KernelContested)[0].what
        world.until(lambda: [said.ended for said in world.of("A", KernelContested)] == [False, True], seconds=20)
        assert source_of_next(world) == str(nbma("A"))

    in_world(test)


def test_other_tables_of_the_host_are_left_alone() -> None:
    def test(world: RealWorld) -> None:
        transact(world, new_table("somebodys"))
        world.execute("A", translate())
        assert sorted(tables(world)) == [TRANSLATIONS, "somebodys"]
        world.execute("A", SetTranslation())
        assert tables(world) == ["somebodys"]
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            assert cleanup.clean_up(kernel, Records.here()).tables == ()
        assert tables(world) == ["somebodys"]

    in_world(test)


def test_an_orderly_end_leaves_no_table() -> None:
    def test(world: RealWorld) -> None:
        world.execute("A", translate())
        with world.inside("A"):
            world.planes["A"].close()
        assert tables(world) == []

    in_world(test)


def test_flows_live_on_when_a_router_is_started_again() -> None:
    """The port that stands for one of IKE's is drawn: the same one again is the same flow."""

    def test(world: RealWorld) -> None:
        world.execute("A", translate())
        assert source_of_next(world, 500) == str(nbma("A"))
        with world.inside("A"):
            world.planes["A"].close()
        assert tables(world) == []
        world.live_again("A")
        world.execute("A", BY_DEFAULT, translate())
        assert source_of_next(world, 500) == str(nbma("A"))
        before, after = ports_left(world)
        assert before == after

    in_world(test)


def test_what_a_killed_router_left_translates_on_and_its_next_life_takes_it_over() -> None:
    def test(world: RealWorld) -> None:
        world.die_after("A", BY_DEFAULT, translate())
        assert source_of_next(world) == str(nbma("A")), "while it is dead"
        world.live_again("A")
        assert tables(world) == [TRANSLATIONS]
        world.execute("A", BY_DEFAULT, translate())
        assert tables(world) == [TRANSLATIONS]
        assert source_of_next(world) == str(nbma("A"))

    in_world(test)


def test_a_next_life_without_nat_removes_what_the_killed_one_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def test(world: RealWorld) -> None:
        world.die_after("A", translate())
        monkeypatch.setattr(cleanup, "GRACE", 0.3)
        world.live_again("A")
        world.run(0.4)
        world.execute("A", SetRoute(Prefix.parse("0.0.0.0/0"), (NextHop("GigabitEthernet0/1"),)))
        assert tables(world) == []

    in_world(test)


def test_cleanup_removes_the_table_of_a_killed_router_and_not_that_of_a_living_one() -> None:
    def test(world: RealWorld) -> None:
        world.execute("B", translate())
        world.die_after("A", translate())
        with world.inside("B"), netlink.NetlinkSocket() as kernel:
            assert cleanup.clean_up(kernel, Records.here()).tables == ()
        assert tables(world, "B") == [TRANSLATIONS]
        with world.inside("A"), netlink.NetlinkSocket() as kernel:
            assert cleanup.clean_up(kernel, Records.here()).tables == (
                RouterTable(TRANSLATIONS, TablePurpose.TRANSLATION),
            )
        assert tables(world) == []
        world.live_again("A")

    in_world(test)


def test_a_flow_that_began_before_its_list_permitted_it_is_translated_from_then_on() -> None:
    def test(world: RealWorld) -> None:
        nobody = Addresses(nbma("C"), type(nbma("C"))(0))
        world.execute("A", translate(PacketRule(True, nobody, nobody)))
        assert source_of_next(world) == str(host("A"))
        world.execute("A", translate())
        assert source_of_next(world) == str(nbma("A"))

    in_world(test)


def test_a_kernel_that_loses_nf_tables_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stations inside reached nobody outside, and the log said nothing."""

    def refuse(self: object, parts: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    def test(world: RealWorld) -> None:
        world.execute("A", translate())
        transact(world, delete_table(TRANSLATIONS))
        with monkeypatch.context() as patch:
            patch.setattr(NetfilterSocket, "transact", refuse)
            world.run(0.05)
            (failed,) = world.of("A", EffectFailed)
            assert failed.effect == translate()
            assert "cannot translate addresses" in failed.text
            assert source_of_next(world) == str(host("A"))
        world.execute("A", translate())
        assert source_of_next(world) == str(nbma("A"))

    in_world(test)


def test_a_host_that_does_not_tell_its_flows_stops_translating_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: NetfilterSocket) -> list[TrackedFlow]:
        raise OSError(errno.EINVAL, "no nf_conntrack_netlink")

    def test(world: RealWorld) -> None:
        world.execute("A", translate())
        monkeypatch.setattr(netfilter, "flows", refuse)
        world.execute("A", SetTranslation())
        assert tables(world) == []
        assert source_of_next(world) == str(host("A"))

    in_world(test)


def test_a_list_of_a_thousand_entries_is_one_order() -> None:
    def test(world: RealWorld) -> None:
        everybody = Addresses(nbma("C"), type(nbma("C"))("255.255.255.255"))
        rules = [
            PacketRule(False, everybody, everybody, protocol=UDP, destination_ports=(port, port))
            for port in range(10000, 11000)
        ]
        clauses = (Clause(True, ((*rules, PacketRule(True, everybody, everybody)),)),)
        order = translate()
        world.execute("A", SetTranslation(order.inside, (SourceRule(order.rules[0].outside, clauses),)))
        assert source_of_next(world) == str(nbma("A"))
        assert world.planes["A"].differences() == []

    in_world(test)


def test_two_rules_for_one_interface_are_asked_one_after_the_other() -> None:
    def test(world: RealWorld) -> None:
        first, second = (
            Clause(False, ((_about(5000),),)),
            Clause(True, ((_about(5000),),)),
        )
        outside = translate().rules[0].outside
        order = SetTranslation(translate().inside, (SourceRule(outside, (first,)), SourceRule(outside, (second,))))
        world.execute("A", order)
        assert source_of_next(world) == str(nbma("A"))

    in_world(test)


def _about(port: int) -> PacketRule:
    everybody = Addresses(nbma("C"), type(nbma("C"))("255.255.255.255"))
    return PacketRule(True, everybody, everybody, protocol=UDP, destination_ports=(port, port))
