"""What operations return, besides the dataclasses of the shows (`dmvpn.features`) and the news (`dmvpn.face`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.face.messages import News


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab that runs, or a service. routers: their names."""

    name: str
    service: bool
    routers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RouterState:
    """A router of a lab. alive: its process runs."""

    lab: str
    name: str
    alive: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """The user that a token belongs to, and its role: "view", "operate" or "configure"."""

    user: str
    role: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ran. accepted: the router understood the line and took it. output: its text."""

    accepted: bool
    output: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The router died. Its events go on when it is back."""

    router: str


@dataclass(frozen=True, slots=True)
class LabNews:
    """News of a router of a lab. id: for `since`, to go on behind these news at all routers of the lab."""

    router: str
    news: News

    @property
    def id(self) -> str:
        """How far this stream is at each router."""
        return self.news.id


# -------------------------------------------------------------------------------------------- configuration


@dataclass(frozen=True, slots=True)
class Rollback:
    """A change that is rolled back unless a user confirms it. left: seconds. where: the file of the earlier text."""

    minutes: int
    left: float
    by: str
    where: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a router runs. tag: names this text, so that a change can be made to this text alone."""

    text: str
    tag: str
    rollback: Rollback | None


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that the router does not take. number: 1 is the first line. said: what it says, as at the prompt."""

    number: int
    text: str
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of lines, or would become of them. applied: they run. tag: of what runs now.

    refused: only in a dry run; otherwise refused lines are an `InvalidError`. said: warnings.
    differences: as `show archive config differences` has them.
    """

    applied: bool
    tag: str
    differences: tuple[str, ...]
    said: tuple[str, ...]
    refused: tuple[RefusedLine, ...]
    rollback: Rollback | None


# -------------------------------------------------------------------------------------------- labs


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario or an exercise that can be brought up. lacks: what it has no place for; up: its lab runs."""

    name: str
    title: str
    topic: str
    up: bool
    simulated_only: bool
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """An order to a lab that takes long. what: the verb of `dmvpn lab`. by: a user. state: running, done, failed.

    healthy: whether a grade, the doctor, a walk or a ping found all well; None: it examines nothing, or has no result.
    begun, ended: seconds since 1970. notes: lines for people. result: the object that `dmvpn lab ... --json` prints.
    """

    id: str
    what: str
    lab: str
    by: str
    state: str
    healthy: bool | None
    begun: float
    ended: float | None
    notes: tuple[str, ...]
    result: object
