"""`dmvpn lab ...`: orders to a running lab are quick, because they import little; `lab_words` has the verbs."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from dataclasses import asdict

from dmvpn.app.lab_words import Printer
from dmvpn.base.errors import UserError
from dmvpn.labs import captures, orders
from dmvpn.labs.captures import Captured
from dmvpn.shells.collecting import set_aside
from dmvpn.shells.descriptors import is_readable
from dmvpn.shells.lab import control
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab.forked import importing
from dmvpn.shells.lab.places import find_lab, find_node

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _with_lab(name: str) -> str:
    """Return the command that was typed, with `--lab` for this lab."""
    return shlex.join(["dmvpn", *sys.argv[1:], "--lab", name])


def check(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print the requirements of a lab, and whether this machine meets them. Returns 1 if it does not."""
    from dmvpn.shells.lab.check import check as check_machine

    findings = check_machine()
    for finding in findings:
        printer.say(f"{'ok  ' if finding.ok else 'NO  '}{finding.what}: {finding.evidence}")
        if finding.fix:
            printer.say(f"    run: {finding.fix}")
    well = all(finding.ok for finding in findings)
    printer.put(ok=well, findings=[asdict(finding) for finding in findings])
    if well:
        return 0
    printer.say("Labs still work with --simulated: the same prompts, no privileges.")
    return 1


def up(arguments: argparse.Namespace, printer: Printer) -> int:
    """Bring a scenario up. Returns 0 when it is ready; 1 if it is not ready in time, and then prints what it lacks."""
    if arguments.web and printer.for_programs:
        raise UserError("--web serves until Ctrl-C: use 'dmvpn lab up --json', then 'dmvpn lab web'")
    if arguments.web:
        from dmvpn.app.web import check as check_web

        check_web()
    with importing():
        from dmvpn.app import bring_up
    with set_aside():
        name = bring_up.up(arguments, printer)
    if name is not None and arguments.web:
        return _serve(name)
    return 0 if name is not None else 1


def web(arguments: argparse.Namespace, printer: Printer) -> int:
    """Serve the page and the API of a lab until Ctrl-C. Raises UserError."""
    if arguments.json:
        raise UserError("it serves until Ctrl-C, and prints its address: leave --json out")
    return _serve(find_lab(arguments.lab, "dmvpn lab web {}".format).name, arguments.role)


def _serve(lab: str, role: str | None = None) -> int:
    from dmvpn.app.web import serve_lab

    return serve_lab(lab, role)


def down(arguments: argparse.Namespace, printer: Printer) -> int:
    """End a lab, or all if none is named and only one runs."""
    folder = find_lab(arguments.lab, "dmvpn lab down {}".format, starting=True)
    orders.end(folder)
    printer.say(f"lab {folder.name} is down")
    printer.put(lab=folder.name)
    return 0


def status(arguments: argparse.Namespace, printer: Printer) -> int:
    """Show the state of a lab."""
    folder = find_lab(arguments.lab, "dmvpn lab status {}".format)
    now = orders.status(folder)
    printer.put(lab=folder.name, **now.plain)
    printer.say(f"{now.scenario} ({'simulated' if now.simulated else f'real packets, {now.engine}'})")
    for name, alive in now.routers.items():
        printer.say(f"  {name:<16} {'running' if alive else 'DEAD'}")
    for name, address in now.hosts.items():
        printer.say(f"  {name:<16} host {' '.join(filter(None, (address, now.hosts6.get(name))))}")
    for name, text in now.gateways.items():
        printer.say(f"  {name:<16} {text}")
    for link in now.links:
        bad = now.impaired.get(link)
        printer.say(f"  {link}" + (f"  {', '.join(bad.particulars)}" if bad is not None else ""))
    return 0


def reset(arguments: argparse.Namespace, printer: Printer) -> int:
    """Begin again: configurations, wires and translators of the scenario; a lesson is over. Or undo that."""
    from dmvpn.labs import undoing  # it asks routers, for which it imports much

    folder = find_lab(arguments.lab, f"dmvpn lab reset {'--undo ' * arguments.undo}{{}}".format)
    missing = (undoing.undo if arguments.undo else undoing.reset)(folder)
    printer.say(f"the reset of lab {folder.name} was undone" if arguments.undo else f"lab {folder.name} was reset")
    printer.put(lab=folder.name, missing=list(missing))
    return 0


