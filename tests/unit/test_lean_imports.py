"""A simulated lab runs, and its sockets and web application are there, without what only some platforms have."""

from __future__ import annotations

import subprocess
import sys

_ABSENT = ("cryptography", "ctypes.util", "curses", "grp", "h11", "pwd", "readline", "resource", "syslog", "uvicorn")
_NEEDED = (
    "dmvpn.shells.simulator.wallclock",
    "dmvpn.face.server",
    "dmvpn.face.client",
    "dmvpn.app.tab",
    "dmvpn.web.resources",
    "dmvpn.web.entrance",
    "dmvpn.tools.doctor.examine",
    "dmvpn.tools.doctor.visit",
    "dmvpn.labs.copied",
    "dmvpn.labs.lessons",
    "dmvpn.labs.orders",
    "dmvpn.tools.enrollment",
)
_PROGRAM = """
import ctypes, importlib, sys
for name in sys.argv[1].split():
    sys.modules[name] = None
def no_library(name, *_, **__):
    raise OSError(name)
ctypes.CDLL = no_library
for name in sys.argv[2].split():
    importlib.import_module(name)
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
scenario = Scenario.load("notes-phase3")
world = Simulator.of(scenario)
world.run_until(60.0)
print("missing:", world.missing(scenario))
"""


def test_a_simulated_lab_and_its_web_application_run_without_platform_modules_and_cryptography() -> None:
    arguments = (sys.executable, "-c", _PROGRAM, " ".join(_ABSENT), " ".join(_NEEDED))
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.stdout == "missing: []\n", done.stderr
