"""`dmvpn lab ...`: orders to the lab that runs are quick, because they import little; `bring_up` does the rest."""

from __future__ import annotations

import gc
import json
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.shells.lab import control, namespaces
from dmvpn.shells.lab.places import find_lab

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def list_labs(arguments: argparse.Namespace) -> int:
    """Scenarios, with a mark at those that run."""
    from dmvpn.app import bring_up

    return bring_up.list_labs(arguments)


def check(arguments: argparse.Namespace) -> int:
    """Print what a lab needs and whether it is there; 1 if something is missing."""
    from dmvpn.shells.lab.check import check as check_machine

    findings = check_machine()
    for finding in findings:
        print(f"{'ok  ' if finding.ok else 'NO  '}{finding.what}: {finding.evidence}")
        if finding.fix:
            print(f"    run: {finding.fix}")
    if all(finding.ok for finding in findings):
        return 0
    print("Labs still work with --simulated: the same prompts, no privileges.")
    return 1


def up(arguments: argparse.Namespace) -> int:
    """Bring a scenario up; returns when it is ready, or 1 after 20 seconds with what is missing."""
    gc.disable()  # an eighth of the time that this takes: nothing of it becomes garbage
    from dmvpn.app import bring_up

    gc.enable()
    return bring_up.up(arguments)


def down(arguments: argparse.Namespace) -> int:
    """End a lab, or all if none is named and only one runs."""
    folder = find_lab(arguments.lab)
    control.order(folder.control, do="down")
    end = time.monotonic() + 5.0
    while folder.path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    if folder.path.exists():
        raise UserError(f"lab {folder.name} does not end; its log is {folder.log}")
    print(f"lab {folder.name} is down")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """What runs."""
    answer = control.order(find_lab(arguments.lab).control, do="status")
    if isinstance(answer, dict):
        routers = answer.get("routers")
        kind = "simulated" if answer.get("simulated") else f"real packets, {answer.get('engine')}"
        print(f"{answer.get('scenario')} ({kind})")
        for name, alive in routers.items() if isinstance(routers, dict) else ():
            print(f"  {name:<16} {'running' if alive else 'DEAD'}")
        hosts = answer.get("hosts")
        for name, address in hosts.items() if isinstance(hosts, dict) else ():
            print(f"  {name:<16} host {address}")
        gateways = answer.get("gateways")
        for name, text in gateways.items() if isinstance(gateways, dict) else ():
            print(f"  {name:<16} {text}")
        links = answer.get("links")
        impaired = answer.get("impaired")
        for link in links if isinstance(links, list) else ():
            bad = impaired.get(str(link)) if isinstance(impaired, dict) else None
            print(f"  {link}" + (f"  {json.dumps(bad)}" if bad else ""))
    return 0


def why(arguments: argparse.Namespace) -> int:
    """Why a router is not registered; 1 if it is not."""
    from dmvpn.shells.facts import LabFacts
    from dmvpn.tools.why import explain

    lab, slash, router = arguments.router.rpartition("/")
    facts = LabFacts.model_validate(control.order(find_lab(lab if slash else None).control, do="facts"))
    if router not in facts.routers:
        raise UserError(f"there is no router {router} in this lab; it has {', '.join(facts.routers)}")
    findings = explain(facts, router)
    for finding in findings:
        where = f"{finding.tunnel} is not registered with {finding.server}: " if finding.tunnel else ""
        print(f"{where}{finding.what}")
        if finding.remedy:
            print(f"    try: {finding.remedy}")
    if not findings:
        print(f"{router} is registered with every server that it wants")
    return int(bool(findings))


def reset(arguments: argparse.Namespace) -> int:
    """Begin again: configurations of the scenario, no impairments."""
    folder = find_lab(arguments.lab)
    control.order(folder.control, do="reset")
    print(f"lab {folder.name} begins again")
    return 0


def _router_order(what: str, said: str) -> Callable[[argparse.Namespace], int]:
    def give(arguments: argparse.Namespace) -> int:
        lab, slash, router = arguments.router.rpartition("/")
        control.order(find_lab(lab if slash else None).control, do=what, router=router)
        print(f"{router} {said}")
        return 0

    return give


def execute(arguments: argparse.Namespace) -> int:
    """Run a program in the network of a node, as a process of the lab. Its exit code."""
    if not arguments.program:
        raise UserError("exec needs a program: dmvpn lab exec H3 ping 10.4.4.100")
    lab, slash, node = arguments.node.rpartition("/")
    descriptor, pid = control.borrow_namespace(find_lab(lab if slash else None).control, node)
    directory = Path.cwd()
    namespaces.enter_process(pid)
    namespaces.enter_network(descriptor)
    os.chdir(directory)
    return namespaces.run_program(arguments.program)


def impair(arguments: argparse.Namespace) -> int:
    """Make a link bad, or good again."""
    settings = {"delay": arguments.delay, "loss": arguments.loss, "rate": arguments.rate}
    wanted: dict[str, control.Json] = {name: value for name, value in settings.items() if value}
    if arguments.cut:
        wanted["cut"] = 1.0
    control.order(find_lab(arguments.lab).control, do="impair", link=arguments.link, **wanted)
    print(f"{arguments.link}: " + (", ".join(f"{name} {value}" for name, value in wanted.items()) or "good again"))
    return 0


def rebind(arguments: argparse.Namespace) -> int:
    """Let a NAT box forget its mappings, or give it another public address."""
    lab, slash, gateway = arguments.gateway.rpartition("/")
    wanted: dict[str, control.Json] = {} if arguments.public is None else {"public": arguments.public}
    answer = control.order(find_lab(lab if slash else None).control, do="rebind", gateway=gateway, **wanted)
    print(f"{gateway} has forgotten its mappings: {answer}")
    return 0


def capture(arguments: argparse.Namespace) -> int:
    """Capture for some seconds, or until Ctrl-C; or only end a capture whose command was killed."""
    if not (arguments.nodes or arguments.all or arguments.stop):
        raise UserError("capture needs nodes, or --all")
    socket = find_lab(arguments.lab).control
    if not arguments.stop:
        output = arguments.output.resolve()
        control.order(socket, do="capture", nodes=arguments.nodes, output=str(output), keys=arguments.keys)
        if arguments.keys:
            print(f"keys are written: WIRESHARK_CONFIG_DIR={output / 'keys'} wireshark FILE.pcap", flush=True)
        try:
            time.sleep(arguments.seconds if arguments.seconds is not None else 86400.0)
        except KeyboardInterrupt:
            print()
    counts = control.order(socket, do="capture", stop=True)
    for path, packets in counts.items() if isinstance(counts, dict) else ():
        print(f"{packets:>8} packets  {path}")
    return 0


def clock(arguments: argparse.Namespace) -> int:
    """Let time pass in a simulated lab."""
    match = re.fullmatch(r"\+(\d+(?:\.\d+)?)([smhd]?)", arguments.step)
    if match is None:
        raise UserError(f"{arguments.step}: a step is +SECONDS, or +2h, +30m, +1d")
    seconds = float(match[1]) * _UNITS[match[2]]
    control.order(find_lab(arguments.lab).control, do="clock", seconds=seconds)
    return 0


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": list_labs,
    "check": check,
    "up": up,
    "down": down,
    "status": status,
    "why": why,
    "reset": reset,
    "kill": _router_order("kill", "is dead"),
    "start": _router_order("start", "starts"),
    "exec": execute,
    "impair": impair,
    "capture": capture,
    "clock": clock,
    "rebind": rebind,
}
