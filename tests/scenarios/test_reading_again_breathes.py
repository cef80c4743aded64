"""A router reads its file again (SIGHUP): it goes on meanwhile, and lines that somebody types then are named."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING, cast

import pytest

from dmvpn.app.run import Manager, reload, reloads
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, EnteredLine, LinesEntered
from dmvpn.face.filing import written
from dmvpn.features.system import ConfigurationReloaded
from dmvpn.shells.runtime import runtime as module
from dmvpn.shells.runtime.runtime import Runtime
from support.breaths import Breaths
from support.work import longest_step

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.dataplane.userspace.plane import MakeEngine


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
