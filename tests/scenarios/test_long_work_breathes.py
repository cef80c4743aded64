"""What takes a user long lets the router go on: between two breaths there is as much work in a long table as in a
short one, and what others do meanwhile is neither lost nor in the way.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from bench.hub import make_hub, registration
from dmvpn.base import breath
from dmvpn.base.breath import BrokenOff
from dmvpn.base.events import ConfigurationEntered, EnteredLine, LinesEntered
from dmvpn.face.context import TerminalLine, new_session
from dmvpn.face.interpreter import OneShot
from dmvpn.face.messages import Configure
from dmvpn.face.transaction import Result, Transaction
from dmvpn.shells.handle import Handle
from support.breaths import Breaths
from support.cases import one_in
from support.flash import MemoryFlash
from support.work import longest_step
from support.world import World

if TYPE_CHECKING:
    from dmvpn.base.events import Event
    from dmvpn.router.router import Router


class Hub:
    """A hub with clients and lines of its configuration, and somebody who types there."""

    def __init__(self, clients: int, lines: int) -> None:
        self.router: Router = make_hub()
        self.posted: list[Event] = []
        self.is_deaf = False
        self.flash = MemoryFlash()
        for number in range(1, clients + 1):
            self.router.handle(registration(number), 1.0)
        self.post(ConfigurationEntered("\n".join([*self.router.running.render(), *_lines(lines)]) + "\n"))
        self.handle = Handle(lambda: self.router, lambda: 30.0, self.post, lambda _name, _octets: None, self.flash)

    def post(self, event: Event) -> None:
        self.posted.append(event)
        if not (self.is_deaf and isinstance(event, ConfigurationEntered)):
            self.router.handle(event, 30.0)

    def say(self, *lines: str) -> str:
        run, said = OneShot(self.handle, new_session(), lines), ""
        while not run.done:
            said += run.step()
        return said


def _lines(count: int) -> list[str]:
    routes = [f"ip route 10.{200 + n // 250}.{n % 250}.0 255.255.255.0 Null0" for n in range(count)]
    loopbacks = [
        f"interface Loopback{n}\n ip address 10.{100 + n // 250}.{n % 250}.1 255.255.255.255" for n in range(count)
    ]
    lists = [f"access-list 100 permit ip host 10.1.{n // 250}.{n % 250} any" for n in range(count)]
    prefixes = [f"ip prefix-list P seq {5 * n + 5} permit 10.{n // 250}.{n % 250}.0/24" for n in range(count)]
    return [*routes, *loopbacks, *lists, *prefixes]


SMALL, LARGE = 20, 400
SHOWS = (
    "show ip nhrp",
    "show ip nhrp detail",
    "show ip nhrp brief",
    "show ip nhrp summary",
    "show ip nhrp | json",
    "show ip nhrp | include nobody",
    "show ip nhrp | count nobody",
    "show dmvpn",
    "show dmvpn detail",
    "show ip route",
    "show ip route | json",
    "show ip cef",
    "show interfaces",
    "show ip interface brief",
    "show ip access-lists",
    "show running-config",
    "show running-config | section nobody",
    "show dmvpn events",
    "show tech-support",
    "write memory",
    "copy running-config flash:b",
)


@pytest.fixture(autouse=True)
def _short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the small table be sorted in several runs, too."""
    monkeypatch.setattr(breath, "RUN", 10)


@pytest.fixture(scope="module")
def hubs() -> tuple[Hub, Hub]:
    found = Hub(SMALL, SMALL), Hub(LARGE, LARGE)
    for hub in found:
        for command in SHOWS:
            hub.say(command)  # what is imported or remembered at the first time
    return found


@pytest.mark.parametrize("command", one_in(3, SHOWS))
def test_a_long_show_does_no_more_between_two_breaths_than_a_short_one(hubs: tuple[Hub, Hub], command: str) -> None:
    small, large = (longest_step(partial(hub.say, command)) for hub in hubs)
    assert large < 2 * small + 8 * LARGE, (small, large)


@pytest.mark.parametrize("command", ["configure replace flash:a force", "copy flash:a running-config"])
def test_a_long_file_is_read_and_prepared_with_breaths_in_between(command: str) -> None:
    steps = []
    for size in (SMALL, LARGE):
        hub = Hub(SMALL, SMALL)
        hub.flash.kept["a"] = ("\n".join([*hub.router.running.render(), *_lines(size)]) + "\nend\n").encode()
        hub.say("show archive config differences flash:a")
        hub.is_deaf = True  # what the router does with the event is not sliced
        steps.append(longest_step(partial(hub.say, "configure terminal", "file prompt quiet", "end", command)))
        assert any(isinstance(event, ConfigurationEntered) for event in hub.posted[1:])
    small, large = steps
    assert large < 2 * small + 30 * LARGE, steps  # a list may be looked through for an index: some calls an entry


def test_a_file_that_was_prepared_has_the_same_effects_as_one_that_was_not() -> None:
    text = "\n".join(["hostname NEW", *_lines(30)]) + "\n"
    effects = []
    for is_prepared in (True, False):
        hub = Hub(5, 10)
        if is_prepared:
            hub.router.prepare(text)
        effects.append(hub.router.handle(ConfigurationEntered(text), 31.0))
        effects[-1] += hub.router.handle(LinesEntered((EnteredLine((), "hostname NEWER"),)), 32.0)
        assert hub.router.hostname == "NEWER"
    assert repr(effects[0]) == repr(effects[1])


def test_what_was_prepared_is_of_no_use_for_another_text() -> None:
    hub = Hub(1, 1)
    hub.router.prepare("hostname A\n")
    hub.post(ConfigurationEntered("hostname B\n"))
    assert hub.router.hostname == "B"
    hub.post(ConfigurationEntered("hostname A\n"))
    assert hub.router.hostname == "A"


