"""The errors of every room, and which side each one blames.

    DmvpnError
    ├── WireError        a peer sent what the standard forbids: count it, log it (rate-limited), drop it
    ├── UserError        the user typed or wrote something we cannot do: one clear line, nothing lost
    └── (our own faults are plain AssertionError, KeyError ...: they fail the scenario and name the event)

A decoder raises `WireError` and nothing else, whatever the octets are.
"""

from __future__ import annotations

# Not of `typing`: it costs half of what an interpreter does, and the quickest command imports this file.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final, TypeVar

    T = TypeVar("T")

#: Characters of an exception's message that a line about a fault has.
_LONGEST: Final = 300


class DmvpnError(Exception):
    """The root: everything that this program raises on purpose."""


class WireError(DmvpnError, ValueError):
    """A peer violated a standard.

    `offset`: octets from the start of the message; `clause`: the clause of the standard, e.g. "RFC 2332 §5.3".
    """

    def __init__(self, what: str, *, offset: int, clause: str) -> None:
        super().__init__(f"{what} at octet {offset} ({clause})")
        self.what = what
        self.offset = offset
        self.clause = clause


class UserError(DmvpnError):
    """A user asked for something impossible. The text names the problem, the place, and the remedy."""


def surely(value: T | None) -> T:
    """Return the value, which must exist by now; if it does not, the fault is ours (AssertionError)."""
    if value is None:
        raise AssertionError("what must be there is not")
    return value


def named(error: Exception) -> str:
    """Return the type and message of an exception in one line of printable text, cut where it is too long."""
    message = "".join(letter if letter.isprintable() else "?" for letter in " ".join(str(error).split()))
    if len(message) > _LONGEST:
        message = f"{message[:_LONGEST]}..."
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def some(names: Sequence[str], most: int = 4) -> str:
    """Return the first of many names, and the number of the rest."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def fault_text(error: Exception, doing: str) -> str:
    """Return one line about a fault of ours: the activity, its exception, and the remedy."""
    advice = "report it with the traceback that the log of this program has"
    return f"internal fault while {doing}: {named(error)}; {advice}"
