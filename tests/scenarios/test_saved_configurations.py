"""What a router saves is what it starts with again: the same lines, and to every feature the same meaning."""

from __future__ import annotations

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered
from dmvpn.features.system.show import with_version
from dmvpn.router.features import FEATURES
from dmvpn.router.router import Router
from dmvpn.shells.scenario import Scenario, built_in_names
from support.cases import one_in
from support.world import World


def started(text: str) -> Router:
    router = Router(SeededEntropy(0))
    router.handle(ConfigurationEntered(text), 0.0)
    return router


def saved(router: Router) -> str:
    """As `write memory` writes it."""
    return "\n".join([*with_version(router.running.render()), "end"]) + "\n"


def models(router: Router) -> dict[str, object]:
    return {feature.name: feature.model(router.running) for feature in FEATURES if feature.model is not None}


VERSIONS = ("", "version 12.4\n", "version 15.9\n", "version 17.12\n")
CASES = [(name, version) for name in built_in_names() for version in VERSIONS]


@pytest.mark.parametrize("case", one_in(3, CASES), ids=lambda case: "-".join(map(str.strip, case)))
def test_a_router_of_every_scenario_starts_with_what_it_saved_as_the_same(case: tuple[str, str]) -> None:
    name, version = case
    for text in Scenario.load(name).configurations.values():
        router = started(version + text)
        again = started(saved(router))
        assert models(again) == models(router)
        assert saved(again) == saved(router)
        assert saved(again).count("! Written by dmvpn\nversion ") == 1
        if not version:
            assert models(router) == models(started(f"version 15.6\n{text}"))


def newer(router: str, text: str) -> str:
    """The same network as IOS XE 17.9 shows it."""
    unseen = (" ip nhrp map multicast dynamic", " ip nhrp shortcut")
    return "\n".join(["version 17.9", *(line for line in text.splitlines() if line not in unseen)]) + "\n"


def test_a_network_of_a_newer_release_comes_up_and_goes_direct() -> None:
    """Its hub copied no multicasts, so it had no EIGRP neighbors; its spokes never left the hub."""
    world = World("notes-phase3", change=newer).converge()
    world.configure("R31", "ip route 203.0.113.0 255.255.255.0 Null0")
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    world.run_for(5.0)
    assert "10.4.4.0/24" in world.show("R31", "ip nhrp shortcut")
    assert " ip nhrp map multicast dynamic" in world.lines("R11", "running-config")


def test_what_was_taken_away_is_not_put_in_again_when_lines_are_typed_or_the_router_starts_again() -> None:
    world = World("notes-phase3", change=newer).converge()
    world.configure("R31", "interface Tunnel100", "no ip nhrp shortcut")
    world.configure("R31", "interface GigabitEthernet0/2", "delay 200")
    assert " ip nhrp shortcut" not in world.lines("R31", "running-config")
    world.do("R31", "write memory")
    saved = world.show("R31", "startup-config")
    assert "version 17.9" in saved
    again = World("notes-phase3", change=lambda router, text: saved if router == "R31" else newer(router, text))
    again.converge()
    assert " ip nhrp shortcut" not in again.lines("R31", "running-config")
    assert " ip nhrp map multicast dynamic" in again.lines("R31", "running-config")
