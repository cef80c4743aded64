"""An exercise: its start (`dmvpn.shells.exercises`) and its tasks, each with its checks (`tasks.yaml`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import yaml
from pydantic import Field, ValidationError

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.shells.exercises import ExercisePlace, find_place, places
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.exercises.checks import Check, Strict

if TYPE_CHECKING:
    from pathlib import Path

TASKS: Final = "tasks.yaml"


class Task(Strict):
    """A task. begins_done: its checks pass at the start, and must still pass at the end."""

    title: str
    begins_done: bool = False
    checks: tuple[Check, ...] = Field(min_length=1)


class _Tasks(Strict):
    minutes: int
    tasks: tuple[Task, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Exercise:
    """An exercise. minutes: the time for a learner who reads the page and types the lines."""

    place: ExercisePlace
    minutes: int
    tasks: tuple[Task, ...]

    @property
    def name(self) -> str:
        """The name for `lab up`."""
        return self.place.name

    def scenario(self) -> Scenario:
        """Return the scenario at its start. Raises UserError."""
        return Scenario.load(self.name)


def exercise(name: str) -> Exercise | None:
    """Return the exercise whose lab has this name; None if it is no exercise. Raises UserError."""
    place = find_place(name)
    return _read(place) if place is not None else None


def exercises() -> tuple[Exercise, ...]:
    """Return all exercises, in order. Raises UserError."""
    return tuple(_read(place) for place in places())


def _read(place: ExercisePlace) -> Exercise:
    path: Path = place.folder / TASKS
    try:
        found = _Tasks.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise UserError(f"{path}: {error}") from error
    return Exercise(place, found.minutes, found.tasks)
