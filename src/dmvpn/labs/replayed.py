"""Routers of a recording that were replayed, with the sockets of a lab: programs ask them as they ask a lab that runs.

The time is the end of the recording, and does not go on. Nothing changes these routers: commands that would are
refused.

A recording has no wires, so they are inferred from the addresses.
"""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Callable, Mapping
from typing import Final, cast

from dmvpn.base.errors import UserError
from dmvpn.base.events import Event
from dmvpn.base.values import Value
from dmvpn.face.context import FROZEN
from dmvpn.router.facts import RouterFacts, router_facts
from dmvpn.router.router import Router
from dmvpn.shells.facts import lab_facts
from dmvpn.shells.handle import Handle, MakeServer
from dmvpn.shells.inference import infer
from dmvpn.shells.lab import control
from dmvpn.shells.lab.control import Json
from dmvpn.shells.lab.places import LabFolder
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario, described
from dmvpn.tools.replaying import Life

#: A name becomes that of a socket.
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", re.ASCII)


# ------------------------------------------------------------------------------------------------ its network


class RecordedNetwork(Value):
    """The network at the end of a recording. facts: of its routers by name; last: that moment, monotonic seconds."""

    scenario: Scenario
    facts: Mapping[str, RouterFacts | None]
    last: float


def recorded_network(name: str, lives: Mapping[str, Life]) -> RecordedNetwork:
    """Return the network of a recording. name: for the scenario. Raises UserError."""
    facts: dict[str, RouterFacts | None] = {
        router: router_facts(life.router, life.last) for router, life in lives.items() if life.router is not None
    }
    if not facts:
        raise UserError(f"{name}: no events")
    texts = {router: "\n".join(each.configuration) for router, each in facts.items() if each is not None}
    last = max(life.last for life in lives.values())
    try:
        made = infer(texts, strict=True)
    except UserError:  # no network, but routers
        return RecordedNetwork(Scenario(name, Lab(title=name), texts), facts, last)
    scenario = Scenario(name, made.lab.model_copy(update={"title": name}), made.configurations)
    return RecordedNetwork(scenario, {router: facts[key] for router, key in made.named.items()}, last)


# ------------------------------------------------------------------------------------------------ its routers


class ReplayedRouter(Value):
    """A router at the end of its recording. last: when that is, monotonic seconds."""

    router: Router
    last: float

    def now(self) -> float:
        """Return the end of its recording, at any time."""
        return self.last


class ReplayedLab:
    """See the module's docstring."""

    def __init__(
        self,
        routers: Mapping[str, ReplayedRouter],
        network: RecordedNetwork,
        folder: LabFolder,
        make_server: MakeServer,
    ) -> None:
        """Make the folder. Raises UserError."""
        for name in routers:
            if not _NAME.fullmatch(name) or folder.management(name) == folder.control:
                raise UserError(f"{name!r} in the recording is no name of a router")
        folder.make(routers)
        self._routers = dict(routers)
        self._network = network
        self._folder = folder
        self._make_server = make_server
        self._began = time.time()
        self._ended = asyncio.Event()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until a signal or a request ends it. ready: called when all routers answer."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ended.set)
        servers = [
            self._make_server(frozen_handle(one.router, one.now), self._folder.management(name))
            for name, one in self._routers.items()
        ]
        try:
            for server in servers:
                await server.start()
            listener = control.listen(self._folder.control)
            loop.add_reader(listener.fileno(), lambda: control.serve(listener, self._obey, control.deliver))
            ready()
            await self._ended.wait()
        finally:
            for server in servers:
                await server.stop()
            self._folder.remove()

    def _obey(self, request: dict[str, Json]) -> Json:
        match request.get("do"):
            case "status":
                return {
                    "scenario": self._folder.name,
                    "simulated": True,
                    "since": self._began,
                    "engine": "recording",
                    "routers": dict.fromkeys(self._routers, True),
                }
            case "missing":
                return []
            case "scenario":
                return described(self._network.scenario)
            case "facts":
                facts = lab_facts(self._network.scenario, self._network.facts, {}, ())
                return cast("Json", facts.model_dump(mode="json"))
            case "down":
                self._ended.set()
                return None
            case _:
                raise UserError(FROZEN)


def frozen_handle(router: Router, now: Callable[[], float]) -> Handle:
    """Return a handle for a router that is replayed. now: how far it is, monotonic seconds."""

    def post(_: Event) -> None:
        """Ignore it: what a session may do is refused before, and this notes logins and the like."""

    def store(_: str, __: bytes) -> None:
        raise OSError(FROZEN)

    return Handle(lambda: router, now, post, store, is_frozen=True)
