"""What the interface feature writes into the log. Texts are those of IOS: tools match them."""

from __future__ import annotations

from typing import Final

from dmvpn.base.notices import log_kind, log_messages
from dmvpn.base.reasons import Reason


@log_kind("LINK-3-UPDOWN")
def link_up_down(interface: str, *, up: bool) -> str:
    """An interface gained or lost its carrier, or a logical one was switched on again."""
    return f"Interface {interface}, changed state to {'up' if up else 'down'}"


@log_kind("LINK-5-CHANGED")
def link_changed(interface: str) -> str:
    """An administrator shut an interface."""
    return f"Interface {interface}, changed state to administratively down"


@log_kind("LINEPROTO-5-UPDOWN")
def line_protocol_up_down(interface: str, *, up: bool) -> str:
    """An interface began, or ceased, to carry packets."""
    state = "up" if up else "down"
    return f"Line protocol on Interface {interface}, changed state to {state}"


@log_kind("IPV6-4-NOTRUNNING")
def ipv6_down(interface: str, reason: Reason) -> str:
    """IPv6 is configured on an interface and does not run there. IPv4 is not affected."""
    return f"IPv6 on Interface {interface} stays down: {reason}"


MESSAGES: Final = log_messages(vars())
