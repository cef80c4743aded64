"""A seeded schedule of faults for a network: the same seed gives the same faults.

Faults begin one after another with pauses of different length, and overlap only on different routers: a router has one
fault at a time, so that the effects of two faults can be distinguished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.entropy import Entropy, below, fraction
from dmvpn.base.values import dataclass
from dmvpn.judge import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dmvpn.judge.anatomy import Anatomy
    from dmvpn.judge.faults import Fault

T = TypeVar("T")

#: Seconds from one fault to the next, about.
PACE = 100.0
#: Seconds without a fault that a router has after a fault of its own.
PEACE = 30.0
#: How long faults last: some end before a peer notices, some outlast every timer but the holding time.
SHORT, LONG = (0.2, 12.0), (20.0, 240.0)


@dataclass(frozen=True, slots=True)
class Abilities:
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
        self._recipes = self._weighted()

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

    def _weighted(self) -> list[Callable[[float], Fault | None]]:
        recipes: list[tuple[int, Callable[[float], Fault | None]]] = [
            (3, self._kill),
            (2, self._restart),
            (2, self._link_down),
            (3, self._cut),
            (4, self._partition),
            (3, self._impair),
            (2, self._reorder),
            (1 if self._abilities.renumber else 0, self._renumber),
            (2 if self._abilities.rebind else 0, self._rebind),
            (1, self._clock),
            (2, self._clear),
            (2, self._purges),
            (2, self._malformed),
        ]
        return [recipe for weight, recipe in recipes for _ in range(weight)]

    # -------------------------------------------------------------------------------------------- kinds

    def _kill(self, at: float) -> Fault:
        return faults.Kill(at=at, router=self._site(), seconds=self._duration())

    def _restart(self, at: float) -> Fault:
        return faults.Restart(at=at, router=self._site(), seconds=self._duration())

    def _link_down(self, at: float) -> Fault | None:
        router = self._wired()
        return faults.LinkDown(at=at, router=router, seconds=self._duration()) if router else None

    def _cut(self, at: float) -> Fault | None:
        router = self._wired()
        return faults.Cut(at=at, router=router, seconds=self._duration()) if router else None

    def _partition(self, at: float) -> Fault | None:
        sites = [name for name, site in self._anatomy.sites.items() if site.wans and not site.companions]
        if len(sites) < 2:
            return None
        one = sites.pop(below(self._entropy, len(sites)))
        return faults.Partition(
            at=at, one=one, other=self._one_of(sites), seconds=self._duration(), one_way=below(self._entropy, 3) == 0
        )

    def _impair(self, at: float) -> Fault | None:
        router = self._wired()
        if router is None:
            return None
        loss = round(0.01 + 0.29 * fraction(self._entropy), 3)
        return faults.Impair(at=at, router=router, seconds=self._duration(), loss=loss)

    def _reorder(self, at: float) -> Fault | None:
        router = self._wired()
        if router is None:
            return None
        return faults.Impair(
            at=at,
            router=router,
            seconds=self._duration(),
            jitter=round(0.05 * fraction(self._entropy), 4),
            duplicate=round(0.3 * fraction(self._entropy), 3),
        )

    def _renumber(self, at: float) -> Fault:
        self._networks += 1
        return faults.Renumber(at=at, router=self._one_of(self._abilities.renumber), network=self._networks % 256)

    def _rebind(self, at: float) -> Fault:
        return faults.Rebind(at=at, router=self._one_of(self._abilities.rebind))

    def _clock(self, at: float) -> Fault:
        step = round((fraction(self._entropy) - 0.5) * 2 * 86400.0, 1)
        return faults.ClockStep(at=at, router=self._site(), step=step)

    def _clear(self, at: float) -> Fault:
        crypto = ("crypto",) if self._anatomy.protected else ()
        what = self._one_of(("nhrp", "session", "session static", *crypto))
        return faults.Clear(at=at, router=self._site(), what=what)

    def _purges(self, at: float) -> Fault | None:
        pair = self._neighbors()
        return faults.Purges(at=at, router=pair[0], pretended=pair[1], count=self._count()) if pair else None

    def _malformed(self, at: float) -> Fault | None:
        pair = self._neighbors()
        return faults.Malformed(at=at, router=pair[0], pretended=pair[1], count=self._count()) if pair else None

    # -------------------------------------------------------------------------------------------- chance

    def _site(self) -> str:
        return self._one_of(tuple(self._anatomy.sites))

    def _wired(self) -> str | None:
        return self._one_of(self._abilities.wires) if self._abilities.wires else None

    def _neighbors(self) -> tuple[str, str] | None:
        """Return two routers with NHRP between them: the receiver of forged packets, and the router they imitate."""
        sites = [name for name, site in self._anatomy.sites.items() if site.wans and site.tunnels]
        if len(sites) < 2:
            return None
        one = sites.pop(below(self._entropy, len(sites)))
        return one, self._one_of(sites)

    def _duration(self) -> float:
        low, high = SHORT if below(self._entropy, 2) else LONG
        return round(low + (high - low) * fraction(self._entropy), 2)

    def _count(self) -> int:
        return 1 << below(self._entropy, 9)

    def _one_of(self, things: Sequence[T]) -> T:
        return things[below(self._entropy, len(things))]
