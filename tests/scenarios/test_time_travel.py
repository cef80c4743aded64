"""`show ... at TIME`: what a show says of an earlier moment is what it said at that moment."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.nhrp.machine import NhrpMachine
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = (
    "show ip nhrp",
    "show ip nhrp brief",
    "show ip route",
    "show ip route next-hop-override",
    "show ip route 10.4.4.1",
    "show ip route 10.0.0.0",
    "show ip route 10.4.4.0 255.255.255.0",
)
COMMANDS6 = ("show ipv6 nhrp", "show ipv6 route", "show ipv6 route 2001:db8:4::1", "show ipv6 route 2001:db8:4::/48")
ROUTERS = ("R11", "R31", "R41")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a router showed, and the time that `show clock` had."""

    router: str
    command: str
    time: str
    shown: str


class Diary:
    """A world whose shows are written down while it lives."""

    def __init__(self, name: str, seed: int, routers: tuple[str, ...], commands: tuple[str, ...] = COMMANDS) -> None:
        self.world = World(name, seed=seed)
        self.seen: list[Seen] = []
        self._commands = commands
        self._routers = routers
        self._random = random.Random(seed)

    def live(self, seconds: float, looks: int) -> None:
        """Let time pass, and look now and then: at whole milliseconds, since people cannot name others."""
        begin = int(self.world.now * 1000) + 1
        for moment in sorted(self._random.randint(begin, begin + int(seconds * 1000)) for _ in range(looks)):
            self.world.run_for(moment / 1000 - self.world.now)
            for router in self._routers:
                for command in self._commands:
                    self.seen.append(Seen(router, command, self.clock(router), self.world.do(router, command)))
        self.world.run_for(0.002)  # what happens at the very moment of a look would belong to it

    def clock(self, router: str) -> str:
        """The time of day."""
        found = re.search(r"\d\d:\d\d:\d\d\.\d{3}", self.world.do(router, "show clock"))
        assert found
        return found[0]

    def asked_again(self, seen: Seen) -> str:
        """What the router says of that moment now."""
        return self.world.do(seen.router, f"{seen.command} at {seen.time}")


def _shortcut(world: World) -> None:
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")


def _hub_dies(world: World) -> None:
    world.sim.kill("R11")


def _hub_returns(world: World) -> None:
    world.sim.boot("R11", world.scenario.configurations["R11"])


def _cleared(world: World) -> None:
    world.do("R31", "clear ip nhrp")
    world.do("R31", "clear ip route *")


def _reconfigured(world: World) -> None:
    world.do("R41", "configure terminal", "interface Tunnel100", "no ip nhrp shortcut", "ip nhrp holdtime 60", "end")
    world.do("R31", "configure terminal", "ip route 10.77.0.0 255.255.0.0 172.16.31.2", "end")


def _line_cut(world: World) -> None:
    world.do("R31", "configure terminal", "interface Tunnel100", "shutdown", "end")


def _line_back(world: World) -> None:
    world.do("R31", "configure terminal", "interface Tunnel100", "no shutdown", "end")


def _shortcut6(world: World) -> None:
    world.do("R31", "ping 2001:db8:4::1 source 2001:db8:3::1")


def _no_ipv6(world: World) -> None:
    tunnel = ("interface Tunnel100", "shutdown")
    lan = ("interface GigabitEthernet0/2", "shutdown")
    wan = ("interface GigabitEthernet0/1", "shutdown")
    world.do("R41", "configure terminal", *tunnel, *lan, *wan, "end")


def _no_tunnel(world: World) -> None:
    world.do("R41", "configure terminal", "no interface Tunnel100", "end")


def _tunnel_again(world: World) -> None:
    text = world.scenario.configurations["R41"]
    tunnel = text[text.index("interface Tunnel100") :].partition("!")[0]
    world.do("R41", "configure terminal", *tunnel.splitlines(), "end")


STORY: tuple[tuple[Callable[[World], None], float], ...] = (
    (_shortcut, 20),
    (_cleared, 20),
    (_shortcut, 100),
    (_reconfigured, 20),
    (_shortcut, 70),
    (_line_cut, 10),
    (_line_back, 40),
    (_no_tunnel, 30),
    (_tunnel_again, 20),
)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_past_is_shown_as_it_was_seen(seed: int) -> None:
    diary = Diary("notes-phase3", seed, ROUTERS)
    diary.live(1, 10)
    diary.world.converge()
    for happens, seconds in STORY:
        happens(diary.world)
        diary.live(seconds, 8)
    _compare(diary)


