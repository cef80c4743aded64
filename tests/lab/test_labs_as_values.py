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
orders.end(up.folder)
print([folder.name for folder in running_labs()])
"""

#: The clock is set a month ahead by a thread; meanwhile the lab answers, the time that passes counts, and the lab ends.
LEAPING = """
import threading
from dmvpn.base.errors import UserError
from dmvpn.labs import orders
from dmvpn.labs.bringing_up import Wanted, bring_up

*_, up = bring_up(Wanted(scenario="notes-phase3", simulated=True))
begun = threading.Event()

def month():
    try:
        orders.clock(up.folder, 2_591_999.0, lambda note: begun.set())
    except UserError as error:
        print(error)

leap = threading.Thread(target=month)
leap.start()
print(begun.wait(60))
print(orders.status(up.folder).routers["R31"])
age = orders.clock(up.folder, 0.0)
print(orders.clock(up.folder, 60.0) >= age + 60.0)
orders.end(up.folder)
leap.join()
print(up.folder.path.exists())
"""

#: Ctrl-C comes right after the folder was made, and right after the process of the lab began.
INTERRUPTED = """
import signal
from dmvpn.labs import bringing_up
from dmvpn.shells.lab.places import LabFolder

def interrupted(function):
    def call(*arguments):
        result = function(*arguments)
        signal.raise_signal(signal.SIGINT)
        return result
    return call

def try_it():
    try:
        for _ in bringing_up.bring_up(bringing_up.Wanted(scenario="notes-phase3", simulated=True)):
            print("it went on")
    except KeyboardInterrupt:
        print("interrupted", LabFolder.of("notes-phase3").path.exists())

make, start = LabFolder.make, bringing_up._start_simulated
LabFolder.make = interrupted(make)
try_it()
LabFolder.make = make
bringing_up._start_simulated = interrupted(start)
try_it()
"""

#: The file system of the lab's folder gets full right after the process of the lab began.
FULL = """
import errno, os
from dmvpn.labs.bringing_up import Wanted, bring_up
from dmvpn.shells.lab.places import LabFolder

def full(folder, process):
    raise OSError(errno.ENOSPC, "full")

LabFolder.note_process = full
try:
    list(bring_up(Wanted(scenario="notes-phase3", simulated=True)))
except OSError as error:
    print(error.strerror)
try:
    print("a process is left", os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("no process", LabFolder.of("notes-phase3").path.exists())
"""


def said(program: str) -> list[str]:
    """The lines of a program."""
    with tempfile.TemporaryDirectory() as folder:  # its path is short enough for sockets
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder}
        said = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment, timeout=100
        )
    assert said.stderr == ""
    return said.stdout.splitlines()


def test_a_program_brings_a_lab_up_and_ends_it() -> None:
    assert said(PROGRAM) == ["[]", "Up () False", "True", "True", "[]"]


def test_a_lab_answers_and_ends_while_its_clock_is_set() -> None:
    assert said(LEAPING) == ["True", "True", "True", "the lab ended while it was asked", "False"]


def test_nothing_is_left_of_a_lab_that_was_interrupted_while_it_began() -> None:
    """Ctrl-C right after the lab's folder was made left the folder, and right after the fork a lab without one."""
    assert said(INTERRUPTED) == ["interrupted False"] * 2


def test_nothing_is_left_of_a_lab_whose_folder_gets_full_while_it_begins() -> None:
    """Its folder was removed, and the lab went on without one."""
    assert said(FULL) == ["full", "no process False"]