def test_another_user_may_enter_a_file_while_one_is_prepared() -> None:
    """The one who came later saw an internal fault."""
    hub = Hub(1, 1)
    text = "\n".join([*hub.router.running.render(), "router rip", " network 10.0.0.0"]) + "\n"
    breaths = Breaths(lambda: hub.post(ConfigurationEntered("hostname B\n")))
    breaths.pause = lambda: None  # type: ignore[method-assign]
    with breaths:
        hub.router.prepare(text)
    assert breaths.asides
    hub.post(ConfigurationEntered(text))
    assert "router rip" in hub.router.running.render()


def test_a_line_that_somebody_else_enters_during_a_transaction_is_kept() -> None:
    hub = Hub(1, 20)
    typed: list[str] = []

    def meanwhile() -> None:
        if len(typed) < 2:
            typed.append(f"ip route 10.78.{len(typed)}.0 255.255.255.0 Null0")
            hub.post(LinesEntered((EnteredLine((), typed[-1]),)))

    order = Configure(("interface Loopback1000", " ip address 10.77.0.1 255.255.255.255"))
    with Breaths(meanwhile):
        made = Transaction(hub.handle, new_session(), order, TerminalLine()).carry_out()
    assert made.result is Result.APPLIED
    assert {"interface Loopback1000", *typed} <= set(hub.router.running.render())
    with pytest.raises(BrokenOff), Breaths(last=50):
        Transaction(hub.handle, new_session(), Configure(("hostname GONE",)), TerminalLine()).carry_out()
    assert hub.router.hostname != "GONE"


def test_a_transaction_that_begins_again_leaves_one_copy_for_the_way_back() -> None:
    """Each try left a copy behind, and `show archive` had configurations that nothing came from."""
    hub = Hub(1, 1)
    hub.say("configure terminal", "archive", "path flash:bak", "end")
    typed: list[str] = []
    write = hub.flash.write

    def meanwhile(name: str, octets: bytes) -> None:
        write(name, octets)
        if len(typed) < 2:
            typed.append(f"ip route 10.78.{len(typed)}.0 255.255.255.0 Null0")
            hub.post(LinesEntered((EnteredLine((), typed[-1]),)))

    hub.flash.write = meanwhile  # type: ignore[method-assign]
    order = Configure(("interface Loopback1000",), minutes=5)
    made = Transaction(hub.handle, new_session(), order, TerminalLine()).carry_out()
    assert made.rollback is not None
    assert len(typed) == 2
    (name,) = [name for name in hub.flash.kept if name.startswith("bak")]
    assert made.rollback.where == f"flash:{name}"
    assert all(line in hub.flash.kept[name].decode() for line in typed)


def test_a_line_that_somebody_else_enters_while_a_file_is_merged_is_kept() -> None:
    hub = Hub(1, 20)
    hub.flash.kept["a"] = b"interface Loopback1000\n ip address 10.77.0.1 255.255.255.255\nend\n"
    typed: list[str] = []

    def meanwhile() -> None:
        if len(typed) < 2:
            typed.append(f"ip route 10.78.{len(typed)}.0 255.255.255.0 Null0")
            hub.post(LinesEntered((EnteredLine((), typed[-1]),)))

    hub.say("configure terminal", "file prompt quiet", "end")
    with Breaths(meanwhile):
        hub.say("copy flash:a running-config")
    runs = hub.router.running.render()
    assert {"interface Loopback1000", *typed} <= set(runs)


def test_a_file_is_merged_though_somebody_else_never_stops_configuring() -> None:
    hub = Hub(1, 1)
    hub.flash.kept["a"] = b"interface Loopback1000\n ip address 10.77.0.1 255.255.255.255\nend\n"
    entered = 0

    def meanwhile() -> None:
        nonlocal entered
        entered += 1
        hub.post(LinesEntered((EnteredLine((), f"hostname H{entered}"),)))

    hub.say("configure terminal", "file prompt quiet", "end")
    with Breaths(meanwhile):
        hub.say("copy flash:a running-config")
    assert "interface Loopback1000" in hub.router.running.render()


def test_a_configuration_that_changes_while_it_is_saved_is_saved_as_it_is_at_one_moment() -> None:
    hub = Hub(1, 20)
    changes = 0

    def meanwhile() -> None:
        nonlocal changes
        changes += 1
        if changes % 7 == 0 and changes < 1000:
            hub.post(
                LinesEntered(
                    (EnteredLine((), f"hostname H{changes}"), EnteredLine((), f"ip domain name d{changes}.example"))
                )
            )

    with Breaths(meanwhile):
        saved = hub.router.running.render()
    name = next(line.split("H")[1] for line in saved if line.startswith("hostname H"))
    assert f"ip domain name d{name}.example" in saved


@pytest.mark.parametrize(
    ("scenario", "router", "command"),
    [
        ("notes-phase3", "R31", "show ip eigrp topology"),
        ("ospf-phase3", "SPOKE1", "show ip ospf database"),
        ("bgp-phase3", "SPOKE1", "show ip bgp"),
        ("notes-gre", "R11", "show ip route"),
    ],
)
def test_a_show_goes_on_though_everything_is_taken_away_in_the_middle_of_it(
    scenario: str, router: str, command: str
) -> None:
    """`show ip eigrp topology` ended with an internal fault if its process ended meanwhile."""
    world = World(scenario).converge()
    before = world.do(router, command)

    def wipe() -> None:
        world.sim.post(router, ConfigurationEntered("hostname GONE\n"))

    with Breaths(wipe):
        assert world.do(router, command).splitlines()[:2] == before.splitlines()[:2]
