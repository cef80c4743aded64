"""VRF devices that another program deletes: when they are made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import SetVrfs
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered, EffectFailed, Resync, VrfLost
from dmvpn.dataplane.userspace.keeper import CALM
from dmvpn.dataplane.userspace.vrf_devices import VrfLosses
from dmvpn.router.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.events import Event


class Host:
    """A host whose VRF devices can be deleted: its loop, its clock and the orders of the plane."""

    def __init__(self) -> None:
        self.now = 100.0
        self.made = 0
        self.refuses = False
        self.heard: list[Event] = []
        self.waiting: list[tuple[float, Callable[[], None]]] = []
        self.losses = VrfLosses(self, self.heard.append, self.make, lambda: self.now)
        self.losses.ordered(("INTERNET",))

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        """Watch nothing."""

    def remove(self, descriptor: int) -> None:
        """Watch nothing."""

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Keep the call."""
        self.waiting.append((seconds, call))

    def make(self, vrf: str) -> None:
        """Make the VRF, unless the kernel refuses."""
        if self.refuses:
            raise UserError("no")
        self.made += 1

    def lose(self) -> float:
        """The device is deleted; returns seconds until the router repeats its orders."""
        self.losses.lose("INTERNET")
        ((seconds, call),) = self.waiting
        self.waiting.clear()
        self.now += seconds
        call()
        return seconds


def test_a_deleted_vrf_device_is_made_again_at_once_and_all_orders_are_repeated() -> None:
    host = Host()
    assert host.lose() == 0.0
    assert host.made == 1
    assert host.heard == [VrfLost("INTERNET", 0.0), Resync()]


def test_orders_for_a_device_that_a_program_deletes_again_and_again_are_repeated_at_growing_intervals() -> None:
    host = Host()
    assert [host.lose() for _ in range(10)] == [0.0, 0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    host.now += CALM
    assert host.lose() == 0.0


def test_a_lost_vrf_that_is_removed_from_the_configuration_is_not_made_again() -> None:
    host = Host()
    host.refuses = True
    host.losses.lose("INTERNET")
    host.losses.ordered(())
    host.refuses = False
    host.losses.make_up()
    host.waiting[0][1]()
    assert host.made == 0
    assert Resync() not in host.heard


def test_a_device_that_the_kernel_refuses_fails_the_order_about_vrfs_and_is_made_with_the_next_one() -> None:
    host = Host()
    host.refuses = True
    host.lose()
    assert host.heard == [VrfLost("INTERNET", 0.0), EffectFailed(SetVrfs(("INTERNET",)), 0, "no")]
    host.refuses = False
    host.losses.make_up()
    ((_, call),) = host.waiting
    call()
    assert (host.made, host.heard[-1]) == (1, Resync())


def test_the_log_names_the_vrf_whose_device_was_deleted() -> None:
    router = Router(SeededEntropy(1))
    router.handle(ConfigurationEntered("vrf definition INTERNET\n address-family ipv4"), 0.0)
    said: list[str] = []
    router.logged = lambda log: said.append(f"%{log.name}: {log.text}")
    router.handle(VrfLost("INTERNET", 0.4), 1.0)
    assert said == [
        "%VRF-4-DEVICE_LOST: Another program has deleted the device of VRF INTERNET; it is made again, "
        "its routes and tunnels in 0.4 seconds"
    ]
