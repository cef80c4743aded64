"""`dmvpn lab up`: it needs the whole program, so only it imports this.

It prints an ASCII picture of the scenario, with the addresses that a user needs.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
from collections.abc import Sequence
from typing import Final

from dmvpn.app.lab_words import Printer
from dmvpn.app.progress import Progress
from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.notices import InterfaceState
from dmvpn.labs.bringing_up import Missing, Up, Wanted, bring_up
from dmvpn.labs.unsupported_lines import Note
from dmvpn.router.router import addresses
from dmvpn.shells.lab.places import running_labs
from dmvpn.shells.lab_model import INSIDE
from dmvpn.shells.scenario import Scenario

_GAP = "   "
#: Columns where no terminal says how many it has.
_WIDEST: Final = 200


# ------------------------------------------------------------------------------------------------ the picture


def fitting(scenario: Scenario, name: str) -> list[str]:
    """Return the picture of a lab of this name, or the command that draws it if it is wider than the terminal."""
    lines = picture(scenario)
    width = max(len(line) for line in lines)
    if width <= shutil.get_terminal_size(fallback=(_WIDEST, 24)).columns:
        return lines
    return [f"(a drawing of {width} columns; as a picture: dmvpn lab picture {name} --output {name}.svg)"]


def picture(scenario: Scenario) -> list[str]:
    """Return the lines: hubs above, the provider between, all other routers below, hosts beside their routers.

    Routers without a link to the provider are above the hubs in front of them.
    """
    providers = [name for name in scenario.configurations if scenario.role(name) == "provider"]
    hubs = [name for name in scenario.configurations if scenario.role(name) == "hub"]
    rest = [name for name in scenario.configurations if name not in (*providers, *hubs)]
    if not hubs and len(rest) > 1:
        hubs, rest = rest[:1], rest[1:]
    inner = [name for name in rest if providers and not _outside(scenario, name)]
    rest = [name for name in rest if name not in inner]
    top, above = _row(scenario, inner, hosts_first=True), _row(scenario, hubs, hosts_first=True)
    below = _row(scenario, rest, hosts_first=False)
    width = max([len(line) for line in (*top, *above, *below)], default=20)
    middle = f"[ {', '.join(providers) or 'underlay'} ]".center(width, "=")
    if above:  # lines of equal length, so that they are centered together
        length = max((len(line) for line in top), default=0)
        top = [line.ljust(length).center(max(len(line) for line in above)).rstrip() for line in top]
    return [*top, *above, middle, *below]


def _outside(scenario: Scenario, name: str) -> list[str]:
    """Return the interfaces of a router that lead toward the provider: to any node that is no router with an
    overlay.
    """
    found = []
    for ends, _ in scenario.segments():
        beyond = [node for node, _ in ends if node != name and node not in scenario.lab.hosts]
        if any(scenario.role(node) == "provider" or node not in scenario.configurations for node in beyond):
            found += [interface for node, interface in ends if node == name]
    return found


def _row(scenario: Scenario, names: list[str], *, hosts_first: bool) -> list[str]:
    blocks = [_block(scenario, name, hosts_first=hosts_first) for name in names]
    height = max((len(block) for block in blocks), default=0)
    columns = []
    for block in blocks:
        width = max(len(line) for line in block)
        padding = [""] * (height - len(block))
        lines = [*padding, *block] if hosts_first else [*block, *padding]
        columns.append([line.center(width) for line in lines])
    return [_GAP.join(cells).rstrip() for cells in zip(*columns, strict=True)]


def _block(scenario: Scenario, name: str, *, hosts_first: bool) -> list[str]:
    """Return one router with its tunnel and underlay addresses, and the hosts of its LANs."""
    role = scenario.role(name)
    interfaces = addresses(scenario.configurations[name])
    tunnels = [state for state in interfaces if state.name.startswith("Tunnel")]
    hosts = [(host, spec) for host, spec in scenario.lab.hosts.items() if spec.link.partition(":")[0] == name]
    lans = {scenario.end(spec.link)[1] for _, spec in hosts}
    outside = _outside(scenario, name)
    others = [state for state in interfaces if state not in tunnels and state.name not in lans]
    inside = [state for state in others if outside and state.name.startswith("Gi") and state.name not in outside]
    underlay = [state for state in others if state not in inside]
    box = [f"{name} ({role})" if role != "router" else name, *(line for state in tunnels for line in _lines(state))]
    width = max(len(line) for line in box) + 2
    drawn = ["+" + "-" * width + "+", *(f"|{line.center(width)}|" for line in box), "+" + "-" * width + "+"]
    near_host = [[f"{host} {spec.address}", *filter(None, [spec.address6])] for host, spec in hosts]
    wire = ["|", *(line for state in underlay for line in _lines(state)), "|"]
    box = _translator(scenario, name, [state.address for state in underlay])
    if not box and scenario.lab.gateways and not hosts_first:
        box = ["|", "|"]  # as many lines as others have
    behind = [*map(_lines, inside), *near_host]
    if hosts_first:
        return [*(line for each in behind for line in (*each, "|")), *drawn, *wire, *reversed(box)]
    return [*box, *wire, *drawn, *(line for each in reversed(behind) for line in ("|", *each))]


def _translator(scenario: Scenario, name: str, stations: Sequence[object]) -> list[str]:
    """Return the NAT box before a router, with the address that it gives it. stations: the addresses of the router."""
    for ends, _ in scenario.segments():
        if any(node == name for node, _ in ends):
            for gateway, spec in scenario.lab.gateways.items():
                if (gateway, INSIDE) in ends:
                    own = (public for public, station in spec.inward.items() if station in stations)
                    return ["|", f"[ {gateway} {next(own, spec.public.ip)} ]"]
    return []


def _lines(state: InterfaceState) -> list[str]:
    """Return an interface and its addresses, IPv6's below IPv4's: so a drawing of both is not wider."""
    first, *more = (f"{spelled(address)}/{length}" for address, length in _addresses(state))
    return [f"{state.name.replace('GigabitEthernet', 'Gi')} {first}", *more]


def _addresses(state: InterfaceState) -> list[tuple[IPAddress, int]]:
    """Return the address that people would name of each version of IP, with its prefix length."""
    return [known[0] for known in map(state.routed, (4, 6)) if known]


# ------------------------------------------------------------------------------------------------ the verb


def up(arguments: argparse.Namespace, printer: Printer) -> str | None:
    """Bring a scenario up. Returns the lab's name; None if it is not ready in time, and then prints what it lacks."""
    result = _brought_up(arguments)
    scenario, folder = result.scenario, result.folder
    printer.put(
        lab=folder.name,
        simulated=result.simulated,
        already=result.already,
        seconds=round(result.seconds, 3),
        missing=list(result.missing),
    )
    if result.already:
        _describe(printer, scenario, folder.name, f"up already ('dmvpn lab down {folder.name}' ends it)")
        return folder.name
    if result.missing:
        print(f"lab {folder.name} is up, but:", file=sys.stderr)
        print("\n".join(f"  {text}" for text in result.missing), file=sys.stderr)
        print(f"It stays up for you to look: 'dmvpn doctor' says more; its log is {folder.log}", file=sys.stderr)
        return None
    kind = "simulated" if result.simulated else "real packets"
    _describe(printer, scenario, folder.name, f"up and converged in {result.seconds:.1f} s ({kind})")
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


