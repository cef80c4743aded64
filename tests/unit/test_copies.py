"""Quick copies of values: the same as `dataclasses.replace` makes."""

from __future__ import annotations

from dataclasses import replace

from dmvpn.base.addresses import Prefix
from dmvpn.base.copies import copier
from dmvpn.base.effects import NextHop
from dmvpn.base.notices import Route, RouteSource

ROUTE = Route(prefix=Prefix.parse("10.1.0.0/16"), source=RouteSource.BGP, distance=200, process="65000", since=3.0)


def test_a_copy_has_what_is_given_and_the_rest_of_the_original() -> None:
    hops = (NextHop("Tunnel0"),)
    copy = copier(Route, "next_hops", "metric")(ROUTE, hops, 7)
    assert copy == replace(ROUTE, next_hops=hops, metric=7)
    assert copy.since == ROUTE.since  # which does not count when routes are compared
    assert hash(copy) == hash(replace(ROUTE, next_hops=hops, metric=7))
