"""What tracked objects write into the log. The text is that of IOS."""

from __future__ import annotations

from typing import Final

from dmvpn.base.notices import log_kind, log_messages


@log_kind("TRACK-6-STATE")
def state_changed(number: int, about: str, *, up: bool) -> str:
    """A tracked object is up or down from now on, and the static routes that follow it come or go."""
    # about: the object and what of it.
    change = "Down -> Up" if up else "Up -> Down"
    return f"{number} {about} {change}"


MESSAGES: Final = log_messages(vars())
