"""Tracked objects: each is up or down, by one fact, or by what other objects are together.

A fact that changes counts when the delay for that direction is over, and it has not changed back. A list follows its
members at once, unless it has delays of its own; between its two thresholds it keeps its state. All objects are looked
at once, members before their lists. So a list that is a member of itself changes once at a time, and its final state is
undefined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.notices import TrackChanged
from dmvpn.base.values import dataclass
from dmvpn.features.track import messages
from dmvpn.features.track.echoes import Code
from dmvpn.features.track.model import TrackKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Context
    from dmvpn.features.track.echoes import Echoes
    from dmvpn.features.track.model import Tracked

#: Seconds after which objects look at a route that changed: a route may follow an object that looks at it.
_ROUTES_PAUSE: Final = 1.0


@dataclass(slots=True, eq=False)
class Object:
    """One object. changes: how often its state changed. since: when it did last, seconds monotonic."""

    settings: Tracked
    timer: Timer
    since: float
    is_up: bool = False
    changes: int = 0


class Objects:
    """All of a router, by number."""

    def __init__(self, context: Context, echoes: Echoes) -> None:
        self.all: dict[int, Object] = {}
        self._context = context
        self._echoes = echoes
        self._members_first: tuple[Object, ...] = ()
        self._prefixes: dict[tuple[str, Prefix], None] = {}
        self._routes_timer = Timer("look at the tracked routes", self.look)

    def configure(self, tracked: tuple[Tracked, ...]) -> None:
        """Apply other lines. An object that looks at something else begins again, down."""
        wanted = {each.number: each for each in tracked}
        for number, each in list(self.all.items()):
            settings = wanted.get(number)
            if settings is None or _looked_at(settings) != _looked_at(each.settings):
                self._context.retire(each.timer)
                del self.all[number]
                self._context.emit(TrackChanged(number, up=False))
            else:
                each.settings = settings
        for number, settings in wanted.items():
            if number not in self.all:
                self.all[number] = self._new(settings)
                self._context.emit(TrackChanged(number, up=False))
        self.all = dict(sorted(self.all.items()))
        self._members_first = tuple(_members_first(self.all))
        self._prefixes = dict.fromkeys((each.vrf, each.prefix) for each in tracked if each.prefix is not None)
        self.look()

    def _new(self, settings: Tracked) -> Object:
        found = Object(
            settings,
            Timer("an object changes after its delay", lambda: self._turn(found), settings.number),
            self._context.now,
        )
        return found

    def route_changed(self, vrf: str, prefix: Prefix) -> None:
        """Note that the route of a prefix was added, removed or changed in the table of a VRF ("": the global one).

        What this leads to may change it again: not at once.
        """
        if (vrf, prefix) in self._prefixes and not self._context.is_running(self._routes_timer):
            self._context.start(self._routes_timer, _ROUTES_PAUSE)

    def look(self) -> None:
        """Look at the facts again, of which one may be another."""
        for each in self._members_first:
            self._follow(each)

    def _follow(self, each: Object) -> None:
        is_up = self._fact(each)
        if is_up == each.is_up:
            self._context.stop(each.timer)
            return
        delay = each.settings.up_delay if is_up else each.settings.down_delay
        if not delay:
            self._change(each, is_up)
        elif not self._context.is_running(each.timer):
            self._context.start(each.timer, delay)

    def _turn(self, each: Object) -> None:
        """Change the state of an object whose fact has differed for long enough."""
        is_up = self._fact(each)
        if is_up != each.is_up:
            self._change(each, is_up)
            self.look()

    def _change(self, each: Object, is_up: bool) -> None:
        self._context.stop(each.timer)
        each.is_up, each.since = is_up, self._context.now
        each.changes += 1
        settings = each.settings
        about = f"{settings.about} {settings.parameter}"
        self._context.emit(messages.StateChanged.of(settings.number, about, up=is_up))
        self._context.emit(TrackChanged(settings.number, up=is_up))

    def _fact(self, each: Object) -> bool:
        ports, settings = self._context.ports, each.settings
        match settings.kind:
            case TrackKind.LINE | TrackKind.ROUTING:
                state = ports.interfaces.get(settings.interface)
                if state is None or not state.line:
                    return False
                return settings.kind is TrackKind.LINE or state.address is not None
            case TrackKind.REACHABLE | TrackKind.STATE:
                echo = self._echoes.running.get(settings.operation)
                code = echo.code if echo is not None else Code.UNKNOWN
                return code is Code.OK or (code is Code.OVER and settings.kind is TrackKind.REACHABLE)
            case TrackKind.ROUTE:
                rib = ports.rib_of(settings.vrf)
                return rib is not None and settings.prefix is not None and rib.exact(settings.prefix) is not None
            case TrackKind.WEIGHT | TrackKind.PERCENTAGE:
                level = self.level(settings)
                return level >= settings.up_level or (each.is_up and level > settings.down_level)
            case _:
                members = [self._is_up(number) is not reverse for number, reverse in settings.members]
                return bool(members) and (all(members) if settings.kind is TrackKind.ALL else any(members))

    def level(self, settings: Tracked) -> int:
        """Return the weight of a list's objects that are up, or their part of all, percent."""
        pairs = zip(settings.members, settings.weights, strict=True)
        up = [weight for (number, reverse), weight in pairs if self._is_up(number) is not reverse]
        if settings.kind is TrackKind.WEIGHT:
            return sum(up)
        return 100 * len(up) // len(settings.members) if settings.members else 0

    def _is_up(self, number: int) -> bool:
        member = self.all.get(number)
        return member is not None and member.is_up


def _looked_at(settings: Tracked) -> tuple[TrackKind, str, str]:
    return settings.kind, settings.about, settings.vrf


def _members_first(objects: dict[int, Object]) -> Iterator[Object]:
    """Yield each object once, behind its members, unless they are members of each other."""
    met: dict[int, None] = {}
    for first in objects:
        waiting = [(first, False)]
        while waiting:
            number, is_behind = waiting.pop()
            if is_behind:
                yield objects[number]
            elif number in objects and number not in met:
                met[number] = None
                waiting.append((number, True))
                waiting += [(member, False) for member, _ in objects[number].settings.members]
