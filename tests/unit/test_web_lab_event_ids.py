"""The id of an event of a lab's stream: where the reader is at each router, there and back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.web.bounds import TABLE
from dmvpn.web.framing import MOST_HEADERS
from dmvpn.web.lab_events import id_of, positions_of
from dmvpn.web.problems import Problem

LIFE = "01234567"
numbers = st.integers(0, 10**18 - 1)
lives = st.binary(min_size=4, max_size=4).filter(any).map(bytes.hex)
positions = st.one_of(st.just(""), st.builds("{}.{}.{}".format, lives, numbers, numbers))


@given(st.dictionaries(st.text(min_size=1), positions))
def test_an_id_has_the_position_at_each_router(since: dict[str, str]) -> None:
    assert positions_of(id_of(since), since) == since


@given(st.one_of(st.text(), st.text("AQgw-_"), st.binary().map(lambda octets: octets.hex())))
def test_whatever_a_reader_sends_is_an_id_or_refused(given_id: str) -> None:
    with contextlib.suppress(Problem):
        assert positions_of(given_id, ["R1", "R2"]).keys() == {"R1", "R2"}


def test_an_id_of_other_routers_and_a_cut_one_are_not_believed() -> None:
    number = id_of({"R1": f"{LIFE}.7.300"})
    assert len(number) < 32
    assert positions_of(number, ["R2"]) == {"R2": ""}
    for wrong in (number[:-4], number + "AAAA"):
        with pytest.raises(Problem):
            positions_of(wrong, ["R1"])


def test_the_id_of_the_largest_lab_fits_into_the_headers_of_a_request() -> None:
    """A reader of a lab of 1,000 routers that lost its connection got 431, and never came back."""
    since = {f"SPOKE{number}": f"{LIFE}.2000000.16000" for number in range(TABLE["followed"].share)}
    assert len(id_of(since)) < MOST_HEADERS - 2048
