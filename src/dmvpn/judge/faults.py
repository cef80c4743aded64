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

`random_faults` draws a schedule: the same seed gives the same faults. They begin one after another with pauses of
different length, and overlap only on different routers: a router has one fault at a time, so that the effects of two
faults can be distinguished.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from functools import partial
from typing import ClassVar, TypeVar

from dmvpn.base.entropy import Entropy, below, fraction
from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.judge.anatomy import Anatomy

# ------------------------------------------------------------------------------------------------ faults


Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Fault(Value, kw_only=True):
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


class RouterFault(Fault, Value, kw_only=True):
    """A fault of one router."""

    router: str

    @property
    def places(self) -> tuple[str, ...]:
        """That router."""
        return (self.router,)


class Kill(RouterFault, Value, kw_only=True):
    """`kill -9`; the router restarts after `seconds`, without its state."""

    KIND: ClassVar[str] = "kill"


class Restart(RouterFault, Value, kw_only=True):
    """An orderly stop: the router withdraws its registrations first. It restarts after `seconds`."""

    KIND: ClassVar[str] = "restart"


class LinkDown(RouterFault, Value, kw_only=True):
    """Its wire to the provider is pulled out: both ends see that the carrier is gone."""

    KIND: ClassVar[str] = "link-down"


class Cut(RouterFault, Value, kw_only=True):
    """Its wire to the provider passes no packets, but the carrier stays up."""

    KIND: ClassVar[str] = "cut"


class Partition(Fault, Value, kw_only=True):
    """Packets from one site to the other vanish in the provider's network. one_way: not those in return."""

    KIND: ClassVar[str] = "partition"

    one: str
    other: str
    one_way: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """Both sites."""
        return (self.one, self.other)


class Impair(RouterFault, Value, kw_only=True):
    """Its wire to the provider loses and doubles packets (0 to 1), and lets them overtake (jitter: seconds)."""

    KIND: ClassVar[str] = "impair"

    loss: float = 0.0
    duplicate: float = 0.0
    jitter: float = 0.0


class Renumber(RouterFault, Value, kw_only=True):
    """The provider gives its port another network (198.18.`network`.0/30); the configuration follows."""

    KIND: ClassVar[str] = "renumber"

    network: int


class Rebind(RouterFault, Value, kw_only=True):
    """The translator before it forgets its flows and gives new ones from now on."""

    KIND: ClassVar[str] = "rebind"


class ClockStep(RouterFault, Value, kw_only=True):
    """Its wall clock jumps by `step` seconds."""

    KIND: ClassVar[str] = "clock-step"

    step: float


class Clear(RouterFault, Value, kw_only=True):
    """`clear ip nhrp` ("nhrp"), `clear dmvpn session` ("session"), the same with `static` ("session static"), or
    `clear crypto session` ("crypto").
    """

    KIND: ClassVar[str] = "clear"

    what: str = "nhrp"


class Forged(RouterFault, Value, kw_only=True):
    """`count` packets reach the router with the addresses of `pretended`, a neighbor that never sent them."""

    pretended: str
    count: int

    @property
    def places(self) -> tuple[str, ...]:
        """The router, and the neighbor whose addresses the packets have."""
        return (self.router, self.pretended)


class Purges(Forged, Value, kw_only=True):
    """Purge Requests for mappings that the neighbor registered or sent in replies, and for many other addresses."""

    KIND: ClassVar[str] = "purges"


class Malformed(Forged, Value, kw_only=True):
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


# ------------------------------------------------------------------------------------------------ a schedule


T = TypeVar("T")

#: Seconds from one fault to the next, about.
PACE = 100.0
#: Seconds without a fault that a router has after a fault of its own.
PEACE = 30.0
#: How long faults last: some end before a peer notices, some outlast every timer but the holding time.
SHORT, LONG = (0.2, 12.0), (20.0, 240.0)


class Abilities(Value):
    """The routers to which certain faults can happen.

    wires: routers with a wire to the provider of their own. renumber, rebind: routers whose NBMA address can change in
    this way.
    """

    wires: tuple[str, ...]
    renumber: tuple[str, ...]
    rebind: tuple[str, ...]


def random_faults(anatomy: Anatomy, abilities: Abilities, entropy: Entropy, seconds: float) -> tuple[Fault, ...]:
    """Return faults for so many seconds, ordered by begin; each ends within that time."""
    return tuple(_Writer(anatomy, abilities, entropy).write(seconds))


