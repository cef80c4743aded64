"""The errors of every room, and who is to blame for each.

    DmvpnError
    ├── WireError        a peer sent what the standard forbids: count it, log it (rate-limited), drop it
    ├── UserError        somebody typed or wrote something we cannot do: one clear line, nothing lost
    └── (our own faults are plain AssertionError, KeyError ...: they fail the scenario and name the event)

A decoder raises `WireError` and nothing else, whatever the octets are.
"""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class DmvpnError(Exception):
    """The root: everything that this program raises on purpose."""


class WireError(DmvpnError, ValueError):
    """A peer sent what a standard forbids.

    `offset`: octets from the start of the message; `clause`: where the standard says so, e.g. "RFC 2332 §5.3".
    """

    def __init__(self, what: str, *, offset: int, clause: str) -> None:
        super().__init__(f"{what} at octet {offset} ({clause})")
        self.what = what
        self.offset = offset
        self.clause = clause


class UserError(DmvpnError):
    """Somebody asked for what cannot be done. The text says what, where, and what to do about it."""


def surely(value: T | None) -> T:
    """What must be there by now; if it is not, the fault is ours (AssertionError)."""
    if value is None:
        raise AssertionError("what must be there is not")
    return value
