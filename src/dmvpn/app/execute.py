"""`dmvpn lab exec NODE PROGRAM ...`: in a real lab a program of this machine, as a process of the lab; in a simulated
one `ping` or `traceroute` of a simulated host.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.shells.lab import control, namespaces
from dmvpn.shells.lab.finding import find_node

if TYPE_CHECKING:
    import argparse

    from dmvpn.shells.lab.places import LabFolder

#: Seconds between two looks at what a program of a simulated host has said.
_LOOKS = 0.03
_INTERRUPTED = 130


def execute(arguments: argparse.Namespace) -> int:
    """Run a program at a node. Its exit code. Raises UserError."""
    folder, node = find_node(
        arguments.node, lambda name: shlex.join(["dmvpn", "lab", "exec", name, *arguments.program])
    )
    status = control.order(folder.control, do="status")
    if not isinstance(status, dict) or not arguments.program:
        raise UserError(f"exec needs a program, as in 'dmvpn lab exec {node} ping ADDRESS'")
    if status.get("simulated"):
        return _at_simulated_host(folder, node, arguments.program)
    return _in_namespace(folder, node, arguments.program)


def _in_namespace(folder: LabFolder, node: str, program: list[str]) -> int:
    descriptor, pid = control.borrow_namespace(folder.control, node)
    directory = Path.cwd()
    namespaces.enter_process(pid)
    namespaces.enter_network(descriptor)
    os.chdir(directory)
    return namespaces.run_program(program)


def _at_simulated_host(folder: LabFolder, node: str, program: list[str]) -> int:
    """Print what it says as it says it; Ctrl-C is Ctrl-C there."""
    started = control.order(folder.control, do="exec", node=node, program=list(program))
    job = started["job"] if isinstance(started, dict) else None
    interrupted = False
    while True:
        try:
            answer = control.order(folder.control, do="job", job=job, interrupt=interrupted)
            code = _print(answer)
            if code is not None:
                return code
            time.sleep(_LOOKS)
        except KeyboardInterrupt:
            if interrupted:
                return _INTERRUPTED
            interrupted = True


def _print(answer: control.Json) -> int | None:
    """What a program said; its exit code if it has ended."""
    lines, code = (answer.get("lines"), answer.get("code")) if isinstance(answer, dict) else (None, 1)
    for line in lines if isinstance(lines, list) else ():
        print(line)
    sys.stdout.flush()
    return code if isinstance(code, int) else None
