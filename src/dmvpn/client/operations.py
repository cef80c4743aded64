"""What a program can ask: each operation is a generator that yields requests, gets replies, and returns the result.

Both fronts have these as their methods: a client those of `Server`, a router those of `Configurable`, a lab those of
`Orders`. A method is written once, and each front carries it out in its way:

@Asked
def labs(self) -> Steps[...]     `labs()` of a client in `sync.py` returns the labs, in `aio.py` a coroutine of them

Shows go by their words. The command language is that of this program, so words may be abbreviated as at the prompt. It
is loaded for the first show, which takes about a second.

A router's configuration is read, lines are tried, all of them or none are entered, and confirmed or reverted. A writer
that names the tag of the text that it read changes that text alone: if another one runs by now, nothing changes
(`OutdatedError`).

An order to a lab that takes long is a job, which `Server.wait` waits for.

clock, break, hint, grade -> Job (running) -> wait -> Job (done), or JobError
down, reset, impair, kill, start: done when they are answered
"""

from __future__ import annotations

import re
from functools import lru_cache, wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Concatenate, Final, Generic, ParamSpec, Self, TypeVar, overload
from urllib.parse import quote, urlencode

from dmvpn.client import frames, values
from dmvpn.client.exchange import Following, N, Reply, Request, Settings, Steps, made
from dmvpn.client.frames import Metrics, frame
from dmvpn.ios.from_plain import MisfitError, reader_of

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence

    import pandas

    from dmvpn.face.messages import News
    from dmvpn.ios.filters import Plain
    from dmvpn.ios.grammar import ExecCommand

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

API: Final = "/api/v1"
#: Seconds until a job is looked at again: first, and at most.
_FIRST, _LONGEST = 0.1, 2.0
_GROWTH: Final = 1.5

#: A tag that any configuration has.
ANY: Final = "*"
_TAG: Final = re.compile(r"[\x21\x23-\x7e]{1,200}")
_END: Final = re.compile(r"\r?\n")
_LAST_END: Final = re.compile(r"\r?\n\Z|\r\Z")
_OVERWRITES: Final = (
    'a whole configuration needs tag=: that of the configuration which it replaces, or "*" for whatever runs'
)


# ------------------------------------------------------------------------------------------------ shows by their words


def path_of(words: str) -> str:
    """Return the words of a show as parts of a path. Raises UsageError."""
    parts = words.split()
    if not parts or not words.isprintable() or "|" in words or {".", ".."} & {*parts}:
        raise values.UsageError("a show has words, without `show` and without filters: ip route 10.0.0.0/8")
    return "/".join(quote(word, safe="") for word in parts)


@lru_cache(maxsize=256)
def reader_of_show(words: str) -> Callable[[Plain], object]:
    """Return what makes the dataclass of a show of its JSON; it raises AnswerError. Raises UsageError."""
    from dmvpn.face.language import exec_parser
    from dmvpn.ios.exec_parser import Match
    from dmvpn.router.features import FEATURES

    path_of(words)
    match = exec_parser(FEATURES).match(f"show {words}")
    if not isinstance(match, Match) or match.command.query is None:
        raise values.UsageError(f"this version of dmvpn has no `show {words}`; plain() asks the router all the same")
    read = _reader_of_command(match.command)

    def checked(plain: Plain) -> object:
        try:
            return read(plain)
        except MisfitError as error:
            raise values.AnswerError(f"show {words}: another version of dmvpn answers? {error}") from error

    return checked


@lru_cache(maxsize=1024)
def _reader_of_command(command: ExecCommand) -> Callable[[Plain], object]:
    return reader_of(command)


# ------------------------------------------------------------------------------------------- the methods of both fronts


class Part:
    """A client, or a router or lab that is reached through one."""

    _client: Any = None

    def through(self, client: Any) -> Self:  # noqa: ANN401 - of either front
        """Carry all operations out through this client. Returns itself."""
        self._client = client
        return self


class Waiting(Part):
    """A part of the front that waits."""


class Awaited(Part):
    """A part of the front for asyncio."""


