"""Which lines of a process are read, kept and shown, and acted on by nobody yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.features.ospf.model import Process


def unbuilt(settings: Process) -> tuple[str, ...]:
    """How these lines begin."""
    areas = settings.areas
    found = {
        "area range": any(area.ranges for area in areas),
        "redistribute": bool(settings.redistributions),
        "default-information originate": settings.default_originate is not None,
        "summary-address": bool(settings.summaries),
    }
    return tuple(words for words, is_there in found.items() if is_there)