def test_the_past_outlives_a_hub_that_was_dead() -> None:
    diary = Diary("notes-phase3", 4, ("R31", "R41"))
    diary.world.converge()
    for happens, seconds in ((_shortcut, 10), (_hub_dies, 40), (_hub_returns, 40)):
        happens(diary.world)
        diary.live(seconds, 10)
    _compare(diary)


def test_the_past_of_protected_tunnels_is_shown_as_it_was_seen() -> None:
    diary = Diary("course-lab", 5, ("HUB", "SPOKE1"))
    diary.world.converge()
    diary.live(80, 12)
    _compare(diary)


def test_the_past_of_ipv6_is_shown_as_it_was_seen() -> None:
    diary = Diary("dual-stack", 7, ("R31", "R41"), COMMANDS6)
    diary.live(1, 8)
    diary.world.converge()
    for happens, seconds in ((_shortcut6, 10), (_line_cut, 5), (_line_back, 20), (_no_ipv6, 5)):
        happens(diary.world)
        diary.live(seconds, 5)
    shown = {seen.shown for seen in diary.seen}
    assert {"FF00::/8" in text for text in shown if text.startswith("IPv6 Routing Table")} == {False, True}
    assert any(text.startswith("Routing entry for 2001:DB8:4::/") for text in shown)
    _compare(diary)


def test_the_oldest_moment_that_is_named_can_be_asked_for() -> None:
    world = World("notes-phase3", seed=8)
    world.run_for(5.0007)
    assert "10.1.1.0" in world.do("R11", "show ip route at 0s")
    assert not world.do("R11", "show ip route at 06:00:00").startswith("% nothing")
    world.sim.kill("R31")
    world.sim.boot("R31", world.scenario.configurations["R31"])
    world.run_for(2)
    for command in ("show ip route", "show ip nhrp", "show ip route 10.3.3.1"):
        refused = world.do("R31", f"{command} at 06:00:00")
        oldest = re.search(r"the oldest moment is Nov 20 (06:00:05\.\d{3})", refused)
        assert oldest, refused
        assert not world.do("R31", f"{command} at {oldest[1]}").startswith("% nothing is remembered")
        assert "172.16.11.1" in world.do("R31", f"show ip nhrp at {oldest[1]}")


def _compare(diary: Diary) -> None:
    """One and the same text, whatever has happened since."""
    assert len({seen.shown for seen in diary.seen}) > len(diary.seen) / 8, "nothing happened that could be told apart"
    wrong = [seen for seen in diary.seen if diary.asked_again(seen) != seen.shown]
    assert not wrong, (len(wrong), wrong[0], diary.asked_again(wrong[0]))


def test_the_past_has_the_same_json() -> None:
    world = World("notes-phase3", seed=6).converge()
    _shortcut(world)
    world.run_for(0.25)
    time = re.search(r"\d\d:\d\d:\d\d\.\d{3}", world.do("R31", "show clock"))
    assert time
    live = {command: json.loads(world.do("R31", f"{command} | json")) for command in ("show ip nhrp", "show ip route")}
    for entry in live["show ip nhrp"]["entries"]:
        entry["requesters"] = None  # of the past nobody knows who asked
    world.run_for(0.01)
    world.do("R31", "clear ip nhrp")
    world.run_for(10)
    for command, shown in live.items():
        assert _rounded(json.loads(world.do("R31", f"{command} at {time[0]} | json"))) == _rounded(shown)


def _rounded(value: object) -> object:
    """Times to the millisecond, which is how exactly people can name one."""
    match value:
        case dict():
            return {key: _rounded(item) for key, item in value.items()}
        case list():
            return [_rounded(item) for item in value]
        case float():
            return round(value, 2)
        case _:
            return value


def test_accounts_that_were_closed_are_in_memory_no_more() -> None:
    world = World("intro-phase3", seed=9).converge()
    machine = world.sim.routers["SPOKE10"].router.machine(NhrpMachine)
    world.do("SPOKE10", "ping 192.168.20.1 source 192.168.10.1 repeat 50")
    world.run_for(3)
    assert machine.history is not None
    before = machine.history.accounts()
    world.do("SPOKE20", "configure terminal", "interface Tunnel0", "shutdown", "end")
    world.run_for(10)
    accounts = machine.history.accounts()
    assert accounts
    assert set(accounts) < set(before)
    assert set(accounts) <= {(tunnel.name, account) for tunnel in machine.tunnels for account in tunnel.usage}
    world.do("SPOKE10", "configure terminal", "no interface Tunnel0", "end")
    assert machine.history.accounts() == []
