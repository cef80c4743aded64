"""Where an exercise begins: a built-in scenario in which some lines are not there yet.

Exercises are folders `NN-name` in `src/dmvpn/exercises/`. This reads `start.yaml`:

    title: Registration and the NHRP cache
    network: notes-phase1          # a built-in scenario
    type:                          # what is typed into its configurations: mostly "no ..."
      R31: [no interface Tunnel100]
    ready: {...}                   # optional: what `lab up` waits for, as in `lab.yaml`

`tasks.yaml` beside it is for `dmvpn.tools.exercises`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from dmvpn.base.values import dataclass

FOLDER: Final = Path(__file__).parent.parent / "exercises"
START: Final = "start.yaml"
_NAME: Final = re.compile(r"exercise-0*(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Place:
    """An exercise: its number, and the folder with its files."""

    number: int
    folder: Path

    @property
    def name(self) -> str:
        """What `lab up` calls it."""
        return f"exercise-{self.number:02}"

    @property
    def page(self) -> str:
        """Where a learner reads about it."""
        return f"docs/tutorial/{self.folder.name}.md"


def places() -> tuple[Place, ...]:
    """Return all exercises, in order."""
    folders = sorted(path.parent for path in FOLDER.glob(f"*/{START}"))
    return tuple(Place(int(path.name.partition("-")[0]), path) for path in folders)


def find_place(name: str) -> Place | None:
    """Return the exercise that a scenario's name means, "exercise-05" or "exercise-5"; None if it means none."""
    match = _NAME.fullmatch(name)
    return next((place for place in places() if match and place.number == int(match[1])), None)
