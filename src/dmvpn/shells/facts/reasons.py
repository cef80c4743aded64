"""A reason as facts: what travels as JSON and is still compared, never read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.reasons import Reason
from dmvpn.shells.facts.values import NO_REASON, ReasonFacts

if TYPE_CHECKING:
    from collections.abc import Iterator


def reason_facts(reason: Reason | None) -> ReasonFacts:
    """What there is to say about a reason, if there is one."""
    if reason is None:
        return NO_REASON
    return ReasonFacts(code=reason.code.id, text=str(reason), fields=tuple(_fields(reason)))


def _fields(reason: Reason) -> Iterator[ReasonFacts | int | str]:
    for field in reason.fields:
        match field:
            case Reason():
                yield reason_facts(field)
            case int():
                yield int(field)
            case _:
                yield str(field)
