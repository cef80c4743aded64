"""What operations return, besides the dataclasses of the shows (`dmvpn.features`) and the news (`dmvpn.face`)."""

from __future__ import annotations

from dmvpn.base.values import dataclass


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
