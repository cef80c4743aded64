"""A lab in a tab of a browser: a simulated lab and the application of `dmvpn web` in one process with one thread.

The worker of the page (`web/tab/worker.mjs`) runs this in Pyodide. It posts requests of the page, and gets answers:

    tab = Tab(post, mail)                  mail: takes messages while work lasts; False if it cannot
    await tab.boot(json)        {"lab": NAME, "seed": N, "epoch": SECONDS, "files": {PATH: TEXT}}; at least lab
    tab.read_ahead(json)        ["MODULE", ...]: jobs need them
    tab.check(json)             {"files": {PATH: TEXT}}, before a lab is up
    tab.take(json, body)        {"id": N, "method": TEXT, "path": TEXT, "headers": {}}; {"id": N, "abort": true};
                                {"id": N, "credit": OCTETS}

    post(json, octets)          {"boot": {"percent": N, "sentence": TEXT}}, {"id": N, "status": N, "headers": {...}},
                                {"checked": {"code": N, "text": TEXT}},
                                {"id": N} with octets of the answer, {"id": N, "end": true}

Resources are those of the API, its guard included. What a tab cannot do is refused with its reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import json
import os
import re
import shutil
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable, MutableMapping, Sequence
from functools import partial
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from dmvpn.app.progress import HEARD
from dmvpn.base.breath import breathe
from dmvpn.base.errors import UserError, fault_text
from dmvpn.face.calling import INTERRUPTED
from dmvpn.face.language import exec_parser
from dmvpn.face.server import ManagementServer
from dmvpn.ios.filters import Plain
from dmvpn.ios.grammar import leading_keywords
from dmvpn.router.features import FEATURES
from dmvpn.shells.handle import Handle
from dmvpn.shells.lab.memory import Aside, HostedLoop, listen
from dmvpn.shells.lab.places import LabFolder
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.wallclock import SimulatedLab
from dmvpn.shells.slices import AtOnce
from dmvpn.web.bodies import Problem
from dmvpn.web.bounds import Bounds
from dmvpn.web.entrance import Audit, Entrance
from dmvpn.web.fleet import Fleet
from dmvpn.web.guard import Names
from dmvpn.web.jobs import as_json, noted, outcome
from dmvpn.web.permission import Role
from dmvpn.web.resources import application

Post = Callable[[str, bytes], object]

T = TypeVar("T")

#: The name of the server, and the folder of what runs, which no other process sees.
_HOST: Final = "tab"
_RUNTIME: Final = "/run"
#: Seconds of the machine for a job of a deaf tab: meanwhile it answers nothing, and cannot be told to stop.
_LONGEST_DEAF: Final = 60.0
_DEAF: Final = "this browser keeps no service worker for the page, so the tab answers nothing else meanwhile"
#: Seconds between two steps of what is done ahead, and commands that one step learns.
_PAUSE, _GULP = 0.02, 50
#: Seconds for which a page asks nothing when the garbage of jobs is collected.
_QUIET: Final = 0.5
#: Octets of an answer that are on their way to the page.
_ROOM: Final = 1 << 18
#: Seconds of the lab within which it should be ready.
_READY: Final = 60.0
_ONE_LAB: Final = "a tab holds one lab: open another tab for another lab"
#: What a tab has not, by method and path: why.
_ABSENT: Final = (
    ("POST", "/api/v1/labs", _ONE_LAB),
    ("PUT", "/api/v1/labs/[^/]+", _ONE_LAB),
    ("DELETE", "/api/v1/labs/[^/]+", "a tab ends its lab where it is closed"),
    ("DELETE", "/api/v1/session", "a tab has one session, which ends with it"),
    ("GET", ".*/metrics", "a tab has no metrics: no server could reach it"),
    ("GET", ".*/openapi.json", "it is made of the sources, which a tab does not have: 'dmvpn web' gives it"),
    ("POST|GET", ".*/capture", "a tab writes no files of captures"),
)


def _printed(words: Sequence[str]) -> tuple[int, str, str]:
    """Run `dmvpn WORDS` here. Returns its exit code, and what it printed to stdout and to stderr."""
    from dmvpn.app.main import main

    result, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(result), contextlib.redirect_stderr(said):
        try:
            code = main(words)
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
        except Exception as error:
            print(fault_text(error, "a command in a tab"), file=said)
            code = 1
    return code, result.getvalue(), said.getvalue()


def _steps(names: Iterable[str]) -> Generator[None]:
    """Import modules, learn the commands of routers, and yield after each step."""
    for name in names:
        with contextlib.suppress(ImportError):  # it needs what a tab does not have
            import_module(name)
        gc.freeze()  # a collection would search all modules again
        yield
    from dmvpn.app.main import begun_parser

    _, missing = begun_parser()
    while missing:
        missing.popleft()()
        yield
    parser = exec_parser(FEATURES)
    for number, command in enumerate(parser.commands):
        leading_keywords(command.syntax)
        if number % _GULP == 0:
            yield
    parser.match("show clock")


class _Exchange:
    """A request that is being answered: what its application receives, and sends. give: to the page."""

    def __init__(self, give: Callable[[dict[str, object], bytes], None], body: bytes) -> None:
        self.body = body
        self.task: asyncio.Task[None] | None = None
        self._give = give
        self._unread = [{"type": "http.request", "body": body, "more_body": False}]
        self._room = _ROOM
        self._has_left = asyncio.Event()
        self._has_room = asyncio.Event()

    def hear(self, said: dict[str, Any]) -> None:
        """Hear that the page has read so many octets, or has left."""
        self._room += int(said.get("credit", 0))
        self._has_room.set()
        if said.get("abort"):
            self._has_left.set()

    async def receive(self) -> MutableMapping[str, Any]:
        """Give the application the body, and later the end."""
        if self._unread:
            return self._unread.pop()
        await self._has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Give the page a part of the answer; it waits until there is room. A page that has left gets none."""
        while self._room <= 0 and not self._has_left.is_set():
            self._has_room.clear()
            await self._has_room.wait()
        if self._has_left.is_set():
            return
        if message["type"] == "http.response.start":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
            self._give({"status": message["status"], "headers": headers}, b"")
        elif octets := bytes(message.get("body", b"")):
            self._room -= len(octets)
            self._give({}, octets)


