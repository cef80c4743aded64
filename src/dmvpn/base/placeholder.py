"""Words in the place of values that are not known.

Placeholder   any text; `ConfigLine.line` writes it as it is
Blank         one for a user to fill in, such as `<secret>`: no configuration line takes it
"""

from __future__ import annotations

from typing import Final


class Placeholder(str):
    """A word in the place of any value: a remedy may lack an address that is not known."""

    __slots__ = ()


_NAMES: Final = (
    "address",
    "another-network",
    "community",
    "hub-address",
    "interface",
    "kbit-per-second",
    "length",
    "mask",
    "name",
    "nbma-address",
    "network",
    "next-hop",
    "number",
    "pattern",
    "prefix",
    "secret",
    "text",
    "wildcard",
)
#: All blanks as they are written.
BLANKS: Final = frozenset(f"<{name}>" for name in _NAMES)


class Blank(Placeholder):
    """A value for a user to fill in. A line with a blank that is pasted as it is is refused, and so changes nothing."""

    __slots__ = ()

    def __new__(cls, name: str) -> Blank:
        """Return the blank of this name. Raises ValueError if the command line would take it for a value."""
        text = f"<{name}>"
        if text not in BLANKS:
            raise ValueError(f"no configuration line refuses {text}")
        return super().__new__(cls, text)


SECRET: Final = Blank("secret")
