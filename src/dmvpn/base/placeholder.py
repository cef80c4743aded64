"""A word in the place of a value that is not known."""

from __future__ import annotations


class Placeholder(str):
    """A word in the place of any value, for people to replace: a remedy may lack an address that is not known."""

    __slots__ = ()
