"""The order about VRFs: which exist on the host."""

from __future__ import annotations

from dmvpn.base.effects import InVrf, SetVrfs
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, EffectFailed, EnteredLine, LinesEntered, Resync, Tick
from dmvpn.router.router import Router

TWO = "\n".join(
    [
        "vrf definition WAN",
        " address-family ipv4",
        " exit-address-family",
        "ip vrf LAB",
        "interface GigabitEthernet1",
        " vrf forwarding WAN",
        " ip address 192.0.2.1 255.255.255.0",
    ]
)


def _router(text: str) -> tuple[Router, list[object]]:
    router = Router(SeededEntropy(1))
    return router, list(router.handle(ConfigurationEntered(text), 0.0))


def test_vrfs_are_ordered_before_anything_in_them() -> None:
    _, effects = _router(TWO)

    names = [type(effect).__name__ for effect in effects]
    assert effects[names.index("SetVrfs")] == SetVrfs(("LAB", "WAN"))
    assert all(not isinstance(effect, InVrf) for effect in effects[: names.index("SetVrfs")])
    assert names.index("SetVrfs") < names.index("SetInterface")


def test_a_router_without_vrfs_orders_none() -> None:
    router, effects = _router("interface GigabitEthernet1\n ip address 192.0.2.1 255.255.255.0")

    assert not any(isinstance(effect, SetVrfs) for effect in (*effects, *router.handle(Resync(), 1.0)))


def test_a_host_that_lost_its_vrfs_gets_them_again() -> None:
    router, _ = _router(TWO)

    effects = router.handle(Resync(), 1.0)

    assert SetVrfs(("LAB", "WAN")) in effects


def test_the_last_vrf_that_is_removed_is_removed_on_the_host() -> None:
    router, _ = _router("ip vrf LAB")

    effects = router.handle(LinesEntered((EnteredLine((), "no ip vrf LAB"),)), 1.0)

    assert SetVrfs(()) in effects


def test_refused_vrfs_are_logged_once_and_ordered_again() -> None:
    router, _ = _router(TWO)
    logged: list[str] = []
    router.logged = lambda log: logged.append(str(log.text))
    refused = EffectFailed(SetVrfs(("LAB", "WAN")), 95, "this kernel has no VRF devices")

    router.handle(refused, 1.0)
    again = router.handle(Tick(), 2.5)
    router.handle(refused, 2.5)

    assert logged == ["The host has no VRF LAB, WAN: this kernel has no VRF devices"]
    assert SetVrfs(("LAB", "WAN")) in again
