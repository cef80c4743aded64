"""What the interface feature writes into the log. Texts are those of IOS: tools match them."""

from __future__ import annotations

from typing import Self

from dmvpn.base.notices import Log


class LinkUpDown(Log):
    """An interface gained or lost its carrier, or a logical one was switched on again."""

    __slots__ = ()

    @classmethod
    def of(cls, interface: str, *, up: bool) -> Self:
        """The message for this interface."""
        return cls("LINK", 3, "UPDOWN", f"Interface {interface}, changed state to {'up' if up else 'down'}")


class LinkChanged(Log):
    """An administrator shut an interface."""

    __slots__ = ()

    @classmethod
    def of(cls, interface: str) -> Self:
        """The message for this interface."""
        return cls("LINK", 5, "CHANGED", f"Interface {interface}, changed state to administratively down")


class LineProtocolUpDown(Log):
    """An interface began, or ceased, to carry packets."""

    __slots__ = ()

    @classmethod
    def of(cls, interface: str, *, up: bool) -> Self:
        """The message for this interface."""
        state = "up" if up else "down"
        return cls("LINEPROTO", 5, "UPDOWN", f"Line protocol on Interface {interface}, changed state to {state}")


MESSAGES = (LinkUpDown, LinkChanged, LineProtocolUpDown)
