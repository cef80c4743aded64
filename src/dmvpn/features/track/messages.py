"""What tracked objects write into the log. The text is that of IOS."""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.notices import Log, log_messages


class StateChanged(Log, name="TRACK-6-STATE"):
    """A tracked object is up or down from now on, and the static routes that follow it come or go."""

    @classmethod
    def of(cls, number: int, about: str, *, up: bool) -> Self:
        """Return the message. about: the object and what of it."""
        change = "Down -> Up" if up else "Up -> Down"
        return cls(f"{number} {about} {change}")


MESSAGES: Final = log_messages(vars())