class Asked(Generic[S, P, T]):
    """The method that carries an operation out, with its arguments and description."""

    def __init__(self, operation: Callable[Concatenate[S, P], Steps[T]]) -> None:
        self._operation = operation

    @overload
    def __get__(self, part: Waiting, kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, part: Awaited, kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, part: None, kind: type) -> Callable[Concatenate[S, P], Steps[T]]: ...
    def __get__(self, part: Part | None, kind: type) -> object:
        """Return it for a part of a front."""
        return self._operation if part is None else _bound(self._operation, part, "do")


class Followed(Generic[S, P, N]):
    """The method that yields the events that an operation finds, likewise."""

    def __init__(self, operation: Callable[Concatenate[S, P], Steps[Following[N]]]) -> None:
        self._operation = operation

    @overload
    def __get__(self, part: Waiting, kind: type) -> Callable[P, Iterator[N | values.Gone]]: ...
    @overload
    def __get__(self, part: Awaited, kind: type) -> Callable[P, AsyncIterator[N | values.Gone]]: ...
    @overload
    def __get__(self, part: None, kind: type) -> Callable[Concatenate[S, P], Steps[Following[N]]]: ...
    def __get__(self, part: Part | None, kind: type) -> object:
        """Return it for a part of a front."""
        return self._operation if part is None else _bound(self._operation, part, "follow")


def _bound(operation: Callable[..., Steps[Any]], part: Part, verb: str) -> object:
    carry_out = getattr(part._client or part, verb)

    def method(*args: object, **kwargs: object) -> object:
        return carry_out(operation(part, *args, **kwargs))

    async def coroutine(*args: object, **kwargs: object) -> object:
        return await carry_out(operation(part, *args, **kwargs))

    # Decorators that try again or give up after a time ask whether it is a coroutine function.
    return wraps(operation)(coroutine if iscoroutinefunction(carry_out) else method)


# ------------------------------------------------------------------------------------------------ servers and routers


class Server:
    """A `dmvpn web`, and what it is asked for as a whole."""

    def __init__(self, settings: Settings) -> None:
        self.url = settings.url
        self._settings = settings

    @classmethod
    def connect(
        cls,
        url: str | None = None,
        *,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        authority: str | os.PathLike[str] | None = None,
        timeout: float = 90.0,
    ) -> Self:
        """Return a client of a `dmvpn web`. Nothing is sent yet. Raises UsageError.

        authority: a file of certificates (PEM) to trust instead of the system's.
        timeout: seconds of silence after which an answer is given up; a command may run 60.
        The environment has the values of arguments that are left out (`exchange.py`).
        """
        return cls(Settings.of(url, token, token_file, authority, timeout))

    @Asked
    def labs(self) -> Steps[tuple[values.Lab, ...]]:
        """List the labs and services that run."""
        return (yield from _labs())

    @Asked
    def routers(self, lab: str | None = None) -> Steps[tuple[values.RouterState, ...]]:
        """List the routers of a lab, or of all labs."""
        names = [lab] if lab is not None else [one.name for one in (yield from _labs())]
        found: list[values.RouterState] = []
        for name in names:
            listed = (yield Request(f"{API}/labs/{part(name)}/routers")).json()
            whole = [{**one, "lab": name} if isinstance(one, dict) else one for one in items(listed)]
            found += made(tuple[values.RouterState, ...], [*whole])
        return tuple(found)

    @Asked
    def state(self, lab: str) -> Steps[Plain]:
        """Return the state of a lab, as plain data."""
        return (yield Request(f"{API}/labs/{part(lab)}")).json()

    @Asked
    def caller(self) -> Steps[values.Caller]:
        """Return the user and the role of the token."""
        return read(values.Caller, (yield Request(f"{API}/session")))

    @Asked
    def metrics(self, lab: str | None = None, *, peers: int | None = None) -> Steps[Metrics]:
        """Return what the routers of a lab count, or those of all labs. peers: rows of tables of peers."""
        return (yield from _metrics(lab, None, peers))

    @Asked
    def scenarios(self) -> Steps[tuple[values.Scenario, ...]]:
        """List the scenarios and exercises that can be brought up."""
        return read(tuple[values.Scenario, ...], (yield Request(f"{API}/scenarios")))

    @Asked
    def up(self, scenario: str, *, name: str = "", simulated: bool = False) -> Steps[values.Job]:
        """Begin to bring a lab up. name: of the lab, "": that of the scenario. simulated: without namespaces."""
        body: dict[str, object] = {"scenario": scenario, **({"name": name} if name else {})}
        body |= {"simulated": True} if simulated else {}
        return read(values.Job, (yield Request(f"{API}/labs", "POST", body)))

    @Asked
    def jobs(self) -> Steps[tuple[values.Job, ...]]:
        """List the jobs that run, and the last ones that ended."""
        return read(tuple[values.Job, ...], (yield Request(f"{API}/jobs")))

    @Asked
    def cancel(self, job: values.Job) -> Steps[values.Job]:
        """Break a job off: a lab that was coming up is ended."""
        return read(values.Job, (yield Request(f"{API}/jobs/{part(job.id)}", "DELETE")))

    @Asked
    def wait(self, job: values.Job, *, patience: float = 1000.0, check: bool = True) -> Steps[values.Job]:
        """Return a job as it is at its end. Raises JobError if it failed, unless `check` is false.

        patience: seconds until JobError says that it still runs; the server gives a job 900.
        """
        pause, waited = _FIRST, 0.0
        while job.state == "running":
            if waited >= patience:
                raise values.JobError(job, f"it still runs after {waited:.0f} seconds: wait for it again, or cancel it")
            job = read(values.Job, (yield Request(f"{API}/jobs/{part(job.id)}", after=pause)))
            pause, waited = min(pause * _GROWTH, _LONGEST), waited + pause
        if check and job.state != "done":
            raise values.JobError(job, job.notes[-1] if job.notes else "it failed, and does not say why")
        return job


