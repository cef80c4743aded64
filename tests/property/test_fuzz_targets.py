"""The targets of `make fuzz`, without atheris: captures, and captures that were changed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from fuzz.kept import kept, told
from fuzz.targets import TARGETS

if TYPE_CHECKING:
    from fuzz.target import Target


@cache
def corpus(target: Target) -> list[bytes]:
    return sorted(set(target.corpus()), key=lambda octets: (len(octets), octets))


@pytest.mark.lengthy
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_others_sent_is_no_finding(target: Target) -> None:
    octets = corpus(target)
    assert octets
    for each in octets[:: max(1, len(octets) // 40)]:
        target.run(each)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_was_a_finding_once_is_none(target: Target) -> None:
    for each in kept(target.name):
        target.run(each)


@pytest.mark.conforms("ike:3.2-lengths")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@given(data=st.data())
def test_changed_octets_are_no_finding(target: Target, data: st.DataObject) -> None:
    octets = bytearray(data.draw(st.sampled_from(corpus(target))))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(octets) - 1))
        match data.draw(st.sampled_from(("set", "cut", "insert", "double"))):
            case "set":
                octets[at] = data.draw(st.integers(0, 255))
            case "cut" if len(octets) > 2:
                del octets[at : at + data.draw(st.integers(1, 16))]
                octets = octets or bytearray(2)
            case "insert":
                octets[at:at] = data.draw(st.binary(max_size=16))
            case "double":
                octets[at:at] = octets[at : at + data.draw(st.integers(1, 64))]
            case _:
                pass
    note(told(target.name, bytes(octets)))
    target.run(bytes(octets))
