"""Our own advertisements: made when what they say changes, refreshed, defended, taken back. RFC 2328 §12.4, §13.4, §14.

Each is registered with a function that says what holds now (None: nothing any more). It is asked when its throttle lets
it, so a hundred changes make one instance. `contents` has the functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.context import Timer
from dmvpn.base.values import dataclass
from dmvpn.features.ospf.lsa import FIRST_SEQUENCE, LAST_SEQUENCE, MAX_AGE, REFRESH_AGE, Body, Lsa, LsaKey, LsaType
from dmvpn.features.ospf.messages import DuplicateInArea
from dmvpn.features.ospf.surroundings import Surroundings
from dmvpn.features.ospf.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.features.ospf.area import RunningArea
    from dmvpn.features.ospf.flooding import Flooding

#: So often within so many seconds somebody else claims to have made what we make: then it has our identifier.
_CONTESTS: Final = 4
_CONTEST_PERIOD: Final = 60.0
#: An area's number (0 for what belongs to none) and the key.
_Name = tuple[int, LsaKey]


class Originating(Surroundings, Protocol):
    """A process, as far as it makes advertisements."""

    @property
    def flooding(self) -> Flooding:
        """Tells them."""
        ...


@dataclass(slots=True, eq=False)
class Own:
    """One that we make. build: what it is to say now. refresh: when it is made again although nothing changed.

    again: even if it says the same. contests: how often somebody else claimed to have made it since `counted`.
    """

    area: RunningArea
    key: LsaKey
    build: Callable[[], Body | None]
    options: Callable[[], int]
    throttle: Throttle
    refresh: Timer
    again: bool = False
    contests: int = 0
    counted: float = float("-inf")


class Origination:
    """Makes the advertisements of one process."""

    def __init__(self, process: Originating) -> None:
        self._process = process
        self._context = process.context
        self._own: dict[_Name, Own] = {}

    def request(
        self,
        area: RunningArea,
        key: LsaKey,
        build: Callable[[], Body | None],
        options: Callable[[], int] | None = None,
    ) -> None:
        """Request that this one be made again soon, if what it says has changed."""
        name = (area.number, key)
        own = self._own.get(name)
        if own is None:
            own = self._own[name] = Own(
                area,
                key,
                build,
                options or (lambda: int(area.options)),
                Throttle(self._context, lambda: self._make(name), self._times),
                Timer(lambda: self._make(name, again=True)),
            )
        else:
            own.build = build
        own.throttle.request()

    def _times(self) -> tuple[int, int, int]:
        """Return how often each may be made: milliseconds, as `Throttle` has them."""
        return self._process.settings.lsa_throttle

    def withdraw(self, area: RunningArea, key: LsaKey) -> None:
        """Withdraw what is not to be there any more; it need not be there."""
        name = (area.number, key)
        if name in self._own:
            self._forget(name)
            self._flush(area, key)

    def keys(self, area: RunningArea, *kinds: int) -> list[LsaKey]:
        """Return those that are registered in an area, of these types."""
        return [key for number, key in self._own if number == area.number and key.type in kinds]

    def waiting(self) -> list[tuple[LsaKey, float]]:
        """Return those that are to be made, and when: monotonic seconds."""
        found = ((key, own.throttle.due) for (_, key), own in self._own.items())
        return [(key, due) for key, due in found if due is not None]

    def contested(self, area: RunningArea, lsa: Lsa) -> None:
        """Contest an instance of one of ours that somebody told us, newer than we know: from an earlier life of this
        router.

        RFC 2328 §13.4.
        """
        name = (area.number, lsa.key)
        own = self._own.get(name)
        if own is not None:
            # Not at once each time: two routers of one identifier would answer each other as fast as they can.
            own.again = True
            own.throttle.request()
            self._say_if_often(own)
        elif lsa.header.age < MAX_AGE:
            self._flush(area, lsa.key)

    def _say_if_often(self, own: Own) -> None:
        """Say if it happens often: a router that lives again finds its old one once; one that finds it all the time is
        not alone.
        """
        now = self._context.now
        if now - own.counted > _CONTEST_PERIOD:
            own.contests, own.counted = 0, now
        own.contests += 1
        if own.contests == _CONTESTS and own.key.type == LsaType.ROUTER:
            self._context.out.append(DuplicateInArea.of(own.key.router, own.area.number))

    def buried(self, area: RunningArea | None, key: LsaKey) -> None:
        """Note that an instance has gone from the database; if it is to be there, it begins again."""
        for (number, known), own in self._own.items():
            if known == key and (area is None or area.number == number):
                own.throttle.request()

    def close(self, *, tell: bool) -> None:
        """Forget what we originated, because the process ends. tell: everybody hears that it does not hold any more."""
        for number, key in list(self._own):
            own = self._own[number, key]
            self._forget((number, key))
            if tell:
                self._flush(own.area, key)

    def drop_area(self, area: RunningArea) -> None:
        """Drop an area that is gone from this router."""
        for name in [name for name in self._own if name[0] == area.number]:
            self._forget(name)

    def _forget(self, name: _Name) -> None:
        own = self._own.pop(name)
        own.throttle.stop()
        self._context.stop(own.refresh)

    def _make(self, name: _Name, *, again: bool = False) -> None:
        """Make it; again: even if it says the same."""
        own = self._own[name]
        again, own.again = again or own.again, False
        database = self._process.database(own.area, own.key.type)
        entry, body = database.get(own.key), own.build()
        if body is None:
            self._context.stop(own.refresh)
            self._flush(own.area, own.key)
            return
        options, sequence = own.options(), FIRST_SEQUENCE
        if entry is not None:
            old = entry.lsa
            holds = entry.age(self._context.now) < MAX_AGE
            if holds and not again and old.body == body and old.header.options == options:
                if not self._context.is_running(own.refresh):
                    self._context.start(own.refresh, max(0, REFRESH_AGE - entry.age(self._context.now)))
                return
            if old.header.sequence >= LAST_SEQUENCE:
                self._flush(own.area, own.key)  # and from the first number on when it is gone (`buried`)
                return
            sequence = old.header.sequence + 1
        self._context.start(own.refresh, REFRESH_AGE)
        self._process.flooding.originate(own.area, Lsa.make(own.key, body, sequence=sequence, options=options))

    def _flush(self, area: RunningArea, key: LsaKey) -> None:
        """Flush an instance that everybody is to forget: it goes round once more, at MAX_AGE. RFC 2328 §14.1."""
        entry = self._process.database(area, key.type).get(key)
        if entry is not None and entry.lsa.header.age < MAX_AGE:
            self._process.flooding.originate(area, Lsa.parse(entry.lsa.at_age(MAX_AGE)))