def _labs() -> Steps[tuple[values.Lab, ...]]:
    return read(tuple[values.Lab, ...], (yield Request(f"{API}/labs")))


def _metrics(lab: str | None, router: str | None, peers: int | None) -> Steps[Metrics]:
    wishes = {"lab": lab, "router": router, "peers": peers}
    query = urlencode({name: wish for name, wish in wishes.items() if wish is not None})
    reply = yield Request(f"/metrics?{query}" if query else "/metrics", headers=(("Accept", "text/plain"),))
    return frames.parse(reply.body.decode("utf-8", "replace"))


class Place:
    """The lab of a router. lab None: the only lab with a router of this name, found at the first use."""

    def __init__(self, router: str, lab: str | None) -> None:
        self.router = router
        self.lab = lab

    def path(self) -> Steps[str]:
        """Return the path of the router. Raises UsageError if several labs have one of this name, or none has."""
        if self.lab is None:
            running = yield from _labs()
            having = [one.name for one in running if self.router in one.routers]
            if len(having) != 1:
                where = f"{', '.join(having)}: name one as lab=" if having else "no lab that runs"
                raise values.UsageError(f"a router {self.router} is in {where}")
            (self.lab,) = having
        return f"{API}/labs/{part(self.lab)}/routers/{part(self.router)}"

    @Asked
    def _show(self, words: str) -> Steps[object]:
        """Return the dataclass of a show."""
        read = reader_of_show(words)
        return read((yield from Place.plain(self, words)))

    @Asked
    def plain(self, words: str) -> Steps[Plain]:
        """Return the value of a show as plain data, also of a show that only the router knows."""
        words_path = path_of(words)
        base = yield from self.path()
        return (yield Request(f"{base}/show/{words_path}")).json()

    @Asked
    def frame(self, words: str, table: str = "") -> Steps[pandas.DataFrame]:
        """Return a table of a show as a DataFrame: `frame("dmvpn", "tunnels.peers")`."""
        return frame((yield from Place._show(self, words)), table)

    @Asked
    def run(self, command: str) -> Steps[values.Ran]:
        """Run a command of the exec prompt: `run("clear ip nhrp")`."""
        base = yield from self.path()
        return read(values.Ran, (yield Request(f"{base}/run", "POST", {"command": command})))

    @Asked
    def metrics(self, *, peers: int | None = None) -> Steps[Metrics]:
        """Return what this router counts. peers: rows of tables of peers."""
        yield from self.path()
        return (yield from _metrics(self.lab, self.router, peers))

    @Followed
    def events(self, *topics: str, since: str = "", patience: float = 60.0) -> Steps[Following[News]]:
        """Yield what the router remembers, then what happens, until its lab ends. topics: "history", "log".

        since: the `News.id` after which to begin. patience: seconds without any connection before it raises.
        """
        return Following((yield from self.path()), topics, since, patience, lambda news, _: news)


