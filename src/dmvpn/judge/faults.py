"""Faults as values: each says when (seconds since the network first converged), where, and how long.

    Kill, Restart                 a router crashes, or is stopped in good order; it returns after `seconds`
    LinkDown, Cut                 its wire to the provider fails: with loss of carrier, or silently
    Partition                     two sites cannot reach each other, all other pairs can; `one_way`: in one direction
    Impair                        a wire loses, reorders and duplicates packets
    Renumber, Rebind              a site's NBMA address changes: its own, or its address behind NAT
    ClockStep                     the wall clock jumps
    Clear                         a user types `clear ip nhrp`, `clear dmvpn session` or `clear crypto session`
    Purges, Malformed             packets with a neighbor's source address that the neighbor never sent

A list of faults can be written as text (`dumps`, and `from_json` for each fault), so that a sequence that broke a
network can be repeated at any time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import ClassVar

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The base of all faults. at: seconds since the network converged. seconds: how long it lasts; 0: a moment."""

    KIND: ClassVar[str] = ""

    at: float
    seconds: float = 0.0

    @property
    def end(self) -> float:
        """The time at which the fault ends."""
        return self.at + self.seconds

    @property
    def places(self) -> tuple[str, ...]:
        """The routers affected."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterFault(Fault):
    """A fault of one router."""

    router: str

    @property
    def places(self) -> tuple[str, ...]:
        """That router."""
        return (self.router,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill(RouterFault):
    """`kill -9`; the router restarts after `seconds`, without its state."""

    KIND: ClassVar[str] = "kill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(RouterFault):
    """An orderly stop: the router withdraws its registrations first. It restarts after `seconds`."""

    KIND: ClassVar[str] = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown(RouterFault):
    """Its wire to the provider is pulled out: both ends see that the carrier is gone."""

    KIND: ClassVar[str] = "link-down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(RouterFault):
    """Its wire to the provider passes no packets, but the carrier stays up."""

    KIND: ClassVar[str] = "cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition(Fault):
    """Packets from one site to the other vanish in the provider's network. one_way: not those in return."""

    KIND: ClassVar[str] = "partition"

    one: str
    other: str
    one_way: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """Both sites."""
        return (self.one, self.other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impair(RouterFault):
    """Its wire to the provider loses and doubles packets (0 to 1), and lets them overtake (jitter: seconds)."""

    KIND: ClassVar[str] = "impair"

    loss: float = 0.0
    duplicate: float = 0.0
    jitter: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Renumber(RouterFault):
    """The provider gives its port another network (198.18.`network`.0/30); the configuration follows."""

    KIND: ClassVar[str] = "renumber"

    network: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebind(RouterFault):
    """The translator before it forgets its flows and gives new ones from now on."""

    KIND: ClassVar[str] = "rebind"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStep(RouterFault):
    """Its wall clock jumps by `step` seconds."""

    KIND: ClassVar[str] = "clock-step"

    step: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear(RouterFault):
    """`clear ip nhrp` ("nhrp"), `clear dmvpn session` ("session"), the same with `static` ("session static"), or
    `clear crypto session` ("crypto").
    """

    KIND: ClassVar[str] = "clear"

    what: str = "nhrp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forged(RouterFault):
    """`count` packets reach the router with the addresses of `pretended`, a neighbor that never sent them."""

    pretended: str
    count: int

    @property
    def places(self) -> tuple[str, ...]:
        """The router, and the neighbor whose addresses the packets have."""
        return (self.router, self.pretended)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purges(Forged):
    """Purge Requests for mappings that the neighbor registered or sent in replies, and for many other addresses."""

    KIND: ClassVar[str] = "purges"


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed(Forged):
    """NHRP packets that break RFC 2332 in one way or another."""

    KIND: ClassVar[str] = "malformed"


KINDS: dict[str, type[Fault]] = {
    kind.KIND: kind
    for kind in (
        Kill,
        Restart,
        LinkDown,
        Cut,
        Partition,
        Impair,
        Renumber,
        Rebind,
        ClockStep,
        Clear,
        Purges,
        Malformed,
    )
}


def to_json(fault: Fault) -> dict[str, Json]:
    """Return a fault as a JSON object, without fields that have their default value."""
    defaults = {field.name: field.default for field in fields(fault)}
    given = {name: value for name, value in asdict(fault).items() if value != defaults[name]}
    return {"kind": fault.KIND, **given}


def from_json(raw: object) -> Fault:
    """Read one fault. Raises UserError that names the error."""
    if not isinstance(raw, dict) or raw.get("kind") not in KINDS:
        raise UserError(f"not a fault: {raw!r}; its kind is one of {', '.join(KINDS)}")
    values = {name: value for name, value in raw.items() if name != "kind"}
    kind = KINDS[raw["kind"]]
    types = {field.name: str(field.type) for field in fields(kind)}
    for name, value in values.items():
        if name not in types:
            raise UserError(f"fault {kind.KIND}: it has no {name!r}, but {', '.join(types)}")
        if not _fits(types[name], value):
            raise UserError(f"fault {kind.KIND}: {name} cannot be {value!r}")
        if name in ("at", "seconds") and value < 0:
            raise UserError(f"fault {kind.KIND}: {name} is not negative")
    try:
        return kind(**values)
    except TypeError as error:
        raise UserError(f"fault {kind.KIND}: {str(error).partition(') ')[2]}") from error


def _fits(kind: str, value: object) -> bool:
    if isinstance(value, bool) or kind == "bool":
        return isinstance(value, bool) and kind == "bool"
    if kind == "float":
        return isinstance(value, int | float)
    return isinstance(value, int) if kind == "int" else isinstance(value, str)


def dumps(faults: tuple[Fault, ...]) -> str:
    """Return faults as text: a JSON list, one fault a line."""
    return "[\n" + ",\n".join("  " + json.dumps(to_json(fault)) for fault in faults) + "\n]"
