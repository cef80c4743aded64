"""The active debugs, and their conditions: the answers to `ports.debugging.on`.

Features name their flags ("nhrp packet") and ask before they format anything. This file knows no flag by name; the
command that switches a flag provides name, title and group.

Conditions narrow the debugs of a family, the first word of the flags' names. While a family has conditions, lines pass
that fit one of them, and lines about unknown peers do not pass (as with IOS, unless `unmatched`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.features.system.events import ClearDebug, ConditionKind, SetDebug, SetDebugCondition

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


@dataclass(frozen=True, slots=True, order=True)
class ActiveDebug:
    """A debug as people know it.

    name: what machines ask for.
    listed: what `show debugging` calls it.
    """

    group: str
    title: str
    name: str
    listed: str


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition of a debug. value: an address or the name of an interface."""

    kind: ConditionKind
    value: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.value}"


class DebugSwitches:
    """Flags and conditions of one router."""

    __slots__ = ("_active", "_conditions")

    def __init__(self) -> None:
        self._active: dict[str, ActiveDebug] = {}
        self._conditions: dict[str, dict[Condition, None]] = {}

    @property
    def anything(self) -> bool:
        """Whether any flag is on."""
        return bool(self._active)

    def on(
        self,
        flag: str,
        nbma: IPAddress | None = None,
        *,
        address: IPAddress | None = None,
        interface: str | None = None,
    ) -> bool:
        """Return whether the flag is on, and a condition of its family, if it has any, fits."""
        if flag not in self._active:
            return False
        conditions = self._conditions.get(flag.partition(" ")[0])
        if not conditions:
            return True
        known = (
            (ConditionKind.NBMA, str(nbma)),
            (ConditionKind.ADDRESS, str(address)),
            (ConditionKind.INTERFACE, interface),
        )
        return any((condition.kind, condition.value) in known for condition in conditions)

    def set(self, event: SetDebug) -> str:
        """Switch flags; the text is what the user reads."""
        lines: list[str] = []
        for debug in (ActiveDebug(*fields) for fields in event.debugs):
            if event.on:
                self._active[debug.name] = debug
            else:
                self._active.pop(debug.name, None)
            lines.append(f"{debug.title} debugging is {'on' if event.on else 'off'}\n")
        return "".join(lines)

    def clear(self, _: ClearDebug) -> str:
        """Switch everything off. A condition that stayed would silence the next debug for no visible reason."""
        self._active.clear()
        self._conditions.clear()
        return "All possible debugging has been turned off\n"

    def set_condition(self, event: SetDebugCondition) -> str:
        """Add or take away a condition; the text is what the user reads."""
        of_family = self._conditions.setdefault(event.family, {})
        if event.kind is None:
            of_family.clear()
            return ""
        condition = Condition(event.kind, event.value)
        if not event.on:
            if condition not in of_family:
                return "% Condition was not set\n"
            del of_family[condition]
        elif condition not in of_family:
            of_family[condition] = None
            return f"Condition {len(of_family)} set\n"
        return ""

    @property
    def active(self) -> tuple[ActiveDebug, ...]:
        """The active flags, sorted by group and title."""
        return tuple(sorted(self._active.values()))

    def conditions_of(self, family: str) -> tuple[Condition, ...]:
        """Return those of one family, in the order in which they were set."""
        return tuple(self._conditions.get(family, ()))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions, in the order in which they were set, family by family."""
        return tuple(condition for family in sorted(self._conditions) for condition in self._conditions[family])
