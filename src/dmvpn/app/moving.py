"""`dmvpn import --to-ikev2 FILE|FOLDER ... [--to FOLDER]`: the steps by which a network moves from IKEv1 to IKEv2.

FOLDER gets a file of lines for each step, `steps/01-answer-HUB.cfg`, and what each router has in the end, `HUB.cfg`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.app.importing import check_name, files_in, write_files
from dmvpn.app.progress import Progress
from dmvpn.network.device import Device
from dmvpn.shells.router_files import NoConfiguration, read_routers
from dmvpn.tools.to_ikev2 import Plan, Stage, Step, plan

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable
    from pathlib import Path

_WHAT: Final = {
    Stage.ANSWER: "gets IKEv2 lines beside those of isakmp, and answers both versions",
    Stage.BEGIN: "begins with IKEv2",
    Stage.REMOVE: "loses the isakmp lines that no tunnel needs any more",
}


def move_to_ikev2(arguments: argparse.Namespace) -> int:
    """Print the plan; write it. Raises UserError if the network cannot be moved."""
    with Progress.of(arguments) as progress:
        devices = _read(files_in(arguments.files, progress.say), progress.say)
    found = plan(devices)
    for device in devices:
        if device.hostname in found.configurations:
            check_name(device.hostname, device.name)
    for step in found.steps:
        print(f"{_number(step, found)}  {_said(step)}")
    if found.remains:
        print("left as they are:")
        for one in found.remains:
            print(f"  {one}")
    for router in dict.fromkeys(one.router for one in found.remains if one.needs_isakmp):
        print(f"{router} keeps all its isakmp lines, because one of these needs them")
    for router in found.moved:
        print(f"{router} is on IKEv2 already: it is left alone")
    if arguments.to is not None:
        write_files(arguments.to, _texts(found), force=arguments.force)
        steps, routers = len(found.steps), len(found.configurations)
        print(f"{arguments.to}: {steps} files in steps/, and {routers} configurations after them")
    return 0


def _read(files: Iterable[Path], say: Callable[[str], None]) -> list[Device]:
    devices: list[Device] = []
    for path in files:
        try:
            parts = read_routers(path, say=say)
        except NoConfiguration as error:
            say(f"{error}: it is left out")
            continue
        devices += [Device.read(str(path), part.text) for part in parts]
    return devices


def _number(step: Step, found: Plan) -> str:
    return str(step.number).rjust(max(2, len(str(len(found.steps)))), "0")


def _said(step: Step) -> str:
    then = f"; then type `{step.then}`" if step.then else ""
    return f"{step.router} {_WHAT[step.stage]}{then}"


def _texts(found: Plan) -> dict[str, str]:
    """Return the files by their paths."""
    texts: dict[str, str] = {}
    for step in found.steps:
        head = f"! Step {step.number} of {len(found.steps)}: {_said(step)}"
        name = f"steps/{_number(step, found)}-{step.stage.value}-{step.router}.cfg"
        texts[name] = "\n".join([head, *step.lines]) + "\n"
    return texts | {f"{router}.cfg": text for router, text in found.configurations.items()}
