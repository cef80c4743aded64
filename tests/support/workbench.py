"""A router of a few features, for tests that need several machines together but not all of them.

It hands events and notices about as `dmvpn.router` does, keeps logs and notices for the test to look at, and answers
show commands. What no feature here answers is answered by the fakes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar, cast

from dmvpn.base.effects import Effect
from dmvpn.base.events import IpReceived, Packets, Tick
from dmvpn.base.notices import Configured, DebugOutput, Log, Notice
from dmvpn.base.shell import NO_PLANE, NoPlane
from dmvpn.ios import CliError, ConfigTree, Configurator, ExecParser, Feature, known_commands
from support.fakes import FakeDebugging, fake_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dmvpn.base.context import Machine
    from dmvpn.base.events import Event
    from dmvpn.base.ports import Interfaces, Policies, Ports, Rib, Tunnels

M = TypeVar("M")
E = TypeVar("E", bound=Effect)


class Workbench:
    """A small router. now: seconds, moved by `advance`."""

    def __init__(self, *features: Feature, seed: int = 1) -> None:
        self.features = self.awake = features
        self.ports = fake_ports(seed=seed)
        self.debugging = cast("FakeDebugging", self.ports.debugging)
        self.running = ConfigTree()
        self.hostname = "R1"
        self.session = 0
        self.counting: NoPlane = NO_PLANE
        self.now = 0.0
        self.logs: list[str] = []
        self.debug_lines: list[str] = []
        self.notices: list[Notice] = []
        self.machines = {
            feature.name: cast("Callable[[Ports], Machine]", feature.machine)(self.ports) for feature in features
        }
        if "interface" in self.machines:
            self.ports.interfaces = cast("Interfaces", self.machines["interface"])
        if "tunnel" in self.machines:
            self.ports.tunnels = cast("Tunnels", self.machines["tunnel"])
        if "rib" in self.machines:
            self.ports.rib = cast("Rib", self.machines["rib"])
        if "policy" in self.machines:
            self.ports.policies = cast("Policies", self.machines["policy"])
        self._configurator = Configurator(
            [line for feature in features for line in feature.config],
            [mode for feature in features for mode in feature.modes],
            known_commands(),
        )
        self._exec = ExecParser([command for feature in features for command in feature.commands])
        self._models: dict[str, object] = {}

    def configure(self, text: str) -> list[Effect]:
        """Add these lines to the running configuration; a line that is refused fails the test."""
        result = self._configurator.parse_text(text, self.running)
        assert all(problem.is_warning for problem in result.problems), result.problems
        self.running = result.tree
        notices: list[Notice] = []
        for feature in self.features:
            model = feature.model(self.running) if feature.model else None
            if model is not None and self._models.get(feature.name) != model:
                self._models[feature.name] = model
                notices.append(Configured(feature.name, model))
        return self._settle(notices)

    def problems(self, text: str) -> list[str]:
        """Return what the language says against these lines."""
        result = self._configurator.parse_text(text, self.running)
        return [line for problem in result.problems for line in problem.message_lines]

    def handle(self, *events: Event | Notice) -> list[Effect]:
        """Hand events to the subscribers, and return what the shell should do."""
        return self._settle(list(events))

    def advance(self, seconds: float) -> list[Effect]:
        """Let time pass, with every deadline on the way."""
        end = self.now + seconds
        effects: list[Effect] = []
        while (due := self.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            effects += self._settle([Tick()])
        self.now = end
        return effects

    def next_deadline(self) -> float | None:
        """Return the earliest deadline of all machines."""
        times = [when for machine in self.machines.values() if (when := machine.next_deadline()) is not None]
        return min(times, default=None)

    def machine(self, kind: type[M]) -> M:
        """Return the machine of this class."""
        return next(machine for machine in self.machines.values() if isinstance(machine, kind))

    def show(self, line: str) -> list[str]:
        """Return the lines of a show command."""
        match = self._exec.match(line)
        assert not isinstance(match, CliError), match
        return list(match.lines(self))

    def do(self, line: str) -> list[Effect]:
        """Carry out a command that acts."""
        match = self._exec.match(line)
        assert not isinstance(match, CliError), match
        assert match.command.action is not None
        return self.handle(cast("Event", match.command.action(self, match.args)))

    def running_lines(self) -> list[str]:
        """Return the running configuration."""
        return self.running.render()

    def _settle(self, items: Sequence[Event | Notice]) -> list[Effect]:
        queue: deque[Event | Notice] = deque(items)
        effects: list[Effect] = []
        while queue:
            item = queue.popleft()
            if isinstance(item, Notice):
                self.notices.append(item)
            if isinstance(item, Log):
                self.logs.append(f"%{item.kind.name}: {item.text}")
            if isinstance(item, DebugOutput):
                self.debug_lines += item.lines
            for name, machine in self.machines.items():
                if self._wants(name, machine, item):
                    for result in machine.handle(item, self.now):
                        if isinstance(result, Notice):
                            queue.append(result)
                        else:
                            effects.append(result)
        return effects

    def _wants(self, name: str, machine: Machine, item: Event | Notice) -> bool:
        if isinstance(item, Configured):
            return item.feature == name
        if isinstance(item, Tick):
            deadline = machine.next_deadline()
            return deadline is not None and deadline <= self.now
        kind = Packets(item.protocol) if isinstance(item, IpReceived) else type(item)
        return kind in machine.subscriptions


def of_type(effects: list[Effect], kind: type[E]) -> list[E]:
    """Return the effects of one type."""
    return [effect for effect in effects if isinstance(effect, kind)]
