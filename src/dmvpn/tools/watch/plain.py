"""Steps for programs: JSON objects, as the page of `dmvpn web` plays them (`web/page/film.js`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.chronicle import mapping_to_plain
from dmvpn.tools.watch.steps import Arrow

if TYPE_CHECKING:
    from dmvpn.tools.watch.steps import Step

PlainStep = dict[str, str | float | bool]


def step_to_plain(step: Step) -> PlainStep:
    """Return a step as a JSON object. time: seconds since 1970."""
    if isinstance(step, Arrow):
        return {
            "type": "arrow",
            "time": step.time,
            "sender": step.sender,
            "receiver": step.receiver,
            "protocol": step.protocol,
            "name": step.name,
            "subject": step.subject,
            "arrived": step.arrived,
            "forwarded": step.forwarded,
        }
    return {
        "type": "note",
        "time": step.time,
        "router": step.router,
        "sign": step.sign.value,
        "topic": step.kind,
        "subject": step.subject,
        "text": step.text,
        "interface": step.interface,
        **(mapping_to_plain(step.change) if step.change is not None else {}),
    }
