"""`dmvpn lab up` and `dmvpn lab list`: scenarios. They need the whole program, so only they import this."""

from __future__ import annotations

import contextlib
import itertools
import sys
from typing import TYPE_CHECKING

from dmvpn.app.picture import fitting
from dmvpn.app.progress import Progress
from dmvpn.labs import catalog
from dmvpn.labs.addresses import addresses, main_address
from dmvpn.labs.bringing_up import Missing, Up, Wanted, bring_up
from dmvpn.labs.intake import Note
from dmvpn.labs.topics import HINTS
from dmvpn.shells.lab.places import running_labs

if TYPE_CHECKING:
    import argparse

    from dmvpn.app.told import Told
    from dmvpn.shells.scenario import Scenario


def list_labs(_: argparse.Namespace, told: Told) -> int:
    """List scenarios by topic, with a mark at each running one."""
    scenarios = list(catalog.scenarios())
    for topic, entries in itertools.groupby(scenarios, lambda entry: entry.topic):
        told.say(_heading(topic, HINTS.get(topic, "")))
        for entry in entries:
            lacks = f" (not in this release: needs {', '.join(entry.lacks)})" if entry.lacks else ""
            only = " (simulated only)" if entry.simulated_only else ""
            told.say(_row(entry.name, f"{entry.title}{lacks}{only}", is_up=entry.is_up))
    exercises = list(catalog.exercises())
    told.say(_heading("exercises", "in this order; 'dmvpn lab grade' says what is left to do"))
    for exercise in exercises:
        told.say(_row(exercise.name, exercise.title, is_up=exercise.is_up))
    others = catalog.others()
    if others.services or others.own or others.named:
        told.say(_heading("yours"))
    for name in others.services:
        told.say(_row(name, "(a service)", is_up=True))
    for name in others.own:
        told.say(_row(name, "(a folder of yours)", is_up=True))
    for name, scenario in others.named.items():
        told.say(_row(name, f"(a lab of {scenario})", is_up=True))
    told.put(
        scenarios=[
            {
                "name": entry.name,
                "topic": entry.topic,
                "title": entry.title,
                "up": entry.is_up,
                "simulated_only": entry.simulated_only,
                "lacks": list(entry.lacks),
            }
            for entry in scenarios
        ],
        exercises=[{"name": each.name, "title": each.title, "up": each.is_up} for each in exercises],
        services=list(others.services),
        own=list(others.own),
        named=dict(others.named),
    )
    return 0


def _heading(topic: str, hint: str = "") -> str:
    return f"{topic}{f' ({hint})' if hint else ''}:"


def _row(name: str, title: str, *, is_up: bool) -> str:
    return f"  {name:<24} {'up' if is_up else '':<3} {title}"


def up(arguments: argparse.Namespace, told: Told) -> str | None:
    """Bring a scenario up. Returns the lab's name; None if it is not ready in time, and then prints what it lacks."""
    result = _brought_up(arguments)
    scenario, folder = result.scenario, result.folder
    told.put(
        lab=folder.name,
        simulated=result.simulated,
        already=result.already,
        seconds=round(result.seconds, 3),
        missing=list(result.missing),
    )
    if result.already:
        _describe(told, scenario, folder.name, f"up already ('dmvpn lab down {folder.name}' ends it)")
        return folder.name
    if result.missing:
        print(f"lab {folder.name} is up, but:", file=sys.stderr)
        print("\n".join(f"  {text}" for text in result.missing), file=sys.stderr)
        print(f"It stays up for you to look: 'dmvpn doctor' says more; its log is {folder.log}", file=sys.stderr)
        return None
    kind = "simulated" if result.simulated else "real packets"
    _describe(told, scenario, folder.name, f"up and converged in {result.seconds:.1f} s ({kind})")
    return folder.name


def _brought_up(arguments: argparse.Namespace) -> Up:
    """Bring the lab up, and show the notes and the progress."""
    wanted = Wanted(
        scenario=arguments.scenario,
        name=arguments.name,
        simulated=arguments.simulated,
        strict=arguments.strict,
        engine=getattr(arguments, "engine", "auto"),
        record=getattr(arguments, "record", None),
        memory=arguments.memory << 20,
    )
    with contextlib.closing(bring_up(wanted)) as steps, Progress.of(arguments, beats=False) as progress:
        for step in steps:
            match step:
                case Note(text):
                    print(text, file=sys.stderr)
                case Missing(sentences):
                    progress.tell(f"{len(sentences)} missing, such as {sentences[0]}")
                case Up():
                    return step
    raise AssertionError("a lab that neither came up nor failed")


def _describe(told: Told, scenario: Scenario, name: str, how: str) -> None:
    told.say(f"{name}: {scenario.lab.title}")
    told.say()
    told.say("\n".join(fitting(scenario, name)))
    told.say()
    if scenario.is_exercise:
        from dmvpn.app import exercise  # only where one comes up: other labs shall not wait for its import

        told.say("\n".join([*exercise.tasks(scenario.name), ""]))
    told.say(f"{how}. Next:")
    for line in _next_commands(scenario, name, is_alone=len(running_labs()) == 1):
        told.say(f"  {line}")


def _next_commands(scenario: Scenario, name: str, *, is_alone: bool) -> list[str]:
    """Return the first commands for the user of the lab of this name. is_alone: no other lab runs."""
    lab = "" if is_alone else f"{name}/"
    if scenario.is_exercise:
        return ["dmvpn lab grade" + ("" if is_alone else f" {name}")]
    either = scenario.lab.ready.either
    if either:  # the lab is about why only one of them comes up
        asked = [f"dmvpn doctor {lab}{name}" for name in either]
        return [*asked, f"dmvpn -r {lab}{either[0]} show dmvpn detail", f"dmvpn shell {lab}{either[0]}"]
    spokes = [name for name in scenario.configurations if scenario.role(name) == "spoke"]
    if len(spokes) < 2:
        first = next(name for name in scenario.configurations if scenario.role(name) != "provider")
        return [f"dmvpn -r {lab}{first} show ip route", f"dmvpn shell {lab}{first}", f"dmvpn lab down {name}"]
    (here, vrf), (there, _) = (_lan_address(scenario, name) for name in spokes[:2])
    return [
        f"dmvpn -r {lab}{spokes[0]} traceroute {f'vrf {vrf} ' if vrf else ''}{there} source {here}",
        f"dmvpn -r {lab}{spokes[0]} show dmvpn detail",
        f"dmvpn shell {lab}{spokes[0]}",
    ]


def _lan_address(scenario: Scenario, router: str) -> tuple[str, str]:
    """Return the address of a router on its LAN, and the VRF of the LAN."""
    lans = [scenario.end(host.link) for host in scenario.lab.hosts.values()]
    states = addresses(scenario.configurations[router])
    behind = [state for state in states if (router, state.name) in lans] or states[-1:]
    return str(main_address(behind[0])[0]), behind[0].vrf
