"""Address families of BGP (RFC 4760): a family is a value, and whatever the parts of BGP do, they do it for each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.notices import Configured
from dmvpn.features.bgp.attributes import Attributes, Segment, SegmentKind, write
from dmvpn.features.bgp.families import FAMILIES, Family, parts
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.bgp.packet import (
    Attribute,
    CapabilityValue,
    Cease,
    MessageError,
    Notification,
    NumberedPrefix,
    Update,
)
from support.routing import Caller, a, hub, p

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bgp.packet import Nlri
    from support.workbench import Workbench


# ------------------------------------------------------------------------------------------------ a third family


class Opaque(Prefix):
    """A route that is some octets, of which nobody here knows the meaning."""

    __slots__ = ()

    @property
    def covered(self) -> bytes:
        return self.number.to_bytes(self.length, "big")

    def __str__(self) -> str:
        return f"[{self.covered.hex()}]"


def opaque(octets: bytes) -> Opaque:
    return tuple.__new__(Opaque, (0, int.from_bytes(octets, "big"), len(octets)))


def read_opaque(data: bytes, at: int, end: int, numbered: bool) -> Iterator[Nlri]:
    while at < end:
        number, at = (int.from_bytes(data[at : at + 4], "big"), at + 4) if numbered else (None, at)
        route = opaque(data[at + 1 : at + 1 + data[at]])
        yield route if number is None else NumberedPrefix(route, number)
        at += 1 + data[at]


OPAQUE = Family(
    key=b"\x40\x04\x47",
    title="Opaque",
    words="opaque",
    number=9,
    version=4,
    largest=60,
    in_table=False,
    decode=read_opaque,
)


def reach(family: Family, hop: bytes, routes: bytes) -> Attribute:
    return Attribute(0x80, 14, family.key + bytes((len(hop),)) + hop + b"\0" + routes)


PATH = (Segment(SegmentKind.SEQUENCE, (65001,)),)
SOME = tuple(one for one in write(Attributes(path=PATH, next_hop=a("172.16.31.2")), wide=True) if one.code != 3)
FIRST, SECOND = b"\x03abc", b"\x05defgh"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Workbench:
    monkeypatch.setitem(FAMILIES, OPAQUE.key, OPAQUE)
    bench = hub()
    config = bench.machines["bgp"].config  # type: ignore[attr-defined]
    assert isinstance(bench.machines["bgp"], BgpMachine)
    bench.handle(Configured("bgp", replace(config, others=(replace(config, family=OPAQUE.key),))))
    return bench


def caller(bench: Workbench, number: int, *more: CapabilityValue) -> Caller:
    return Caller(bench, number, more=(OPAQUE.capability, *more)).is_up()


def told(one: Caller) -> list[tuple[int, bytes]]:
    """The attributes that have routes of a family, of the UPDATEs that a neighbor was sent."""
    one.waits(1)
    return [(each.code, each.value) for update in one.updates for each in update.attributes if each.code in (14, 15)]


def test_routes_of_which_nothing_is_known_are_passed_on_as_they_came_and_repeated_and_withdrawn(
    bench: Workbench,
) -> None:
    """A family that this file adds: prefixes beside it are not touched, and a neighbor without it hears nothing."""
    first, second, plain = caller(bench, 2), caller(bench, 3, CapabilityValue(2)), Caller(bench, 4).is_up()
    first.announces("10.9.0.0/16")
    first.says(Update(attributes=(reach(OPAQUE, first.address.packed, FIRST + SECOND), *SOME)))
    sent = OPAQUE.key + b"\x04" + first.address.packed + b"\0" + FIRST + SECOND
    effects = bench.advance(1)
    for one in (second, plain):
        one.hears(effects)
        assert [update.announced for update in one.updates if update.announced] == [(p("10.9.0.0/16"),)]
    assert (told(second), told(plain)) == ([(14, sent)], [])
    second.says(OPAQUE.refresh())
    second.waits(10)
    assert told(second) == [(14, sent)] * 2
    first.says(Update(attributes=(Attribute(0x80, 15, OPAQUE.key + FIRST),)))
    assert told(second)[2:] == [(15, OPAQUE.key + FIRST)]
    assert not any(isinstance(one, Notification) for one in (*first.heard, *second.heard))


def test_a_neighbor_that_loses_a_family_begins_again_and_its_routes_go(bench: Workbench) -> None:
    first, second = caller(bench, 2), caller(bench, 3)
    first.says(Update(attributes=(reach(OPAQUE, first.address.packed, FIRST), *SOME)))
    assert len(told(second)) == 1
    machine = bench.machines["bgp"]
    assert isinstance(machine, BgpMachine)
    second.hears(bench.handle(Configured("bgp", replace(machine.config, others=()))))
    second.waits(1)
    assert second.heard[-1] == Notification(6, Cease.CONFIGURATION_CHANGE)
    assert not machine.tables[OPAQUE.key].routes.table.destinations


@pytest.mark.parametrize(
    ("attributes", "subcode"),
    [
        pytest.param((reach(OPAQUE, b"\1\2\3", FIRST),), 9, id="a next hop of three octets"),
        pytest.param((Attribute(0x80, 14, OPAQUE.key + b"\x20\1"),), 9, id="a next hop that does not fit"),
        pytest.param((Attribute(0x80, 15, b"\0"),), 9, id="no family"),
        pytest.param((reach(OPAQUE, a("10.0.0.1").packed, FIRST),) * 2, 1, id="the attribute twice"),
    ],
)
def test_routes_that_cannot_be_delimited_end_the_session(attributes: tuple[Attribute, ...], subcode: int) -> None:
    """RFC 7606 §3 (g), §5.3: there is no telling which routes would have to be withdrawn."""
    families = {OPAQUE.key: False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, OPAQUE.key, OPAQUE)
        with pytest.raises(MessageError) as error:
            list(parts(Update(attributes=attributes), families))
    assert error.value.subcode == subcode