def _describe(printer: Printer, scenario: Scenario, name: str, how: str) -> None:
    printer.say(f"{name}: {scenario.lab.title}")
    printer.say()
    printer.say("\n".join(fitting(scenario, name)))
    printer.say()
    if scenario.is_exercise:
        from dmvpn.app import teach  # only where one comes up: other labs shall not wait for its import

        printer.say("\n".join([*teach.tasks(scenario.name), ""]))
    printer.say(f"{how}. Next:")
    for line in next_commands(scenario, name, is_alone=len(running_labs()) == 1):
        printer.say(f"  {line}")


def next_commands(scenario: Scenario, name: str, *, is_alone: bool) -> list[str]:
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
    here, there = (_lan(scenario, name) for name in spokes[:2])
    ends = [(near, far) for near, _ in _addresses(here) for far, _ in _addresses(there) if near.version == far.version]
    vrf = f"vrf {here.vrf} " if here.vrf else ""
    return [
        *(f"dmvpn -r {lab}{spokes[0]} traceroute {vrf}{far} source {near}" for near, far in ends),
        f"dmvpn -r {lab}{spokes[0]} show dmvpn detail",
        f"dmvpn shell {lab}{spokes[0]}",
    ]


def _lan(scenario: Scenario, router: str) -> InterfaceState:
    """Return the interface of a router to its LAN."""
    lans = [scenario.end(host.link) for host in scenario.lab.hosts.values()]
    states = addresses(scenario.configurations[router])
    return next((state for state in states if (router, state.name) in lans), states[-1])