class _Writer:
    def __init__(self, anatomy: Anatomy, abilities: Abilities, entropy: Entropy) -> None:
        self._anatomy = anatomy
        self._abilities = abilities
        self._entropy = entropy
        self._networks = 0
        self._free = dict.fromkeys(anatomy.sites, 0.0)
        recipes: list[tuple[int, Callable[[float], Fault | None]]] = [
            (3, partial(self._stop, Kill)),
            (2, partial(self._stop, Restart)),
            (2, partial(self._unplug, LinkDown)),
            (3, partial(self._unplug, Cut)),
            (4, self._partition),
            (3, self._impair),
            (2, self._reorder),
            (1 if abilities.renumber else 0, self._renumber),
            (2 if abilities.rebind else 0, self._rebind),
            (1, self._clock),
            (2, self._clear),
            (2, partial(self._forge, Purges)),
            (2, partial(self._forge, Malformed)),
        ]
        self._recipes = [recipe for weight, recipe in recipes for _ in range(weight)]

    def write(self, seconds: float) -> list[Fault]:
        """See `random_faults`."""
        written: list[Fault] = []
        now = 5.0
        while now < seconds:
            fault = self._one_of(self._recipes)(now)
            if fault is not None and fault.end < seconds and all(self._free[name] <= now for name in fault.places):
                written.append(fault)
                for name in fault.places:
                    self._free[name] = fault.end + PEACE
            now = round(now + PACE * (0.1 + 2.7 * fraction(self._entropy) ** 2), 3)
        return written

    # -------------------------------------------------------------------------------------------- kinds

    def _stop(self, kind: type[Kill | Restart], at: float) -> Fault:
        return kind(at=at, router=self._site(), seconds=self._duration())

    def _unplug(self, kind: type[LinkDown | Cut], at: float) -> Fault | None:
        router = self._wired()
        return kind(at=at, router=router, seconds=self._duration()) if router else None

    def _forge(self, kind: type[Purges | Malformed], at: float) -> Fault | None:
        """Choose two routers with NHRP between them: the receiver of forged packets, and the router they imitate."""
        sites = [name for name, site in self._anatomy.sites.items() if site.wans and site.tunnels]
        if len(sites) < 2:
            return None
        victim = sites.pop(below(self._entropy, len(sites)))
        pretended = self._one_of(sites)
        return kind(at=at, router=victim, pretended=pretended, count=1 << below(self._entropy, 9))

    def _partition(self, at: float) -> Fault | None:
        sites = [name for name, site in self._anatomy.sites.items() if site.wans and not site.companions]
        if len(sites) < 2:
            return None
        one = sites.pop(below(self._entropy, len(sites)))
        return Partition(
            at=at, one=one, other=self._one_of(sites), seconds=self._duration(), one_way=below(self._entropy, 3) == 0
        )

    def _impair(self, at: float) -> Fault | None:
        router = self._wired()
        if router is None:
            return None
        loss = round(0.01 + 0.29 * fraction(self._entropy), 3)
        return Impair(at=at, router=router, seconds=self._duration(), loss=loss)

    def _reorder(self, at: float) -> Fault | None:
        router = self._wired()
        if router is None:
            return None
        return Impair(
            at=at,
            router=router,
            seconds=self._duration(),
            jitter=round(0.05 * fraction(self._entropy), 4),
            duplicate=round(0.3 * fraction(self._entropy), 3),
        )

    def _renumber(self, at: float) -> Fault:
        self._networks += 1
        return Renumber(at=at, router=self._one_of(self._abilities.renumber), network=self._networks % 256)

    def _rebind(self, at: float) -> Fault:
        return Rebind(at=at, router=self._one_of(self._abilities.rebind))

    def _clock(self, at: float) -> Fault:
        step = round((fraction(self._entropy) - 0.5) * 2 * 86400.0, 1)
        return ClockStep(at=at, router=self._site(), step=step)

    def _clear(self, at: float) -> Fault:
        crypto = ("crypto",) if self._anatomy.protected else ()
        what = self._one_of(("nhrp", "session", "session static", *crypto))
        return Clear(at=at, router=self._site(), what=what)

    # -------------------------------------------------------------------------------------------- chance

    def _site(self) -> str:
        return self._one_of(tuple(self._anatomy.sites))

    def _wired(self) -> str | None:
        return self._one_of(self._abilities.wires) if self._abilities.wires else None

    def _duration(self) -> float:
        low, high = SHORT if below(self._entropy, 2) else LONG
        return round(low + (high - low) * fraction(self._entropy), 2)

    def _one_of(self, things: Sequence[T]) -> T:
        return things[below(self._entropy, len(things))]
