"""`dmvpn lab exec NODE PROGRAM ...`: in a real lab a program of this machine, as a process of the lab; in a simulated
one `ping` or `traceroute` of a simulated host.
"""

from __future__ import annotations

import argparse
import os
import shlex
import tempfile
from pathlib import Path

from dmvpn.app.lab_words import Printer
from dmvpn.base.errors import UserError
from dmvpn.labs import orders
from dmvpn.shells.lab import control, namespaces
from dmvpn.shells.lab.places import LabFolder, find_node

#: Seconds between two looks at what a program of a simulated host has said.
_LOOKS = 0.03
_INTERRUPTED = 130
#: Octets of a program's output that an object for programs holds.
_LARGEST_OUTPUT = 1 << 24


def execute(arguments: argparse.Namespace, printer: Printer) -> int:
    """Run a program at a node. Its exit code. Raises UserError."""
    folder, node = find_node(
        arguments.node, lambda name: shlex.join(["dmvpn", "lab", "exec", name, *arguments.program])
    )
    status = control.order(folder.control, do="status")
    if not isinstance(status, dict) or not arguments.program:
        raise UserError(f"exec needs a program, as in 'dmvpn lab exec {node} ping ADDRESS'")
    printer.put(lab=folder.name, node=node, program=list(arguments.program))
    if status.get("simulated"):
        if arguments.vrf:
            raise UserError(f"a simulated {node} has no programs; enter 'ping vrf {arguments.vrf} ...' at the router")
        return _at_simulated_host(folder, node, arguments.program, printer)
    return _in_namespace(folder, node, arguments.vrf, arguments.program, printer)


def _in_namespace(folder: LabFolder, node: str, vrf: str, program: list[str], printer: Printer) -> int:
    descriptor, pid = control.borrow_namespace(folder.control, node, vrf)
    directory = Path.cwd()
    namespaces.enter_process(pid)
    namespaces.enter_network(descriptor)
    os.chdir(directory)
    if not printer.for_programs:
        return namespaces.run_program(program)
    with tempfile.TemporaryFile() as kept:  # what it says is a part of the object
        terminal = os.dup(1)
        os.dup2(kept.fileno(), 1)
        code = namespaces.run_program(program)
        os.dup2(terminal, 1)
        os.close(terminal)
        kept.seek(0)
        printer.put(exit_code=code, output=kept.read(_LARGEST_OUTPUT).decode(errors="replace"))
    return code


def _at_simulated_host(folder: LabFolder, node: str, program: list[str], printer: Printer) -> int:
    """Print what it says as it says it; Ctrl-C is Ctrl-C there."""
    started = control.order(folder.control, do="exec", node=node, program=list(program))
    job = started["job"] if isinstance(started, dict) else None
    interrupted, said = False, ""
    while True:
        try:
            answer = control.order(folder.control, do="job", job=job, interrupt=interrupted)
            lines, code = (answer.get("lines"), answer.get("code")) if isinstance(answer, dict) else ([], 1)
            for line in lines if isinstance(lines, list) else ():
                printer.say(str(line))
                said += f"{line}\n" if printer.for_programs and len(said) < _LARGEST_OUTPUT else ""
            if isinstance(code, int):
                printer.put(exit_code=code, output=said)
                return code
            orders.let_pass(folder, _LOOKS, simulated=folder.is_here)
        except KeyboardInterrupt:
            if interrupted:
                return _INTERRUPTED
            interrupted = True
