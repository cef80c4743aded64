"""`dmvpn lab up`: it needs the whole program, so only it imports this."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from dmvpn.app.picture import fitting
from dmvpn.app.progress import Progress
from dmvpn.labs.addresses import addresses, main_address
from dmvpn.labs.bringing_up import Missing, Up, Wanted, bring_up
from dmvpn.labs.intake import Note
from dmvpn.shells.lab.places import running_labs

if TYPE_CHECKING:
    import argparse

    from dmvpn.app.told import Told
    from dmvpn.shells.scenario import Scenario


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
