"""A simulated lab with SSH in front of it, and a story in the environment of a tool.

    with tool_lab("notes-phase3") as lab:
        lab.tell(TOOLS, story, "R31")      runs `story(devices, "R31")` there; returns what it returns, through JSON

Tools of automation need hundreds of megabytes, so they have environments of their own (`make test-tools`), named by
environment variables; where one is missing, its tests are skipped. A story is a function that needs nothing of its
module: its source is what runs there.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from support.labs import Labs, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: The variables that name the environments.
TOOLS: Final = "TOOLS_VENV"
ANSIBLE: Final = "ANSIBLE_VENV"
PARSERS: Final = "PARSERS_VENV"
API: Final = "API_VENV"
#: Seconds that a story may take, on a machine that is busy with other things.
PATIENCE: Final = 300
_PROGRAM: Final = """\
import json, sys
from typing import Any
{source}
given = json.load(sys.stdin)
found = {name}(*given)
print("\\n@found", json.dumps(found, default=str))
"""
_MARK: Final = "\n@found "


def environment(name: str) -> Path:
    """Return the folder of an environment, or the test is skipped."""
    place = os.environ.get(name, "")
    if not place:
        pytest.skip(f"{name} names no environment; `make test-tools` makes it")
    return Path(place).resolve()


@dataclass
class ToolLab:
    """A lab that is served by SSH. folder: for the files of a tool."""

    labs: Labs
    folder: Path

    def inventory(self, form: str) -> str:
        """`dmvpn lab inventory --format FORM`."""
        return self.labs.say("lab", "inventory", "--format", form)

    def devices(self) -> dict[str, dict[str, object]]:
        """Return the arguments of Netmiko's `ConnectHandler` by router."""
        devices: dict[str, dict[str, object]] = json.loads(self.inventory("netmiko"))
        return devices

    def running(self, router: str) -> list[str]:
        """Return its configuration, without what says how long it is and who changed it when."""
        lines = self.labs.on(router, "show running-config").splitlines()
        return [line for line in lines if not line.startswith(("Current configuration", "! Last configuration"))]

    def tell(self, name: str, story: Callable[..., object], *given: object) -> object:
        """Return what a story returns. Its first argument is `devices()`."""
        program = _PROGRAM.format(source=textwrap.dedent(inspect.getsource(story)), name=story.__name__)
        said = self.carry_out(name, "python", "-c", program, typed=json.dumps([self.devices(), *given]))
        return json.loads(said.rpartition(_MARK)[2])

    def carry_out(self, name: str, program: str, *words: str, typed: str = "") -> str:
        """Return what a program of an environment prints; it must succeed. Its home is our folder."""
        place = environment(name) / "bin"
        done = subprocess.run(
            [str(place / program), *words],
            input=typed,
            cwd=self.folder,
            env=self.variables(place),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def variables(self, place: Path) -> dict[str, str]:
        """Without our own packages, which are those of another environment."""
        kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "COLUMNS")}
        return {**kept, "HOME": str(self.folder), "PATH": f"{place}:{os.environ['PATH']}"}


@contextlib.contextmanager
def tool_lab(scenario: str | Path, folder: Path) -> Iterator[ToolLab]:
    """Bring a lab up, and SSH in front of it."""
    with Labs() as labs:
        labs.up(scenario, "--simulated")
        front = labs.start("lab", "ssh", "--port", "0")
        try:
            assert eventually(lambda: labs.run("lab", "inventory").returncode == 0, 60)
            yield ToolLab(labs, folder)
        finally:
            front.terminate()
            front.communicate()