def read(kind: type[T], reply: Reply) -> T:
    """Return a good answer as a value of a type. Raises AnswerError."""
    return made(kind, reply.json())


def items(plain: Plain) -> list[Plain]:
    if not isinstance(plain, list):
        raise values.AnswerError("the answer is no list")
    return plain


def part(name: str) -> str:
    """Return a name as one part of a path. Raises UsageError."""
    if name in ("", ".", ".."):
        raise values.UsageError(f"{name!r} is no name of a lab or router")
    return quote(name, safe="")


# ------------------------------------------------------------------------------------------------ configurations


class Configurable(Place):
    """A router whose configuration is read and changed."""

    @Asked
    def configuration(self) -> Steps[values.Configuration]:
        """Return the running configuration, as the role of the token may see it."""
        base = yield from self.path()
        return made(values.Configuration, _tagged((yield Request(f"{base}/configuration"))))

    @Asked
    def configure(
        self,
        lines: str | Sequence[str],
        *,
        replace: bool = False,
        dry_run: bool = False,
        confirm_within: int = 0,
        tag: str = "",
    ) -> Steps[values.Change]:
        """Enter all of these lines, or none; the router refuses lines by an InvalidError, which has them.

        replace: the lines are the whole configuration. dry_run: change nothing.
        confirm_within: minutes after which the change is rolled back unless it is confirmed; needs `archive`.
        tag: of a Configuration or a Change: if another one runs by now, OutdatedError. "*": any, for `replace`.
        """
        if replace and not dry_run and not tag:
            raise values.UsageError(_OVERWRITES)
        if tag and not _TAG.fullmatch(tag):
            raise values.UsageError("tag is the `tag` of a Configuration or a Change")
        body: dict[str, object] = {"lines": _lines(lines)}
        body |= {"replace": True} if replace else {}
        body |= {"dry_run": True} if dry_run else {}
        body |= {"confirm_within": confirm_within} if confirm_within else {}
        headers = (("If-Match", tag if tag == ANY else f'"{tag}"'),) if tag else ()
        base = yield from self.path()
        return made(values.Change, _tagged((yield Request(f"{base}/configuration", "POST", body, headers))))

    @Asked
    def confirm(self) -> Steps[tuple[str, ...]]:
        """Keep the change that waits for this; returns what the router says. ConflictError: no change waits."""
        return (yield from _later(self, "confirm", {}))

    @Asked
    def revert(self, within: int = 0) -> Steps[tuple[str, ...]]:
        """Take the change back that waits for a confirmation. within: minutes from now, 0: at once."""
        return (yield from _later(self, "revert", {"within": within} if within else {}))


def _later(place: Place, verb: str, body: dict[str, object]) -> Steps[tuple[str, ...]]:
    base = yield from place.path()
    answer = (yield Request(f"{base}/configuration/{verb}", "POST", body)).json()
    return made(tuple[str, ...], answer.get("said") if isinstance(answer, dict) else None)


def _lines(lines: str | Sequence[str]) -> list[str]:
    """Return lines without their ends, which are those of Unix or of Windows."""
    if isinstance(lines, str):
        return _END.split(_LAST_END.sub("", lines))
    return [_LAST_END.sub("", line) for line in lines]


