"""Which scenarios and exercises there are, and the start of an exercise: a scenario that lacks some lines.

Exercises are folders `NN-name` in `src/dmvpn/exercises/`. This reads `start.yaml`:

    title: Registration and the NHRP cache
    network: notes-phase1          # a built-in scenario
    type:                          # lines entered into its configurations: mostly "no ..."
      R31: [no interface Tunnel100]
    ready: {...}                   # optional: conditions of `lab up`, as in `lab.yaml`

`tasks.yaml` beside it is for `dmvpn.tools.exercises`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from dmvpn.base.values import Value

BUILT_IN: Final = Path(__file__).parent.parent / "scenarios"
CONFIGURATION: Final = "lab.yaml"
FOLDER: Final = Path(__file__).parent.parent / "exercises"
START: Final = "start.yaml"
_NAME: Final = re.compile(r"exercise-0*(\d{1,2})")


class ExercisePlace(Value):
    """An exercise: its number, and the folder with its files."""

    number: int
    folder: Path

    @property
    def name(self) -> str:
        """Its name for `lab up`."""
        return f"exercise-{self.number:02}"

    @property
    def page(self) -> str:
        """Its page for learners."""
        return f"docs/tutorial/{self.folder.name}.md"


def built_in_names() -> list[str]:
    """Return the scenarios that come with the program."""
    return sorted(path.parent.name for path in BUILT_IN.glob(f"*/{CONFIGURATION}"))


def places() -> tuple[ExercisePlace, ...]:
    """Return all exercises, in order."""
    folders = sorted(path.parent for path in FOLDER.glob(f"*/{START}"))
    return tuple(ExercisePlace(int(path.name.partition("-")[0]), path) for path in folders)


def find_place(name: str) -> ExercisePlace | None:
    """Return the exercise of a scenario's name, "exercise-05" or "exercise-5"; None if it names no exercise."""
    match = _NAME.fullmatch(name)
    return next((place for place in places() if match and place.number == int(match[1])), None)
