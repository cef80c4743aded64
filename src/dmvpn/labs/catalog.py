"""The labs that can be brought up, and the labs that are up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.labs import orders
from dmvpn.labs.topics import in_order
from dmvpn.shells.exercises import places
from dmvpn.shells.lab.places import LabFolder, running_labs, running_services
from dmvpn.shells.scenario import Scenario, built_in_names

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioEntry:
    """A built-in scenario.

    is_up: a lab of it runs.
    simulated_only: it does not come up with real packets.
    lacks: parts that this release does not have.
    """

    name: str
    topic: str
    title: str
    is_up: bool
    simulated_only: bool
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExerciseEntry:
    """An exercise."""

    name: str
    title: str
    is_up: bool


@dataclass(frozen=True, slots=True)
class Others:
    """The names of what runs besides. services: of `dmvpn run`. own: labs from folders of the user."""

    services: tuple[str, ...]
    own: tuple[str, ...]


def scenarios() -> Iterator[ScenarioEntry]:
    """Yield the built-in scenarios, by topic."""
    running = _running()
    for topic, names in in_order(built_in_names()):
        for name in names:
            scenario = Scenario.load(name)
            yield ScenarioEntry(
                name=name,
                topic=topic,
                title=scenario.lab.title,
                is_up=name in running,
                simulated_only=scenario.simulated_only,
                lacks=tuple(scenario.lacks),
            )


def exercises() -> Iterator[ExerciseEntry]:
    """Yield the exercises, in the order in which one learns."""
    from dmvpn.tools.exercises import exercises as all_of_them  # a lab shall not wait for its import

    learned = _learned(_running())
    for one in all_of_them():
        yield ExerciseEntry(one.name, one.scenario().lab.title.partition(": ")[2], one.name in learned)


def others() -> Others:
    """Return what runs besides scenarios and exercises."""
    running = _running()
    known = {*built_in_names(), *_learned(running)}
    own = tuple(name for name in running if name not in known)
    return Others(tuple(service.name for service in running_services()), own)


def _running() -> list[str]:
    """Return the names of the labs that are up, in alphabetical order."""
    return sorted(folder.name for folder in running_labs())


def _learned(running: list[str]) -> list[str]:
    """Return the exercises that are up; a lab from a folder of the same name is none."""
    names = [place.name for place in places() if place.name in running]
    return [name for name in names if orders.scenario(LabFolder.of(name)).is_exercise]
