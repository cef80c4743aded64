"""The labs that can be brought up, by what they teach, and the labs that are up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dmvpn.base.values import Value
from dmvpn.labs import orders
from dmvpn.shells.exercises import built_in_names, places
from dmvpn.shells.lab.places import LabFolder, running_labs, running_services

#: Scenarios: name, topic, title, what it lacks; exercises: name and title.
BuiltIn = tuple[tuple[tuple[str, str, str, tuple[str, ...]], ...], tuple[tuple[str, str], ...]]

#: Topics in the order in which one meets them, and their scenarios in the order in which one would bring them up.
TOPICS: Final[dict[str, tuple[str, ...]]] = {
    "phases": ("notes-gre", "notes-phase1", "phase2-eigrp", "notes-phase3", "mixed-spokes", "migration"),
    "routing": (
        "phase3-summary",
        "phase3-default",
        "several-lans",
        "two-tunnels",
        "guide-phase2",
        "guide-phase2-broadcast",
        "ospf-phase3",
        "bgp-phase3",
        "bgp-ebgp-phase2",
        "eigrp-to-ospf",
    ),
    "security": ("intro-phase3", "course-lab", "isakmp-phase3", "isakmp-and-ikev2"),
    "redundancy": ("dual-hub", "dual-hub-two-clouds", "ipsec-dual-hub", "bgp-two-hubs", "hierarchical"),
    "NAT": (
        "spoke-behind-nat",
        "ipsec-spoke-behind-nat",
        "ipsec-two-spokes-one-nat",
        "ipsec-both-behind-nat",
        "hub-behind-nat",
        "isakmp-nat",
        "nat-overload",
        "nat-published",
    ),
    "branches": ("branch-vlans",),
    "VRFs": ("front-door", "front-door-breakout", "two-customers", "shared-services"),
    "IPv6": ("dual-stack", "ipv6-phase3", "ipv6-only"),
    "troubleshooting": ("network-ids", "two-spokes-one-nat", "ipsec-symmetric-nat"),
}
#: Behind a topic, what else there is about it.
HINTS: Final = {
    "phases": "'dmvpn lab phase 1|2|3' changes one into another",
    "troubleshooting": "'dmvpn lab break' breaks any of the others for you to find out why",
}
#: Of what came since.
OTHER: Final = "other"

#: Seconds for which a lab may be silent: a lab that hangs shall not hold up the list for long.
PATIENCE: Final = 2.0


# ------------------------------------------------------------------------------------------------ what scenarios teach


def in_order(names: list[str]) -> list[tuple[str, list[str]]]:
    """Return these scenarios by topic."""
    found = [(topic, [name for name in known if name in names]) for topic, known in TOPICS.items()]
    others = [name for name in names if not any(name in known for known in TOPICS.values())]
    return [(topic, some) for topic, some in [*found, (OTHER, others)] if some]


# ------------------------------------------------------------------------------------------------ scenarios and labs


class ScenarioEntry(Value, kw_only=True):
    """A built-in scenario.

    is_up: a lab of it runs.
    lacks: parts that this release does not have.
    """

    name: str
    topic: str
    title: str
    is_up: bool
    lacks: tuple[str, ...]


class ExerciseEntry(Value):
    """An exercise."""

    name: str
    title: str
    is_up: bool


class Others(Value):
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
            found.append((name, topic, scenario.lab.title, tuple(scenario.lacks)))
    return tuple(found), tuple((one.name, one.scenario().lab.title.partition(": ")[2]) for one in all_of_them())


def scenarios(running: Mapping[str, str], known: BuiltIn | None = None) -> Iterator[ScenarioEntry]:
    """Yield the built-in scenarios, by topic.

    running: what `running_scenarios` returned. known: what `built_in` returned; it takes long.
    """
    for name, topic, title, lacks in (known or built_in())[0]:
        yield ScenarioEntry(
            name=name,
            topic=topic,
            title=title,
            is_up=name in running.values(),
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
