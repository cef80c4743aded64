"""A copy of a network in virtual time, with prompts: for the doctor to look at, and to try remedies in.

Its wires, routers and translators are broken and restored as a lab does it. The doctor's remedies are tried in it, and
written down as a change: `dmvpn doctor`, `--fix DIR`.

has_sense -> tried -> Tried: the diagnosis with the results, and a note for the user -> write -> a note
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Final, cast, get_args

from dmvpn.base.barriers import Barrier, Gap
from dmvpn.base.effects import Effect
from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered
from dmvpn.base.values import Value
from dmvpn.dataplane.translator import NatKind
from dmvpn.face.context import new_session
from dmvpn.face.interpreter import OneShot
from dmvpn.router.passing import barrier
from dmvpn.shells.facts import LabFacts, LinkFacts
from dmvpn.shells.handle import Handle
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.network import Impairment
from dmvpn.tools.diff.measuring import Subject
from dmvpn.tools.doctor.verdicts import Diagnosis, View
from dmvpn.tools.remedies.trial import settle

#: Virtual seconds that a command may take, and between two looks whether it is done.
_PATIENCE, _STEP = 600.0, 0.01

_NO_KEYS: Final = "nothing was tried: the keys of certificates are not at hand"
#: Seconds of the processor that a search by trial may take, and where there are few routers.
LONGEST, FEW_LONGEST = 90.0, 10.0


# --------------------------------------------------------------------------------------- wires, routers and translators


class Breakable(ABC):
    """A part of a `Bench` (tools/troubles): a class with a simulator inherits the changes to it from here."""

    @property
    @abstractmethod
    def simulator(self) -> Simulator:
        """The network."""

    def impair(self, link: str, badness: Badness) -> None:
        """Make a wire this bad."""
        self.simulator.segment_of(*Scenario.end(link)).impairment = Impairment.of(badness)

    def badness(self, link: str) -> Badness:
        """Return how bad a wire is now."""
        return Badness.read(self.simulator.segment_of(*Scenario.end(link)).impairment.filters.described())

    def restore(self, link: str, badness: Badness) -> None:
        """Make a wire what it was."""
        self.impair(link, badness)

    def kill(self, router: str) -> None:
        """End a router."""
        self.simulator.kill(router)

    def set_nat(self, gateway: str, kind: str) -> None:
        """Change the kind of a translator. Raises UserError for an unknown kind."""
        if kind not in get_args(NatKind):
            raise UserError(f"{kind}: no kind of NAT")
        self.simulator.gateways[gateway].change_kind(cast("NatKind", kind))


# ------------------------------------------------------------------------------------------------ the copy


def brought_up(scenario: Scenario) -> CopiedLab:
    """Return a network that runs and whose LANs have talked."""
    copy = CopiedLab(scenario)
    settle(copy)
    return copy


class CopiedLab(Breakable):
    """A `Copy` of a scenario (tools/remedies), and a `Bench` (tools/troubles), just built."""

    def __init__(
        self, scenario: Scenario, seed: int = 1, links: Iterable[LinkFacts] = (), *, subject: Subject | None = None
    ) -> None:
        """links: their bad wires are bad in the copy, too. subject: one of the scenario that is already built."""
        self._scenario = scenario
        self.subject = Subject.of(scenario, seed) if subject is None else subject
        self._world = self.subject.world
        # Let wires drop the packets that they are known to drop in the lab: else lines are tried on better wires.
        # Random loss is left out: it would prove nothing about the lines
        for link in links:
            badness = replace(Badness.named(link.bad), loss=0.0)
            for end in link.ends[:1] if not badness.harmless else ():
                with suppress(KeyError):  # a large network has not all of its wires in the copy
                    self._world.segment_of(*end).impairment = Impairment.of(badness)
        self._handles = {name: self._handle(name) for name in self._world.routers}

    def _handle(self, name: str) -> Handle:
        world = self._world

        def store(_key: str, _octets: bytes) -> None:
            """Do nothing: a copy keeps no files."""

        handle = Handle(lambda: world.routers[name].router, lambda: world.now, lambda e: world.post(name, e), store)

        def outside(effect: Effect) -> None:
            handle.tell(effect)

        world.routers[name].outside = outside
        return handle

    @property
    def simulator(self) -> Simulator:
        """The network."""
        return self._world

    def facts(self) -> LabFacts:
        """Return the facts of the lab as of now."""
        return self._world.facts(self._scenario)

    def scenario(self) -> Scenario:
        """Return the scenario that the lab was made of."""
        return self._scenario

    def earlier(self) -> Iterable[dict[str, str]]:
        """Return no earlier configurations: a folder has none."""
        return ()

    def only_router(self) -> str | None:
        """Return the one router of a network of one."""
        names = list(self._world.routers)
        return names[0] if len(names) == 1 else None

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """Return the output of commands that are typed at the same time; "" for a dead router."""
        nodes = self._world.routers
        asked = [number for number, (router, _) in enumerate(questions) if nodes[router].alive]
        said = self._typed([(questions[number][0], questions[number][1:]) for number in asked])
        answers = {number: text for number, (text, _) in zip(asked, said, strict=True)}
        return [answers.get(number, "") for number in range(len(questions))]

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._world.run_for(seconds)

    def why(self, gap: Gap) -> Barrier | None:
        """Return why a route does not pass from a router to its neighbor; None: it does, or it is not known."""
        sender, receiver = (self._world.routers[end.router] for end in (gap.sender, gap.receiver))
        return barrier(sender.router, receiver.router, gap) if sender.alive and receiver.alive else None

    def configure(self, router: str, lines: Sequence[str]) -> None:
        """Enter lines. Raises UserError if the router refuses a line."""
        ((said, status),) = self._typed([(router, ("configure terminal", *lines, "end"))])
        if status:
            raise UserError(f"{router} refuses: {said.strip()}")

    def running(self, router: str) -> str:
        """Return the running configuration of a router."""
        return "\n".join([*self._world.routers[router].router.running.render(), "end"]) + "\n"

    def replace(self, router: str, text: str) -> None:
        """Replace the running configuration by this one."""
        certificates = self._world.certificates.get(router)
        head = certificates.head if certificates is not None else ""
        self._world.post(router, ConfigurationEntered(head + text, saved=True))

    def _typed(self, typed: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[str, int]]:
        """Return what each of several prompts prints, and the status of its last refusal."""
        sessions = [OneShot(self._handles[router], new_session(), lines) for router, lines in typed]
        stops = [self._handles[router].subscribe(one.effect) for (router, _), one in zip(typed, sessions, strict=True)]
        texts, end = ["" for _ in typed], self._world.now + _PATIENCE
        while not all(one.done for one in sessions) and self._world.now < end:
            pieces = [one.step() for one in sessions]
            texts = [text + piece for text, piece in zip(texts, pieces, strict=True)]
            if not any(pieces) and not all(one.done for one in sessions):
                self._world.run_for(_STEP)
        for stop in stops:
            stop()
        return [(text, one.status) for text, one in zip(texts, sessions, strict=True)]


# ------------------------------------------------------------------------------------ the doctor's remedies tried in it


class Tried(Value):
    """A diagnosis after the trial. note: why there was none, or that the search found nothing; "" for neither."""

    diagnosis: Diagnosis
    note: str = ""


def has_sense(diagnosis: Diagnosis) -> bool:
    """Return whether the configurations of all routers are at hand."""
    return diagnosis.view is View.WHOLE


def tried(
    diagnosis: Diagnosis,
    network: Scenario,
    facts: LabFacts,
    tell: Callable[[str], None],
    earlier: Iterable[Mapping[str, str]] = (),
) -> Tried:
    """Return the diagnosis with the results of its lines in a copy, and findings by trial for what no rule explains.

    network: with the running configurations. The fourth argument is called with the progress. earlier: configurations
    by router that were good, the newest first: a copy shows which part of the difference is the fault.
    """

    from dmvpn.network.device import Device
    from dmvpn.tools.enrollment import signing_trustpoints
    from dmvpn.tools.remedies.affected_pairs import asked, reduced
    from dmvpn.tools.remedies.search import FEW, Search
    from dmvpn.tools.remedies.trial import attempt, settle
    from dmvpn.tools.remedies.unforeseen import is_unexplained, searched

    devices = [Device.read(*one, leaves_out=True) for one in network.configurations.items()]
    if any(one.name not in network.certificates and signing_trustpoints(one) for one in devices):  # a lab exports none
        return Tried(diagnosis, "" if diagnosis.healthy else _NO_KEYS)
    small = reduced(network, facts, diagnosis.concerned)
    copied = partial(CopiedLab, links=facts.links)
    if any(not one.advice for one in diagnosis.findings):
        tell("trying the lines in a copy of the network")
        diagnosis = attempt(diagnosis, copied(small))
    if diagnosis.address and is_unexplained(diagnosis):
        copy = copied(small)
        settle(copy, diagnosis)
        diagnosis = asked(diagnosis, copy.facts())
    donors = (one for one in earlier if one)
    newest = list(islice(donors, 1))  # older ones are asked for where it shows nothing
    if (not is_unexplained(diagnosis) and not newest) or (diagnosis.healthy and small is not network):
        return Tried(diagnosis)
    longest = FEW_LONGEST if sum(network.role(name) != "provider" for name in small.configurations) <= FEW else LONGEST
    end = time.process_time() + longest
    search = Search(small, copied, earlier=chain(newest, donors), is_over=lambda: time.process_time() > end, tell=tell)
    found = searched(diagnosis, search)
    return Tried(found, search.vain if search.tried and is_unexplained(found) else "")


def write(diagnosis: Diagnosis, network: Scenario | None, folder: Path, *, force: bool) -> str:
    """Write changed configurations and a diff for a review; returns a note about the files.

    Raises UserError for files that are there, without `force`.
    """
    from dmvpn.tools.remedies.trial import PATCH, changed, patch
    from dmvpn.tools.render.writing import changes, write

    now = changed(diagnosis, network.configurations) if network is not None else {}
    if network is None or not now:
        return "no lines were tried that work, so nothing was written"
    files = {f"{name}.cfg": text for name, text in now.items()}
    files[PATCH] = "\n".join([*patch(network.configurations, now), ""])
    found = changes(folder, files, [])
    there = [name for name, (old, _) in found.items() if old is not None]
    if there and not force:
        raise UserError(f"{folder / there[0]} is there already: name another folder, or add --force")
    write(folder, found)
    return f"{folder / PATCH} and {', '.join(sorted(now))}: for a review; nothing was typed"
