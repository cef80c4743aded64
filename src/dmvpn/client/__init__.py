"""A client of `dmvpn web` for scripts and notebooks: shows come back as the dataclasses that routers make.

    from dmvpn.client import connect

    with connect("http://127.0.0.1:8080", token="dmvpn_...") as client:
        for peer in client.router("R31").show("dmvpn").peers:
            print(peer.nbma, peer.state)

`dmvpn.client.aio` has the same for asyncio: `(await client.router("R31").show("dmvpn")).peers`.

sync, aio    the two fronts
operations   what each operation asks and reads, without either front: shows, configurations, orders to labs, jobs
exchange     the server and the token; requests and answers as values; events over several connections
frames       metrics; rows and DataFrames
values, errors

Needs the extra `client` (httpx2). It is a client of HTTP alone: it imports nothing of `dmvpn.web`, and no router
imports it.
"""

try:
    import httpx2 as _  # noqa: F401
except ImportError as error:
    raise ImportError("dmvpn.client needs httpx2: pip install 'dmvpn[client]'") from error

from dmvpn.client.frames import Metrics, Sample, frame, rows
from dmvpn.client.sync import Client, Router, RunningLab, connect
from dmvpn.client.values import (
    AnswerError,
    Caller,
    Change,
    ClientError,
    Configuration,
    ConflictError,
    Gone,
    InvalidError,
    Job,
    JobError,
    Lab,
    LabNews,
    MissingError,
    NotReachedError,
    OutdatedError,
    ProblemError,
    Ran,
    RefusedError,
    RefusedLine,
    RoleError,
    Rollback,
    RouterError,
    RouterState,
    Scenario,
    TokenError,
    UnavailableError,
    UsageError,
)

__all__ = [
    "AnswerError",
    "Caller",
    "Change",
    "Client",
    "ClientError",
    "Configuration",
    "ConflictError",
    "Gone",
    "InvalidError",
    "Job",
    "JobError",
    "Lab",
    "LabNews",
    "Metrics",
    "MissingError",
    "NotReachedError",
    "OutdatedError",
    "ProblemError",
    "Ran",
    "RefusedError",
    "RefusedLine",
    "RoleError",
    "Rollback",
    "Router",
    "RouterError",
    "RouterState",
    "RunningLab",
    "Sample",
    "Scenario",
    "TokenError",
    "UnavailableError",
    "UsageError",
    "connect",
    "frame",
    "rows",
]
