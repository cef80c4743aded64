"""An exercise: its start (`dmvpn.shells.exercises`) and its tasks, each with its checks (`tasks.yaml`).

One small model is there for each kind of check; `check` names it, `hint` points to the probable mistake.

    tasks:
      - title: R31 is registered
        checks:
          - {check: registered, at: R31, server: 192.168.100.11, hint: Which line names the next hop server?}

The checks of a task are in the order in which an engineer would look for a mistake: the first check that fails gives
the hint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.shells.exercises import ExercisePlace, find_place, places
from dmvpn.shells.scenario import Scenario

if TYPE_CHECKING:
    from pathlib import Path


# ------------------------------------------------------------------------------------------------ checks


Address = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+\.\d+$")]
Prefix = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+\.\d+/\d+$")]


class Strict(BaseModel):
    """A model that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _Check(Strict):
    hint: str = ""


class LineCheck(_Check):
    """An interface is there, and its line protocol is up."""

    check: Literal["line"]
    at: str
    interface: str


class NeighborCheck(_Check):
    """Two routers are EIGRP neighbors, and have been for long enough to stay so."""

    check: Literal["neighbor"]
    at: str
    address: Address


class RegisteredCheck(_Check):
    """A next hop server answers."""

    check: Literal["registered"]
    at: str
    server: Address


class RouteCheck(_Check):
    """A route to exactly this prefix. via: its next hop. source: "eigrp", "nhrp", ... override: NHRP's next hop over
    the route's own. present: false where it shall not be there."""

    check: Literal["route"]
    at: str
    to: Prefix
    via: Address | None = None
    source: str = ""
    override: Address | None = None
    present: bool = True


class SummaryCheck(_Check):
    """A single route that covers all these prefixes, and equals none of them. The learner chooses its prefix."""

    check: Literal["summary"]
    at: str
    of: tuple[Prefix, ...] = Field(min_length=1)
    via: Address
    source: str = ""


class MappingCheck(_Check):
    """An NHRP entry. nbma: its NBMA address; claimed: the NBMA address that the client claims for itself. lasts: most
    seconds until it expires. flags, lacks: as `show ip nhrp` prints them."""

    check: Literal["mapping"]
    at: str
    target: Prefix
    nbma: Address | None = None
    claimed: Address | None = None
    kind: str = ""
    lasts: float | None = None
    flags: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


class ReachCheck(_Check):
    """An address answers pings that carry this source. size: octets of the packet; df: whole or not at all."""

    check: Literal["reach"]
    at: str
    source: Address = Field(alias="from")
    to: Address
    size: int = Field(default=100, ge=36, le=1500)
    df: bool = False


class PathCheck(_Check):
    """Packets go this way: the routers that answer a trace before its end. A shortcut gets the time it takes."""

    check: Literal["path"]
    at: str
    source: Address = Field(alias="from")
    to: Address
    via: tuple[Address, ...]


class ProtectedCheck(_Check):
    """There is a session of IPsec with this NBMA address, and the tunnel takes nothing in clear."""

    check: Literal["protected"]
    at: str
    interface: str
    peer: Address


class ClampCheck(_Check):
    """A router on the path clamps the TCP MSS to segments that fit into so many octets, headers included."""

    check: Literal["clamp"]
    at: tuple[str, ...] = Field(min_length=1)
    interface: str
    largest: int


class FixedCheck(_Check):
    """So many troubles of `lab break` were found and fixed in this lab."""

    check: Literal["fixed"]
    number: int


class WhenCheck(_Check):
    """Checks after `seconds` in which a router was dead (all its wires cut), or a wire dropped some kinds of packets,
    as in `lab impair --block`. The fault is removed afterwards."""

    check: Literal["when"]
    dead: str = ""
    link: str = ""
    block: tuple[str, ...] = ()
    seconds: float = Field(default=30.0, ge=1, le=300)
    checks: tuple[Simple, ...]


_SimpleCheck = (
    LineCheck
    | NeighborCheck
    | RegisteredCheck
    | RouteCheck
    | SummaryCheck
    | MappingCheck
    | ReachCheck
    | PathCheck
    | ProtectedCheck
    | ClampCheck
    | FixedCheck
)
AnyCheck = _SimpleCheck | WhenCheck
Simple = Annotated[_SimpleCheck, Field(discriminator="check")]
Check = Annotated[AnyCheck, Field(discriminator="check")]

WhenCheck.model_rebuild()


# ------------------------------------------------------------------------------------------------ exercises


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
