"""A lab that is brought up by a program: steps until it is up, and nothing is left of a lab that was given up."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

PROGRAM = """
from dmvpn.labs import orders
from dmvpn.labs.bringing_up import Missing, Up, Wanted, bring_up
from dmvpn.shells.lab.places import running_labs

steps = bring_up(Wanted(scenario="notes-phase3", simulated=True))
for step in steps:
    if isinstance(step, Missing):
        break
steps.close()
print([folder.name for folder in running_labs()])

*_, up = bring_up(Wanted(scenario="notes-phase3", simulated=True))
print(type(up).__name__, up.missing, up.already)
print(orders.status(up.folder).routers["R31"])
*_, again = bring_up(Wanted(scenario="notes-phase3", simulated=True))
print(again.already)
orders.down(up.folder)
print([folder.name for folder in running_labs()])
"""


def test_a_program_brings_a_lab_up_and_ends_it() -> None:
    with tempfile.TemporaryDirectory() as folder:  # its path is short enough for sockets
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder}
        said = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, env=environment, timeout=100
        )
    assert said.stderr == ""
    assert said.stdout.splitlines() == ["[]", "Up () False", "True", "True", "[]"]