class Tab:
    """See the module's docstring."""

    def __init__(self, post: Post, mail: Callable[[], bool] = lambda: False) -> None:
        self._post = post
        #: Of the lab, and of the application, whose time does not jump.
        self._loop, self._outer = HostedLoop(), HostedLoop()
        self._aside = Aside(mail, self._outer, self._loop, self._outer)  # a key, its effect, the answer
        self._loop.between = self._aside.pause
        self._deaf_until = 0.0
        #: When the page asked something last, and what collects garbage next.
        self._heard = 0.0
        self._collecting: asyncio.TimerHandle | None = None
        #: What is done ahead of jobs.
        self._ahead = _steps(())
        entrance = Entrance(Role.CONFIGURE)
        self._token = str(entrance.exchange(entrance.code))
        self._application = application(
            Fleet(),
            entrance,
            Audit(),
            Names(frozenset({_HOST})),
            Bounds(),
            self,
        )
        self._answers: dict[int, _Exchange] = {}

    # ------------------------------------------------------------------------------------------------ the lab

    async def boot(self, wish: str) -> None:
        """Bring the lab up. An error is posted, and is the last message then."""
        try:
            await self._bring_up(json.loads(wish))
        except ModuleNotFoundError as missing:
            needs = str(missing.name).partition(".")[0]
            self._say(boot={"error": f"this lab needs {needs}, which this tab does not have"})
        except Exception as error:
            text = str(error) if isinstance(error, UserError) else fault_text(error, "bringing a lab up")
            self._say(boot={"error": text})

    async def _bring_up(self, wish: dict[str, Any]) -> None:
        name = str(wish["lab"])
        os.environ.setdefault("XDG_RUNTIME_DIR", _RUNTIME)
        self._say(boot={"percent": 80, "sentence": f"reads {name}"})
        await asyncio.sleep(0)  # let the page show it
        scenario = Scenario.load(self._written(name, wish["files"]) if wish.get("files") else name)
        folder = LabFolder.of(name)
        folder.make(scenario.configurations)
        lab = SimulatedLab(scenario, folder, self._make_server, seed=wish.get("seed"), epoch=wish.get("epoch"))
        begun = self._loop.create_task(lab.serve_in_memory())
        self._loop.wait(begun.done)
        begun.result()
        self._say(boot={"percent": 90, "sentence": f"{name}: its tunnels come up"})
        await asyncio.sleep(0)
        for _ in range(int(_READY)):
            if not lab.world.missing(scenario):
                break
            second = self._loop.create_task(asyncio.sleep(1.0))
            self._loop.wait(second.done)
        gc.freeze()  # what is there stays
        life = {"lived": lab.world.now, "digest": lab.world.digest}
        self._say(boot={"percent": 100, "sentence": f"{name} is up", "ready": True, "lab": name, **life})

    def read_ahead(self, names: str) -> None:
        """Do before a job needs it what takes long once, in steps: no key is answered during one of them."""
        self._ahead = _steps(json.loads(names))
        self._outer.create_task(self._read_all())

    async def _read_all(self) -> None:
        with contextlib.suppress(ValueError):  # a job does it already, and a module lets others go on
            for _ in self._ahead:
                await asyncio.sleep(_PAUSE)

    def close(self) -> None:
        """End the lab."""
        for loop in (self._outer, self._loop):
            loop.end_tasks()
        for loop in (self._outer, self._loop):
            loop.close()

    def _make_server(self, handle: Handle, path: Path) -> ManagementServer:
        return ManagementServer(handle, path, listen=listen, slices=AtOnce)

    @staticmethod
    def _written(name: str, files: dict[str, str]) -> str:
        """Write the files of a lab, and return their folder."""
        folder = LabFolder.of(name).path.with_name("given") / name
        shutil.rmtree(folder, ignore_errors=True)  # of a check before
        for path, text in files.items():
            place = folder / path
            if not place.resolve().is_relative_to(folder.resolve()):
                raise UserError(f"{path} is no name of a file of a lab")
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
            except (OSError, UnicodeError) as error:
                raise UserError(f"{path} cannot be a file of a lab") from error
        return str(folder)

    def check(self, wish: str) -> None:
        """Say what `dmvpn import` says of files, before anything of them runs."""
        try:
            folder = self._written("checked", json.loads(wish)["files"])
            read = [folder]
            with contextlib.suppress(UserError):  # what keeps it from a start, `import` says better
                read = sorted({str(path) for path in Scenario.load(folder).files.values()}) or read
            code, *texts = _printed(["import", *read])
        except UserError as error:
            code, texts = 1, [str(error)]
        self._say(checked={"code": code, "text": "".join(texts)})

    def begin(self, work: Callable[[], T], is_unwanted: Callable[[], bool] | None = None) -> Awaitable[T]:
        """Do work beside the loops. is_unwanted: whether a job is to be broken off."""
        if is_unwanted is None:
            return self._aside.begin(work)
        return self._aside.begin(work, lambda: is_unwanted() or self._is_over)

    @property
    def _is_over(self) -> bool:
        """Whether a job has kept a deaf tab for too long."""
        return self._aside.is_deaf and time.monotonic() >= self._deaf_until

    def run(self, words: Sequence[str], notes: deque[str], _: object) -> tuple[int, Plain]:
        """Carry a job out, as `web.jobs.run` does in another process."""
        self._deaf_until = time.monotonic() + _LONGEST_DEAF
        for _ in self._ahead:
            breathe()
        token = HEARD.set(notes.append)
        try:
            code, result, said = _printed(as_json(words))
        finally:
            HEARD.reset(token)
            if self._collecting is None:
                self._collecting = self._outer.call_later(_QUIET, self._collect)
        notes.extend(map(noted, said.splitlines()))
        if code == INTERRUPTED and self._is_over:
            notes.append(f"broken off after {_LONGEST_DEAF:.0f} seconds: {_DEAF}")
        return outcome(code, result, notes)

    def _collect(self) -> None:
        """Collect garbage while the user types nothing: a key would wait. Objects that stay are not searched again, so
        garbage that was frozen would stay, too.
        """
        if self._aside.is_busy or time.monotonic() < self._heard + _QUIET:
            self._collecting = self._outer.call_later(_QUIET, self._collect)
        else:
            self._collecting = None
            gc.collect()
            gc.freeze()

    # ------------------------------------------------------------------------------------------------ requests

    def take(self, message: str, body: bytes | memoryview = b"") -> None:
        """Take a message of the page."""
        asked = json.loads(message)
        number = int(asked["id"])
        if (exchange := self._answers.get(number)) is not None:
            exchange.hear(asked)
        elif "method" in asked:
            self._heard = time.monotonic()
            exchange = self._answers[number] = _Exchange(partial(self._give, number), bytes(body))
            exchange.task = self._outer.create_task(self._answer(number, asked, exchange))

    async def _answer(self, number: int, asked: dict[str, Any], exchange: _Exchange) -> None:
        """Answer a request."""
        try:
            scope = self._scope(asked, exchange.body)
            why = next((why for method, path, why in _ABSENT if _fits(scope, method, path)), "")
            answer = Problem(HTTPStatus.NOT_IMPLEMENTED, why).response() if why else self._application
            await answer(scope, exchange.receive, exchange.send)
            self._say(id=number, end=True)
        except Exception as error:
            self._say(id=number, error=f"{type(error).__name__}: {error}")
        finally:
            self._answers.pop(number, None)

    def _scope(self, asked: dict[str, Any], body: bytes) -> dict[str, Any]:
        path, _, query = str(asked["path"]).partition("?")
        headers = {**asked.get("headers", {}), "host": _HOST, "authorization": f"Bearer {self._token}"}
        if body:
            headers["content-length"] = str(len(body))
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": str(asked["method"]).upper(),
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [(name.lower().encode(), str(value).encode("latin-1")) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": (_HOST, 80),
            "root_path": "",
            "state": {},
        }

    def _give(self, number: int, message: dict[str, object], octets: bytes) -> None:
        self._post(json.dumps({"id": number, **message}), octets)

    def _say(self, **message: object) -> None:
        self._post(json.dumps(message), b"")


def _fits(scope: dict[str, Any], method: str, path: str) -> bool:
    return bool(re.fullmatch(method, scope["method"]) and re.fullmatch(path, scope["path"]))
