"""Grounds of VRFs: which callbacks come back, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.dataplane.netlink import LinkSettings
from dmvpn.dataplane.userspace.links import MAIN, Domain
from dmvpn.dataplane.userspace.vrf_devices import GroundedLoop, OneGround, Places

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.dataplane.userspace.vrf_devices import Descriptor, Ground


class Nowhere:
    """A ground that is entered without a namespace."""

    def enter(self) -> None:
        """Do nothing."""

    @property
    def arrival(self) -> LinkSettings:
        """Nothing moves there."""
        return LinkSettings()

    @property
    def domain(self) -> Domain:
        """The main table."""
        return MAIN

    def held_by(self, holder: Descriptor) -> None:
        """Do nothing."""


class Home(OneGround):
    """Grounds with a home."""

    @property
    def home(self) -> Ground:
        """The ground of the global table."""
        return Nowhere()


class Asked:
    """A loop that keeps what it was asked to call."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        """Keep it."""
        self.calls.append(ready)

    def remove(self, descriptor: int) -> None:
        """Do nothing."""

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Keep it."""
        self.calls.append(call)


def asked_in(places: Places, heard: list[str]) -> Callable[[], None]:
    """Return a callback that was asked for in RED."""
    asked = Asked()
    with places.at("RED"):
        GroundedLoop(asked, places).later(1.0, lambda: heard.append(places.here))
    return asked.calls[0]


def test_a_callback_comes_back_to_the_vrf_that_asked_for_it() -> None:
    places, heard = Places(Home()), list[str]()
    places.set("RED", Nowhere())
    asked_in(places, heard)()
    assert (heard, places.here) == (["RED"], "")


def test_a_callback_of_a_removed_vrf_does_not_reach_the_next_one_of_that_name() -> None:
    places, heard = Places(Home()), list[str]()
    places.set("RED", Nowhere())
    called = asked_in(places, heard)
    places.forget("RED")
    called()
    places.set("RED", Nowhere())
    called()
    assert heard == []