def _tagged(reply: Reply) -> Plain:
    """Return the object in an answer, with its tag. Raises AnswerError."""
    answer, tag = reply.json(), reply.tag
    if not isinstance(answer, dict) or not tag:
        raise values.AnswerError("the answer has no ETag: the address is not that of dmvpn web")
    return {**answer, "tag": tag}


# ------------------------------------------------------------------------------------------------ orders to a lab


class Orders:
    """The orders to one lab."""

    def __init__(self, lab: str) -> None:
        self.path = f"{API}/labs/{part(lab)}"

    @Asked
    def down(self) -> Steps[None]:
        """End the lab."""
        yield Request(self.path, "DELETE")

    @Asked
    def reset(self, *, undo: bool = False) -> Steps[tuple[str, ...]]:
        """Let the lab begin again: configurations, wires, translators. Returns the missing things after that.

        undo: bring back what the last reset took away.
        """
        answer = (yield Request(f"{self.path}/reset", "POST", {"undo": True} if undo else None)).json()
        return made(tuple[str, ...], answer.get("missing") if isinstance(answer, dict) else None)

    @Asked
    def clock(self, seconds: float) -> Steps[values.Job]:
        """Begin to let time pass in a simulated lab."""
        return (yield from self._job("clock", {"seconds": seconds}))

    @Asked
    def break_(self, name: str = "", *, seed: int | None = None) -> Steps[values.Job]:
        """Begin to break something: the trouble of this name, or a random trouble of this seed."""
        body: dict[str, object] = {**({"name": name} if name else {}), **({"seed": seed} if seed is not None else {})}
        return (yield from self._job("break", body))

    @Asked
    def hint(self) -> Steps[values.Job]:
        """Begin to give the next hint about the trouble."""
        return (yield from self._job("hint"))

    @Asked
    def grade(self) -> Steps[values.Job]:
        """Begin to judge whether the trouble is over: the job fails while it is not."""
        return (yield from self._job("grade"))

    @Asked
    def impair(
        self,
        link: str,
        *,
        delay: float = 0.0,
        loss: float = 0.0,
        rate: float = 0.0,
        mtu: int = 0,
        cut: bool = False,
        one_way: bool = False,
        block: str | Sequence[str] = (),
    ) -> Steps[None]:
        """Make a wire bad; without further arguments it is good again. link: "ROUTER:INTERFACE".

        delay: ms one way. loss: percent. rate: kbit/s. mtu: octets. cut: nothing passes.
        one_way: only what this end sends. block: "gre", "esp", "udp-500", "udp-4500", "fragments", "icmp".
        """
        wishes = {"delay": delay, "loss": loss, "rate": rate, "mtu": mtu, "cut": cut, "one_way": one_way}
        body: dict[str, object] = {"link": link, **{name: wish for name, wish in wishes.items() if wish}}
        body |= {"block": [block] if isinstance(block, str) else [*block]} if block else {}
        yield Request(f"{self.path}/wires", "POST", body)

    @Asked
    def kill(self, router: str) -> Steps[None]:
        """End a router, as a power failure does."""
        yield Request(f"{self.path}/routers/{part(router)}/kill", "POST")

    @Asked
    def start(self, router: str) -> Steps[None]:
        """Start a killed router again."""
        yield Request(f"{self.path}/routers/{part(router)}/start", "POST")

    @Followed
    def events(self, *topics: str, since: str = "", patience: float = 60.0) -> Steps[Following[values.LabNews]]:
        """Yield what all routers remember, then what happens, until the lab ends. topics: "history", "log".

        since: the `LabNews.id` after which to begin. patience: seconds without any connection before it raises.
        """
        yield from ()

        def read(news: News, data: dict[str, Plain]) -> values.LabNews:
            return values.LabNews(made(str, data.get("router")), news)

        return Following(self.path, topics, since, patience, read)

    def _job(self, verb: str, body: Mapping[str, object] | None = None) -> Steps[values.Job]:
        return read(values.Job, (yield Request(f"{self.path}/{verb}", "POST", body)))
