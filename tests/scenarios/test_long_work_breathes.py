"""What takes a user long lets the router go on: between two breaths there is as much work in a long table as in a
short one, and what others do meanwhile is neither lost nor in the way.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, cast

import pytest

from bench.hub import make_hub, registration
from dmvpn.app.run import Manager, reload, reloads
from dmvpn.base import breath
from dmvpn.base.breath import BrokenOff
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, EnteredLine, LinesEntered
from dmvpn.face.context import TerminalLine, new_session
from dmvpn.face.filing import written
from dmvpn.face.interpreter import OneShot
from dmvpn.face.messages import Configure
from dmvpn.face.transaction import Result, Transaction
from dmvpn.features.system import ConfigurationReloaded
from dmvpn.shells.handle import Handle
from dmvpn.shells.runtime import runtime as module
from dmvpn.shells.runtime.runtime import Runtime
from support.cases import one_in
from support.fakes import MemoryFlash
from support.work import Breaths, longest_step
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.dataplane.userspace.plane import MakeEngine
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


# A router reads its file again (SIGHUP): it goes on meanwhile, and lines that somebody types then are named.


class NoPlane:
    """A plane that does nothing."""

    def __init__(self, *arguments: object, **settings: object) -> None:
        pass

    def execute(self, effect: Effect) -> None:
        pass

    def together(self) -> nullcontext[None]:
        return nullcontext()

    def execute_routes(self, orders: list[Effect]) -> tuple[()]:
        return ()

    def close(self) -> None:
        pass


def lines(count: int) -> str:
    routes = [f"ip route 10.{200 + n // 250}.{n % 250}.0 255.255.255.0 Null0" for n in range(count)]
    prefixes = [f"ip prefix-list P seq {5 * n + 5} permit 10.{n // 250}.{n % 250}.0/24" for n in range(count)]
    return "\n".join(["hostname R1", *routes, *prefixes, "end", ""])


@pytest.fixture(autouse=True)
def _no_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UserspacePlane", NoPlane)


async def comes_to_be(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30.0):
        while not condition():  # noqa: ASYNC110 - the router tells nobody
            await asyncio.sleep(0.001)


def router(folder: Path) -> Runtime:
    return Runtime(
        "R1", SeededEntropy(1), cast("MakeEngine", None), interfaces={}, manage=True, storage=folder / "kept"
    )


def test_a_long_file_is_read_again_with_breaths_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(size: int) -> int:
        runtime = router(tmp_path)
        path = tmp_path / "R1.cfg"
        runtime.post(ConfigurationEntered(lines(size), saved=True))
        path.write_text(lines(size) + "ip route 10.1.0.0 255.255.0.0 Null0\n")
        reload(path, runtime)  # what is imported or remembered at the first time
        heard: list[Event] = []
        monkeypatch.setattr(runtime.handle, "post", heard.append)  # what the router does with the event is not sliced
        found = longest_step(lambda: reload(path, runtime))
        assert [type(event) for event in heard] == [ConfigurationEntered, ConfigurationReloaded]
        runtime.close()
        return found

    small, large = (asyncio.run(steps(size)) for size in (20, 400))
    assert large < 2 * small + 30 * 400, (small, large)


def test_a_line_that_somebody_types_meanwhile_is_named_as_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        runtime = router(tmp_path)
        path = tmp_path / "R1.cfg"
        path.write_text(lines(5))
        runtime.post(ConfigurationEntered(path.read_text(), saved=True))
        told: list[Event] = []
        typed = 0

        def meanwhile() -> None:
            nonlocal typed
            typed += 1
            runtime.post(LinesEntered((EnteredLine((), f"ip route 10.78.{typed % 200}.0 255.255.255.0 Null0"),)))

        post = runtime.post

        def listen(event: Event) -> None:
            told.append(event)
            post(event)

        monkeypatch.setattr(runtime.handle, "post", listen)
        with Breaths(meanwhile):
            reload(path, runtime)
        (answer,) = (event for event in told if isinstance(event, ConfigurationReloaded))
        assert len(answer.lost) == min(typed, 51)
        assert not any("10.78." in line for line in runtime.router.running.render())
        runtime.close()

    asyncio.run(main())


def test_who_asks_twice_while_the_file_is_read_has_it_read_once_more(tmp_path: Path) -> None:
    async def main() -> None:
        runtime = router(tmp_path)
        path = tmp_path / "R1.cfg"
        path.write_text("hostname FIRST\nend\n")
        asked = asyncio.Event()
        task = asyncio.create_task(reloads(asked, path, runtime, Manager.of()))
        asked.set()
        await comes_to_be(lambda: runtime.router.hostname == "FIRST")
        path.write_text("hostname SECOND\nend\n")
        asked.set()
        await comes_to_be(lambda: runtime.router.hostname == "SECOND")
        task.cancel()
        runtime.close()

    asyncio.run(main())


@pytest.mark.parametrize("version", ["", "version 15.9\n"])
def test_after_write_memory_reading_again_loses_nothing(
    tmp_path: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload after `write memory` named the head of the file, and `version`, as lines that were lost."""

    async def main() -> None:
        runtime = router(tmp_path)
        path = tmp_path / "R1.cfg"
        runtime.post(ConfigurationEntered(version + lines(3), saved=True))
        path.write_text(written(runtime.router.running))
        (tmp_path / "kept").mkdir()
        runtime.handle.save(path.read_text())
        told: list[Event] = []
        post = runtime.post

        def listen(event: Event) -> None:
            told.append(event)
            post(event)

        monkeypatch.setattr(runtime.handle, "post", listen)
        reload(path, runtime)
        runtime.post(LinesEntered((EnteredLine((), "ip route 10.78.0.0 255.255.0.0 Null0"),)))
        reload(path, runtime)
        answers = [event.lost for event in told if isinstance(event, ConfigurationReloaded)]
        assert answers == [(), ("ip route 10.78.0.0 255.255.0.0 Null0",)]
        runtime.close()

    asyncio.run(main())
