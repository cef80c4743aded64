"""A network that a command compares or tries lines in: every line of it reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from dmvpn.shells.scenario import Scenario


def load(name: str) -> Scenario:
    """Return a scenario of which every line reads. Raises UserError that names the file and the line."""
    from dmvpn.network.lines import check
    from dmvpn.shells.scenario import Scenario

    scenario = Scenario.load(name)
    where = Path(name) if Path(name).is_dir() else Path(scenario.name)
    for router, text in scenario.configurations.items():
        check(text, f"{where / router}.cfg")
    if scenario.lacks:
        raise UserError(f"{name} needs {' and '.join(scenario.lacks)}, which this release does not have")
    return scenario
