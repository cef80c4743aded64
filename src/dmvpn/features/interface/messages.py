"""What the interface feature writes into the log. Texts are those of IOS: tools match them."""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.notices import Log, log_messages
from dmvpn.base.reasons import Reason


class LinkUpDown(Log, name="LINK-3-UPDOWN"):
    """An interface gained or lost its carrier, or a logical one was switched on again."""

    @classmethod
    def of(cls, interface: str, *, up: bool) -> Self:
        """Return the message for this interface."""
        return cls(f"Interface {interface}, changed state to {'up' if up else 'down'}")


class LinkChanged(Log, name="LINK-5-CHANGED"):
    """An administrator shut an interface."""

    @classmethod
    def of(cls, interface: str) -> Self:
        """Return the message for this interface."""
        return cls(f"Interface {interface}, changed state to administratively down")


class LineProtocolUpDown(Log, name="LINEPROTO-5-UPDOWN"):
    """An interface began, or ceased, to carry packets."""

    @classmethod
    def of(cls, interface: str, *, up: bool) -> Self:
        """Return the message for this interface."""
        state = "up" if up else "down"
        return cls(f"Line protocol on Interface {interface}, changed state to {state}")


class Ipv6Down(Log, name="IPV6-4-NOTRUNNING"):
    """IPv6 is configured on an interface and does not run there. IPv4 is not affected."""

    @classmethod
    def of(cls, interface: str, reason: Reason) -> Self:
        """Return the message for this interface."""
        return cls(f"IPv6 on Interface {interface} stays down: {reason}")


MESSAGES: Final = log_messages(vars())
