"""What can be configured of BFD, as values."""

from __future__ import annotations

from dataclasses import dataclass

#: Milliseconds between packets while a session is not up; RFC 5880 §6.8.3 asks for a second at least.
SLOW_TIMER = 1000


@dataclass(frozen=True, slots=True)
class Parameters:
    """`bfd interval`, or the lines of a template. Milliseconds: how often we send, and how often we can receive."""

    interval: int
    min_rx: int
    multiplier: int


@dataclass(frozen=True, slots=True)
class BfdConfig:
    """interfaces: those with parameters, in the order of the configuration. slow_timer: milliseconds."""

    interfaces: tuple[tuple[str, Parameters], ...] = ()
    slow_timer: int = SLOW_TIMER

    def of(self, interface: str) -> Parameters | None:
        """The parameters of sessions on an interface; None: there are none, so nothing is watched there."""
        return next((parameters for name, parameters in self.interfaces if name == interface), None)
