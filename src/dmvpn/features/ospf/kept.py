"""Which lines of a process are read, kept and shown, and acted on by nobody yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ospf.model import AreaKind

if TYPE_CHECKING:
    from dmvpn.features.ospf.model import Process


def unbuilt(settings: Process) -> tuple[str, ...]:
    """How these lines begin."""
    areas = settings.areas
    found = {
        "area nssa": any(area.kind is AreaKind.NSSA for area in areas),
        "area range": any(area.ranges for area in areas),
        "summary-address": bool(settings.summaries),
    }
    return tuple(words for words, is_there in found.items() if is_there)
