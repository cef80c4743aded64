"""What a program can ask: each operation is a generator that yields requests, gets replies, and returns the result.

Both fronts have these as their methods: a client those of `Server`, a router those of `Place` and `configuring`, a lab
those of `orders`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import quote, urlencode

from dmvpn.client import samples, shows
from dmvpn.client.errors import AnswerError, JobError, UsageError
from dmvpn.client.exchange import Reply, Request, Steps, made
from dmvpn.client.following import Following
from dmvpn.client.frames import frame
from dmvpn.client.fronts import Asked, Followed
from dmvpn.client.settings import Settings
from dmvpn.client.values import Caller, Job, Lab, Ran, RouterState, Scenario

if TYPE_CHECKING:
    import os

    import pandas

    from dmvpn.client.samples import Metrics
    from dmvpn.face.messages import News
    from dmvpn.ios.filters import Plain

T = TypeVar("T")
API: Final = "/api/v1"
#: Seconds until a job is looked at again: first, and at most.
_FIRST, _LONGEST = 0.1, 2.0
_GROWTH: Final = 1.5


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
        The environment has the values of arguments that are left out (`settings.py`).
        """
        return cls(Settings.of(url, token, token_file, authority, timeout))

    @Asked
    def labs(self) -> Steps[tuple[Lab, ...]]:
        """List the labs and services that run."""
        return (yield from _labs())

    @Asked
    def routers(self, lab: str | None = None) -> Steps[tuple[RouterState, ...]]:
        """List the routers of a lab, or of all labs."""
        names = [lab] if lab is not None else [one.name for one in (yield from _labs())]
        found: list[RouterState] = []
        for name in names:
            listed = (yield Request(f"{API}/labs/{part(name)}/routers")).json()
            whole = [{**one, "lab": name} if isinstance(one, dict) else one for one in items(listed)]
            found += made(tuple[RouterState, ...], [*whole])
        return tuple(found)

    @Asked
    def state(self, lab: str) -> Steps[Plain]:
        """Return the state of a lab, as plain data."""
        return (yield Request(f"{API}/labs/{part(lab)}")).json()

    @Asked
    def caller(self) -> Steps[Caller]:
        """Return the user and the role of the token."""
        return read(Caller, (yield Request(f"{API}/session")))

    @Asked
    def metrics(self, lab: str | None = None, *, peers: int | None = None) -> Steps[Metrics]:
        """Return what the routers of a lab count, or those of all labs. peers: rows of tables of peers."""
        return (yield from _metrics(lab, None, peers))

    @Asked
    def scenarios(self) -> Steps[tuple[Scenario, ...]]:
        """List the scenarios and exercises that can be brought up."""
        return read(tuple[Scenario, ...], (yield Request(f"{API}/scenarios")))

    @Asked
    def up(self, scenario: str, *, name: str = "", simulated: bool = False) -> Steps[Job]:
        """Begin to bring a lab up. name: of the lab, "": that of the scenario. simulated: without namespaces."""
        body: dict[str, object] = {"scenario": scenario, **({"name": name} if name else {})}
        body |= {"simulated": True} if simulated else {}
        return read(Job, (yield Request(f"{API}/labs", "POST", body)))

    @Asked
    def jobs(self) -> Steps[tuple[Job, ...]]:
        """List the jobs that run, and the last ones that ended."""
        return read(tuple[Job, ...], (yield Request(f"{API}/jobs")))

    @Asked
    def cancel(self, job: Job) -> Steps[Job]:
        """Break a job off: a lab that was coming up is ended."""
        return read(Job, (yield Request(f"{API}/jobs/{part(job.id)}", "DELETE")))

    @Asked
    def wait(self, job: Job, *, patience: float = 1000.0, check: bool = True) -> Steps[Job]:
        """Return a job as it is at its end. Raises JobError if it failed, unless `check` is false.

        patience: seconds until JobError says that it still runs; the server gives a job 900.
        """
        pause, waited = _FIRST, 0.0
        while job.state == "running":
            if waited >= patience:
                raise JobError(job, f"it still runs after {waited:.0f} seconds: wait for it again, or cancel it")
            job = read(Job, (yield Request(f"{API}/jobs/{part(job.id)}", after=pause)))
            pause, waited = min(pause * _GROWTH, _LONGEST), waited + pause
        if check and job.state != "done":
            raise JobError(job, job.notes[-1] if job.notes else "it failed, and does not say why")
        return job


def _labs() -> Steps[tuple[Lab, ...]]:
    return read(tuple[Lab, ...], (yield Request(f"{API}/labs")))


def _metrics(lab: str | None, router: str | None, peers: int | None) -> Steps[Metrics]:
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
            running = yield from _labs()
            having = [one.name for one in running if self.router in one.routers]
            if len(having) != 1:
                where = f"{', '.join(having)}: name one as lab=" if having else "no lab that runs"
                raise UsageError(f"a router {self.router} is in {where}")
            (self.lab,) = having
        return f"{API}/labs/{part(self.lab)}/routers/{part(self.router)}"

    @Asked
    def _show(self, words: str) -> Steps[object]:
        """Return the dataclass of a show."""
        read = shows.reader(words)
        return read((yield from Place.plain(self, words)))

    @Asked
    def plain(self, words: str) -> Steps[Plain]:
        """Return the value of a show as plain data, also of a show that only the router knows."""
        words_path = shows.path_of(words)
        base = yield from self.path()
        return (yield Request(f"{base}/show/{words_path}")).json()

    @Asked
    def frame(self, words: str, table: str = "") -> Steps[pandas.DataFrame]:
        """Return a table of a show as a DataFrame: `frame("dmvpn", "tunnels.peers")`."""
        return frame((yield from Place._show(self, words)), table)

    @Asked
    def run(self, command: str) -> Steps[Ran]:
        """Run a command of the exec prompt: `run("clear ip nhrp")`."""
        base = yield from self.path()
        return read(Ran, (yield Request(f"{base}/run", "POST", {"command": command})))

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
        raise AnswerError("the answer is no list")
    return plain


def part(name: str) -> str:
    """Return a name as one part of a path. Raises UsageError."""
    if name in ("", ".", ".."):
        raise UsageError(f"{name!r} is no name of a lab or router")
    return quote(name, safe="")
