"""Pictures by name: of a lab that runs, a scenario or a folder of configurations, a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.labs import orders
from dmvpn.labs.recorded import recorded_network
from dmvpn.shells.facts import LabFacts
from dmvpn.shells.files import open_regular
from dmvpn.shells.lab import control
from dmvpn.shells.lab.places import find_lab, running_labs
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.picture import Picture, as_dot, as_mermaid, as_svg, picture_of
from dmvpn.tools.replaying import lives_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dmvpn.shells.lab.places import LabFolder
    from dmvpn.tools.replaying import Life

#: The formats, by the ending of a file; the first is that of standard output.
WRITERS: Final[dict[str, Callable[[Picture], str]]] = {"svg": as_svg, "dot": as_dot, "mermaid": as_mermaid}


def named_picture(name: str | None, command: Callable[[str], str]) -> Picture:
    """Return the picture of a lab that runs, else of a built-in scenario, a folder, a file or a recording.

    name: None: the only lab that runs.
    command: the user's command, for a lab. Raises UserError, OSError.
    """
    running = next((folder for folder in running_labs() if folder.name == name), None)
    if name is None or running is not None:
        return lab_picture(running or find_lab(None, command))
    path = Path(name)
    if is_recording(path):
        return recording_picture(path, lives_of(path))
    scenario = Scenario.load(name)
    return picture_of(scenario, f"scenario {scenario.name}")


def writer_for(output: str) -> Callable[[Picture], str]:
    """Return the writer for a file, by the ending of its name. output: "-" is standard output. Raises UserError."""
    ending = "svg" if output == "-" else Path(output).suffix.removeprefix(".")
    if ending not in WRITERS:
        raise UserError(f"{output}: a picture is a file whose name ends with .{', .'.join(WRITERS)}, or '-'")
    return WRITERS[ending]


def lab_picture(folder: LabFolder) -> Picture:
    """Return the picture of a lab that runs. Raises UserError."""
    facts = LabFacts.model_validate(control.order(folder.control, do="facts"))
    kind = "simulated lab" if orders.status(folder).simulated else "lab"
    return picture_of(orders.scenario(folder), f"{kind} {folder.name}, as it runs", facts.routers, facts.links)


def is_recording(path: Path) -> bool:
    """Return whether this is a file that begins as recordings do, and configurations do not. Raises OSError."""
    if not path.is_file():
        return False
    with open(path, encoding="utf-8", errors="replace", opener=open_regular) as file:
        return file.read(1) == "{"


def recording_picture(path: Path, lives: Mapping[str, Life]) -> Picture:
    """Return the network at the end of a recording. lives: those of the recording. Raises UserError."""
    network = recorded_network(path.stem, lives)
    return picture_of(network.scenario, f"recording {path.name}, {network.last:.1f} seconds", network.facts)
