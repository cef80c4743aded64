"""The life of a router, as a word: it is another one after each start, and clients resume within one life only."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from dmvpn.base.machine import Machine

#: Octets of the word, which is random: a router does not know how many lives it had before. The id of an event of a lab
#: has the words of all its routers.
LENGTH: Final = 4

_LIVES: Final[WeakKeyDictionary[Machine, str]] = WeakKeyDictionary()


def life_of(machine: Machine) -> str:
    """Return the word for the life that a machine belongs to: each start makes new machines."""
    return _LIVES.setdefault(machine, secrets.token_hex(LENGTH))
