"""The labs that can be brought up, and the labs that are up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.labs import orders
from dmvpn.labs.topics import in_order
from dmvpn.shells.exercises import built_in_names, places
from dmvpn.shells.lab.places import LabFolder, running_labs, running_services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    #: Scenarios: name, topic, title, whether it is simulated only, what it lacks; exercises: name and title.
    BuiltIn = tuple[tuple[tuple[str, str, str, bool, tuple[str, ...]], ...], tuple[tuple[str, str], ...]]

#: Seconds for which a lab may be silent: a lab that hangs shall not hold up the list for long.
PATIENCE: Final = 2.0


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
    """The names of what runs besides.

    services: of `dmvpn run`. own: labs from folders of the user. named: of labs with a name of the user's choice, with
    the scenario of each.
    """

    services: tuple[str, ...]
    own: tuple[str, ...]
    named: Mapping[str, str]


def built_in() -> BuiltIn:
    """Return what the files of this release say about its scenarios, by topic, and about its exercises, in order."""
    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.exercises import exercises as all_of_them

    found = []
    for topic, names in in_order(built_in_names()):
        for name in names:
            scenario = Scenario.load(name)
            found.append((name, topic, scenario.lab.title, scenario.simulated_only, tuple(scenario.lacks)))
    return tuple(found), tuple((one.name, one.scenario().lab.title.partition(": ")[2]) for one in all_of_them())


def scenarios(running: Mapping[str, str], known: BuiltIn | None = None) -> Iterator[ScenarioEntry]:
    """Yield the built-in scenarios, by topic.

    running: what `running_scenarios` returned. known: what `built_in` returned; it takes long.
    """
    for name, topic, title, simulated_only, lacks in (known or built_in())[0]:
        yield ScenarioEntry(
            name=name,
            topic=topic,
            title=title,
            is_up=name in running.values(),
            simulated_only=simulated_only,
            lacks=lacks,
        )


def exercises(running: Mapping[str, str], known: BuiltIn | None = None) -> Iterator[ExerciseEntry]:
    """Yield the exercises, in the order in which one learns. running, known: as above."""
    learned = _learned(running)
    for name, title in (known or built_in())[1]:
        yield ExerciseEntry(name, title, name in learned)


def others(running: Mapping[str, str]) -> Others:
    """Return what runs besides scenarios and exercises. running: as above."""
    known = {*built_in_names(), *_learned(running)}
    own = tuple(lab for lab, scenario in running.items() if scenario not in known)
    named = {lab: scenario for lab, scenario in running.items() if scenario in known and scenario != lab}
    return Others(tuple(service.name for service in running_services()), own, named)


def running_scenarios(wanted: Callable[[str], bool] = lambda _: True) -> dict[str, str]:
    """Return the labs that are up, in alphabetical order, with the name of the scenario of each.

    wanted: whether a lab of this name is asked. A lab that does not answer, or has just ended, has its own name.
    """
    folders = sorted((folder for folder in running_labs() if wanted(folder.name)), key=lambda folder: folder.name)
    found = orders.statuses(folders, PATIENCE)
    return {name: found[name].scenario if name in found else name for name in (folder.name for folder in folders)}


def _learned(running: Mapping[str, str]) -> list[str]:
    """Return the exercises that are up; a lab from a folder of the same name is none."""
    known = {place.name for place in places()}
    learned = {
        scenario
        for lab, scenario in running.items()
        if scenario in known and orders.scenario(LabFolder.of(lab)).is_exercise
    }
    return sorted(learned)
