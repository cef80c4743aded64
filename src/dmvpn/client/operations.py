"""What a program can ask: each operation is a generator that yields requests, gets replies, and returns the result.

Both fronts run these; all that they ask and read is here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar, cast
from urllib.parse import quote, urlencode

from dmvpn.client import samples, shows
from dmvpn.client.errors import AnswerError, UsageError
from dmvpn.client.exchange import Reply, Request, Steps
from dmvpn.client.values import Caller, Lab, Ran, RouterState
from dmvpn.ios.from_plain import MisfitError, reader_of_type

if TYPE_CHECKING:
    from dmvpn.client.samples import Metrics
    from dmvpn.ios.filters import Plain

T = TypeVar("T")
API: Final = "/api/v1"


def labs() -> Steps[tuple[Lab, ...]]:
    """List the labs and services that run."""
    return read(tuple[Lab, ...], (yield Request(f"{API}/labs")))


def routers(lab: str | None) -> Steps[tuple[RouterState, ...]]:
    """List the routers of a lab, or of all."""
    names = [lab] if lab is not None else [one.name for one in (yield from labs())]
    found: list[RouterState] = []
    for name in names:
        listed = (yield Request(f"{API}/labs/{part(name)}/routers")).json()
        whole = [{**one, "lab": name} if isinstance(one, dict) else one for one in items(listed)]
        found += made(tuple[RouterState, ...], [*whole])
    return tuple(found)


def state(lab: str) -> Steps[Plain]:
    """Return the state of a lab, as plain data."""
    return (yield Request(f"{API}/labs/{part(lab)}")).json()


def caller() -> Steps[Caller]:
    """Return who asks."""
    return read(Caller, (yield Request(f"{API}/session")))


def metrics(lab: str | None, router: str | None, peers: int | None) -> Steps[Metrics]:
    """Return what routers count. peers: rows of tables with a row for each peer, None: as the server chooses."""
    wishes = {"lab": lab, "router": router, "peers": peers}
    query = urlencode({name: wish for name, wish in wishes.items() if wish is not None})
    reply = yield Request(f"/metrics?{query}" if query else "/metrics", headers=(("Accept", "text/plain"),))
    return samples.parse(reply.body.decode("utf-8", "replace"))


class Place:
    """The lab of a router. lab None: the only lab with a router of this name, found at the first use."""

    def __init__(self, router: str, lab: str | None) -> None:
        self.router = router
        self.lab = lab

    def path(self) -> Steps[str]:
        """Return the path of the router. Raises UsageError if several labs have one of this name, or none has."""
        if self.lab is None:
            running = yield from labs()
            having = [one.name for one in running if self.router in one.routers]
            if len(having) != 1:
                where = f"{', '.join(having)}: name one as lab=" if having else "no lab that runs"
                raise UsageError(f"a router {self.router} is in {where}")
            (self.lab,) = having
        return f"{API}/labs/{part(self.lab)}/routers/{part(self.router)}"

    def show(self, words: str) -> Steps[object]:
        """Return the dataclass of a show."""
        read = shows.reader(words)
        return read((yield from self.plain(words)))

    def plain(self, words: str) -> Steps[Plain]:
        """Return the value of a show as plain data, whether this version knows the show or not."""
        words_path = shows.path_of(words)
        base = yield from self.path()
        return (yield Request(f"{base}/show/{words_path}")).json()

    def run(self, command: str) -> Steps[Ran]:
        """Run a command of the exec prompt."""
        base = yield from self.path()
        return read(Ran, (yield Request(f"{base}/run", "POST", {"command": command})))

    def metrics(self, peers: int | None) -> Steps[Metrics]:
        """Return what this router counts."""
        yield from self.path()
        return (yield from metrics(self.lab, self.router, peers))


def read(kind: type[T], reply: Reply) -> T:
    """Return a good answer as a value of a type. Raises AnswerError."""
    return made(kind, reply.json())


def made(kind: type[T], plain: Plain) -> T:
    """Return plain data as a value of a type. Raises AnswerError."""
    try:
        return cast("T", reader_of_type(kind)(plain))
    except MisfitError as error:
        raise AnswerError(f"another version of dmvpn answers? {error}") from error


def items(plain: Plain) -> list[Plain]:
    if not isinstance(plain, list):
        raise AnswerError("the answer is no list")
    return plain


def part(name: str) -> str:
    """Return a name as one part of a path. Raises UsageError."""
    if name in ("", ".", ".."):
        raise UsageError(f"{name!r} is no name of a lab or router")
    return quote(name, safe="")
