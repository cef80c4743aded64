"""The first entry of a prefix list that fits is found by the prefix, however long the list is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.prefixlists import PrefixIndex, PrefixRule


@st.composite
def prefixes(draw: st.DrawFn) -> Prefix:
    """A prefix near others: 0.0.0.0/0, or of few addresses."""
    number, length = draw(st.integers(0, 7)) << 29 | draw(st.integers(0, 3)) << 8, draw(st.sampled_from((0, 3, 24, 32)))
    return Prefix.of(Prefix.parse("0.0.0.0/0").address + number, length)


@st.composite
def rules(draw: st.DrawFn) -> PrefixRule:
    prefix = draw(prefixes())
    shortest = draw(st.integers(prefix.length, 32))
    return PrefixRule(draw(st.booleans()), prefix, shortest, draw(st.integers(shortest, 32)))


@given(st.lists(rules(), max_size=12), prefixes())
def test_it_is_the_first_one_that_fits(listed: list[PrefixRule], asked: Prefix) -> None:
    expected = next((rule for rule in listed if rule.fits(asked)), None)
    assert PrefixIndex(listed).first(asked) is expected
