"""Recent actions of a process, for `show ip ospf statistics` and `events`: bounded, and used only there."""

from __future__ import annotations

from collections import deque
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ospf.lsa import LsaType

if TYPE_CHECKING:
    from dmvpn.features.ospf.lsa import LsaHeader

_RUNS: Final = 10
_EVENTS: Final = 256
#: How `show ip ospf statistics` calls what made a calculation necessary.
_LETTERS: Final = {
    LsaType.ROUTER: "R",
    LsaType.NETWORK: "N",
    LsaType.SUMMARY: "SN",
    LsaType.BORDER_SUMMARY: "SA",
    LsaType.EXTERNAL: "X",
    LsaType.NSSA_EXTERNAL: "X",
}


@dataclass(frozen=True, slots=True)
class Run:
    """A calculation. at: seconds monotonic. networks: routes that it found. reasons: "R", "N", "SN", "SA", "X"."""

    at: float
    networks: int
    reasons: tuple[str, ...]


@dataclass(slots=True)
class History:
    """The last calculations, and the last events: seconds monotonic, and a text or the advertisement that changed."""

    runs: deque[Run] = field(default_factory=lambda: deque(maxlen=_RUNS))
    events: deque[tuple[float, str | LsaHeader]] = field(default_factory=lambda: deque(maxlen=_EVENTS))
    _reasons: dict[str, None] = field(default_factory=dict)

    def changed(self, now: float, header: LsaHeader) -> None:
        """Note that the database says another thing."""
        self.events.append((now, header))
        letter = _LETTERS.get(LsaType(header.type)) if header.type in _KNOWN else None
        if letter is not None:
            self._reasons[letter] = None

    def note(self, now: float, text: str) -> None:
        """Note that something happened."""
        self.events.append((now, text))

    def calculated(self, now: float, networks: int) -> None:
        """Note that a calculation is done."""
        self.runs.append(Run(now, networks, tuple(self._reasons)))
        self._reasons.clear()

    def forget(self) -> None:
        """Forget both."""
        self.runs.clear()
        self.events.clear()


_KNOWN: Final = frozenset(int(kind) for kind in LsaType)
