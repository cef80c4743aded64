"""What operations return, besides the dataclasses of the shows (`dmvpn.features`) and the news (`dmvpn.face`), and what
can go wrong for a program that asks `dmvpn web`.

ClientError
├── UsageError            this side cannot do it: no such show, no token, no pandas. Nothing was sent
├── NotReachedError       there is no connection, or it broke, or nothing came in time
├── AnswerError           the answer is not what the API promises: another program, or another version
├── JobError              a job failed, or takes longer than the caller waits: `job`
└── ProblemError          the server refuses, and says why (RFC 9457)
    ├── RefusedError      400  no such show or command, or not for this privilege level
    ├── TokenError        401  the token is wrong, revoked or expired
    ├── RoleError         403  the role of the token is not enough
    ├── MissingError      404  no such lab, router or job
    ├── ConflictError     409  a lab refuses an order; no change waits for a confirmation; there is no way back
    ├── OutdatedError     412  another configuration runs by now: `tag`. Read it, and make the change again
    ├── InvalidError      422  the router refuses lines (`refused`), or there is no such scenario
    ├── UnavailableError  408, 429, 503  later perhaps: `retry_after` says when, if the server does
    └── RouterError       502  the router or the lab does not answer
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from dmvpn.base.errors import DmvpnError, UserError
from dmvpn.base.values import Value
from dmvpn.face.messages import News

#: Characters of a text of the server in an error.
_LONGEST: Final = 1000


# ------------------------------------------------------------------------------------------------ values


class Lab(Value):
    """A lab that runs, or a service. routers: their names."""

    name: str
    service: bool
    routers: tuple[str, ...]


class RouterState(Value):
    """A router of a lab. alive: its process runs."""

    lab: str
    name: str
    alive: bool


class Caller(Value):
    """The user that a token belongs to, and its role: "view", "operate" or "configure"."""

    user: str
    role: str


class Ran(Value):
    """A command that ran. accepted: the router understood the line and took it. output: its text."""

    accepted: bool
    output: str


class Gone(Value):
    """The router died. Its events go on when it is back."""

    router: str


class LabNews(Value):
    """News of a router of a lab. id: for `since`, to go on behind these news at all routers of the lab."""

    router: str
    news: News

    @property
    def id(self) -> str:
        """How far this stream is at each router."""
        return self.news.id


# -------------------------------------------------------------------------------------------- configuration


class Rollback(Value):
    """A change that is rolled back unless a user confirms it. left: seconds. where: the file of the earlier text."""

    minutes: int
    left: float
    by: str
    where: str


class Configuration(Value):
    """What a router runs. tag: names this text, so that a change can be made to this text alone."""

    text: str
    tag: str
    rollback: Rollback | None


class RefusedLine(Value):
    """A line that the router does not take. number: 1 is the first line. said: what it says, as at the prompt."""

    number: int
    text: str
    said: tuple[str, ...]


class Change(Value):
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


class Scenario(Value):
    """A scenario or an exercise that can be brought up. lacks: what it has no place for; up: its lab runs."""

    name: str
    title: str
    topic: str
    up: bool
    simulated_only: bool
    lacks: tuple[str, ...]


class Job(Value):
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


# ------------------------------------------------------------------------------------------------ errors


class ClientError(DmvpnError):
    """The root."""


class UsageError(ClientError, UserError):
    """This side cannot do it."""


class NotReachedError(ClientError):
    """There is no connection, or it broke, or nothing came in time."""


class AnswerError(ClientError):
    """The answer is not what the API promises."""


class JobError(ClientError):
    """A job failed, or takes too long. job: as it was seen last."""

    def __init__(self, job: Job, problem: str) -> None:
        self.job = job
        super().__init__(_clean(f"{job.what} of {job.lab}: {problem}"))


class ProblemError(ClientError):
    """The server refuses. status, title, detail, type: the members of RFC 9457. retry_after: seconds, None: unknown."""

    def __init__(
        self, status: int, title: str, detail: str, *, type: str = "about:blank", retry_after: float | None = None
    ) -> None:
        self.status = status
        self.title = _clean(title)
        self.detail = _clean(detail)
        self.type = _clean(type)
        self.retry_after = retry_after
        super().__init__(f"{status} {self.title}: {self.detail}" if self.detail else f"{status} {self.title}")


class RefusedError(ProblemError):
    """No such show or command, or not for this privilege level."""


class TokenError(ProblemError):
    """The token is wrong, revoked or expired."""


class RoleError(ProblemError):
    """The role of the token is not enough."""


class MissingError(ProblemError):
    """There is no such lab, router or resource."""


class ConflictError(ProblemError):
    """The lab or the router is not in the state that the order needs."""


class OutdatedError(ProblemError):
    """Another configuration runs by now, and nothing was changed. tag: of that one, "" if the server did not say it."""

    tag: str = ""


class InvalidError(ProblemError):
    """There is no such scenario, or the router refuses lines, and nothing was changed. refused: these lines."""

    refused: tuple[RefusedLine, ...] = ()


class UnavailableError(ProblemError):
    """The server has no time or no place, or the router does not run."""


class RouterError(ProblemError):
    """The router or the lab does not answer."""


#: The class of each status; others are a `ProblemError`.
OF_STATUS: Final[dict[int, type[ProblemError]]] = {
    HTTPStatus.BAD_REQUEST: RefusedError,
    HTTPStatus.UNAUTHORIZED: TokenError,
    HTTPStatus.FORBIDDEN: RoleError,
    HTTPStatus.NOT_FOUND: MissingError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.PRECONDITION_FAILED: OutdatedError,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidError,
    HTTPStatus.REQUEST_TIMEOUT: UnavailableError,
    HTTPStatus.TOO_MANY_REQUESTS: UnavailableError,
    HTTPStatus.SERVICE_UNAVAILABLE: UnavailableError,
    HTTPStatus.BAD_GATEWAY: RouterError,
}


def _clean(text: str) -> str:
    """Return a text of a server so that it controls no terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_LONGEST])