def kill(arguments: argparse.Namespace, printer: Printer) -> int:
    """End a router at once."""
    folder, router = find_node(arguments.router, "dmvpn lab kill {}".format)
    orders.kill(folder, router)
    printer.say(f"{router} was killed")
    printer.put(lab=folder.name, router=router, alive=False)
    return 0


def start(arguments: argparse.Namespace, printer: Printer) -> int:
    """Start a killed router again."""
    folder, router = find_node(arguments.router, "dmvpn lab start {}".format)
    orders.start(folder, router)
    printer.say(f"{router} is starting")
    printer.put(lab=folder.name, router=router, alive=True)
    return 0


def impair(arguments: argparse.Namespace, printer: Printer) -> int:
    """Make a link bad, or good again."""
    settings = {"delay": arguments.delay, "loss": arguments.loss, "rate": arguments.rate, "mtu": arguments.mtu}
    wanted: dict[str, control.Json] = {name: value for name, value in settings.items() if value}
    if arguments.cut:
        wanted["cut"] = 1.0
    if arguments.block:
        wanted["block"] = list(arguments.block)
    if arguments.one_way and wanted:
        node, _, port = arguments.link.partition(":")
        if not port or ":" in port:
            raise UserError(
                "--one-way needs a link named by the end that sends, ROUTER:INTERFACE, as 'dmvpn lab status' lists them"
            )
        wanted["sender"] = node
    folder = find_lab(arguments.lab, _with_lab, [arguments.link.partition(":")[0]])
    badness = Badness.read(wanted)
    orders.impair(folder, arguments.link, badness)
    printer.say(f"{arguments.link}: " + (", ".join(badness.particulars) or "restored"))
    printer.put(lab=folder.name, link=arguments.link, impairment=wanted)
    return 0


def rebind(arguments: argparse.Namespace, printer: Printer) -> int:
    """Let a NAT box forget its mappings, or give it another public address or kind."""
    folder, gateway = find_node(arguments.gateway, "dmvpn lab rebind {}".format)
    answer = orders.rebind(folder, gateway, public=arguments.public, kind=arguments.kind)
    printer.say(f"the mappings of {gateway} are cleared: {answer}")
    printer.put(lab=folder.name, gateway=gateway, nat=answer)
    return 0


def capture(arguments: argparse.Namespace, printer: Printer) -> int:
    """Capture for some seconds, until Ctrl-C or the end of the lab; or only end a capture whose command was killed."""
    if not (arguments.nodes or arguments.all or arguments.stop):
        raise UserError("capture needs nodes, or --all")
    folder = find_lab(arguments.lab, _with_lab, [place.partition(":")[0] for place in arguments.nodes])
    printer.put(lab=folder.name, keys=None, ended=False)
    if arguments.stop:
        _say_counts(printer, captures.stop(folder))
        return 0
    ended = control.end_of(folder.control)
    output = arguments.output.resolve()
    files = captures.begin(folder, arguments.nodes, output, keys=arguments.keys)
    if arguments.keys:
        printer.say(f"keys are written: WIRESHARK_CONFIG_DIR={output / 'keys'} wireshark FILE.pcap")
        printer.put(keys=str(output / "keys"))
    lives = True
    try:
        lives = not is_readable(ended, arguments.seconds)
    except KeyboardInterrupt:
        printer.say()
    if lives:
        _say_counts(printer, captures.stop(folder, output))
    else:
        printer.say("the lab has ended")
        printer.put(ended=True)
        _say_counts(printer, captures.of_dead(files))
    return 0


def _say_counts(printer: Printer, captured: Captured) -> None:
    for path, packets in captured.files.items():
        printer.say(f"{packets:>8} packets  {path}")
    if captured.lost:
        printer.say(f"{captured.lost:>8} packets  are in no file: {captured.why}")
    printer.put(files=dict(captured.files), lost=captured.lost)


def clock(arguments: argparse.Namespace, printer: Printer) -> int:
    """Let time pass in a simulated lab."""
    from dmvpn.app.progress import Progress

    match = re.fullmatch(r"\+(\d+(?:\.\d+)?)([smhd]?)", arguments.step)
    if match is None:
        raise UserError(f"{arguments.step}: a step is +SECONDS, or +2h, +30m, +1d")
    seconds = float(match[1]) * _UNITS[match[2]]
    folder = find_lab(arguments.lab, _with_lab)
    with Progress.of(arguments) as progress:
        orders.clock(folder, seconds, progress.tell)
    printer.put(lab=folder.name, seconds=seconds)
    return 0
